import { plainKeyring } from '../../packages/posthorn/src/secrets/keyring.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Ages } from '../../packages/posthorn/src/domain/clock-record.ts';
import type { Opened } from '../../packages/posthorn/src/opened.ts';
import { compose, type Posthorn } from '../../packages/posthorn/src/posthorn.ts';
import { systemClock } from '../../packages/posthorn/src/runtime/clock.ts';
import { refuseFormer } from '../../packages/posthorn/src/store/leap.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { adminKeyHashes, requestTo } from './library-http.ts';

// A clock that is wrong for a run, or jumps in one: the machine's, or with PostgreSQL the database's.

const hour = 3_600_000;
const day = 24 * hour;

/** By how much the clock that counts is wrong. */
interface Shift {
  ms: number;
}

interface Run {
  readonly posthorn: Posthorn;
  /** Rounds of pruning that are over. */
  readonly pruned: () => number;
  readonly get: (path: string) => Promise<Record<string, unknown>>;
  readonly stop: () => Promise<void>;
}

async function run(opened: Opened, shift: Shift): Promise<Run> {
  let rounds = 0;
  // The database's own clock is right, so it is not asked.
  const steady = (ages: Ages): Ages => {
    refuseFormer(ages, Date.now() + shift.ms);
    return { ...ages, shared: false };
  };
  const { write } = opened.store;
  const store: Store = {
    ...opened.store,
    write: {
      ...write,
      heartbeat: async (...args) => {
        const heartbeat = await write.heartbeat(...args);
        return { ...heartbeat, now: heartbeat.now === null ? null : heartbeat.now + shift.ms };
      },
      prune: async (request) => {
        const answer = await write.prune({ ...request, ages: steady(request.ages) });
        rounds++;
        return answer;
      },
      pruneKeyedRequests: (ages, limit) => write.pruneKeyedRequests(steady(ages), limit),
    },
  };
  const posthorn = compose(
    { ...opened, store },
    {
      database: '',
      adminKeyHashes,
      allowPrivateNetworks: true,
      retentionDays: 30,
      evaluateEveryS: 1,
      clock: { ...systemClock, now: () => Date.now() + shift.ms },
    },
  );
  await posthorn.start();
  return {
    posthorn,
    pruned: () => rounds,
    get: async (path) => (await requestTo(posthorn, 'GET', path)).body as Record<string, unknown>,
    stop: async () => void (await posthorn.stop()),
  };
}

type Items = readonly Record<string, unknown>[];
const items = async ({ get }: Run, path: string): Promise<Items> => (await get(path))['items'] as Items;
const clockOf = async ({ get }: Run): Promise<Record<string, unknown>> =>
  (await get('/readyz'))['clock'] as Record<string, unknown>;
const publish = ({ posthorn }: Run, id: string) =>
  posthorn.publish({ id, type: 'payment.succeeded', data: { amount: 1 } });
const isDelivered = async (of: Run, id: string): Promise<boolean> =>
  (await items(of, `/v1/deliveries?event_id=${id}`))[0]?.['state'] === 'delivered';

function describeClock(place: () => Promise<() => Promise<Opened>>): void {
  test('G2: a run whose clock is hours behind the one before makes its retries, and says so', async () => {
    const open = await place();
    let ok = false;
    const receiver = await aReceiver((_, response) => response.writeHead(ok ? 200 : 500).end());
    const shift = { ms: 2 * hour };
    const ahead = await run(await open(), shift);
    await requestTo(ahead.posthorn, 'POST', '/v1/endpoints', {
      url: receiver.url,
      retry: { schedule_s: [1, 1, 1] },
    });
    await publish(ahead, 'before');
    await until('it was tried', () => receiver.requests.length > 0);
    await ahead.stop();
    ok = true;
    shift.ms = 0;
    const right = await run(await open(), shift);
    await publish(right, 'after');
    await until('the retry is made', () => isDelivered(right, 'before'));
    expect(await isDelivered(right, 'after')).toBe(true);
    expect(await clockOf(right)).toMatchObject({ state: 'jumped', jumped_by_s: expect.closeTo(-7200, -2) });
    await until('an alert says so', async () =>
      (await items(right, '/v1/alerts')).some(
        ({ rule, state }) => rule === 'clock_jumped' && state === 'firing',
      ),
    );
    expect(await right.get('/v1/accounting')).toMatchObject({ accepted: 2, delivered: 2, overdue: 0 });
    await right.stop();
    await receiver.close();
  });

  test('G7: a run whose clock is 400 days ahead prunes nothing, and after it what is old is pruned', async () => {
    const open = await place();
    const receiver = await aReceiver();
    const shift = { ms: 0 };
    const first = await run(await open(), shift);
    await requestTo(first.posthorn, 'POST', '/v1/endpoints', { url: receiver.url });
    await publish(first, 'old');
    await until('it is delivered', () => isDelivered(first, 'old'));
    await first.stop();

    shift.ms = 400 * day;
    const ahead = await run(await open(), shift);
    expect(await clockOf(ahead)).toMatchObject({ state: 'doubted' });
    await publish(ahead, 'future');
    await until('it is delivered', () => isDelivered(ahead, 'future'));
    await until('retention was at work', () => ahead.pruned() > 0);
    expect(await items(ahead, '/v1/deliveries')).toHaveLength(2);
    await until('an alert says so', async () =>
      (await items(ahead, '/v1/alerts')).some(
        ({ rule, severity }) => rule === 'clock_jumped' && severity === 'page',
      ),
    );
    await ahead.stop();

    shift.ms = 0;
    const right = await run(await open(), shift);
    expect(await clockOf(right)).toMatchObject({ state: 'jumped' });
    await until('retention was at work', () => right.pruned() > 0);
    expect(await items(right, '/v1/deliveries')).toHaveLength(2);
    await right.stop();

    shift.ms = 40 * day;
    const later = await run(await open(), shift);
    await until('what is old is gone', async () => (await items(later, '/v1/deliveries')).length === 0);
    await later.stop();
    await receiver.close();
  });

  test('G5: what fails while the clock is 400 days ahead is retried, and not given up as too old', async () => {
    const open = await place();
    const receiver = await aReceiver((_, response) => response.writeHead(500).end());
    const shift = { ms: 0 };
    const first = await run(await open(), shift);
    await requestTo(first.posthorn, 'POST', '/v1/endpoints', {
      url: receiver.url,
      retry: { schedule_s: [1, 1, 1, 1, 1, 3600, 3600] },
    });
    await publish(first, 'failing');
    await until('it was tried', () => receiver.requests.length > 0);
    await first.stop();
    shift.ms = 400 * day;
    const before = receiver.requests.length;
    const ahead = await run(await open(), shift);
    await until('it was tried again', () => receiver.requests.length > before);
    await until('the outcome is stored', async () => {
      const [delivery] = await items(ahead, '/v1/deliveries');
      return Number(delivery!['attempt_count']) > before;
    });
    expect(await items(ahead, '/v1/deliveries')).toMatchObject([{ state: 'pending' }]);
    await ahead.stop();
    await receiver.close();
  });

  test('G2, G3: jumps while running neither stop retries nor send twice, and signatures follow the clock', async () => {
    const open = await place();
    let answer: 'hold' | 'fail' | 'ok' = 'hold';
    const held: (() => void)[] = [];
    const receiver = await aReceiver((_, response) => {
      if (answer === 'hold') held.push(() => response.end('ok'));
      else response.writeHead(answer === 'ok' ? 200 : 500).end();
    });
    const shift = { ms: 0 };
    const node = await run(await open(), shift);
    await requestTo(node.posthorn, 'POST', '/v1/endpoints', {
      url: receiver.url,
      retry: { schedule_s: [1, 1, 1, 1, 1, 1, 1, 1] },
    });
    await publish(node, 'held');
    await until('an attempt is in flight', () => held.length === 1);
    shift.ms = 2 * hour;
    await until('the leap was seen', async () => Number((await clockOf(node))['jumped_by_s']) > 7000);
    answer = 'ok';
    await publish(node, 'after');
    await until('new events go out', () => isDelivered(node, 'after'));
    const signedAt = Number(receiver.requests.at(-1)!.headers['webhook-timestamp']) * 1000;
    expect(Math.abs(signedAt - Date.now() - 2 * hour)).toBeLessThan(60_000);
    // The lease of the attempt in flight goes on: it is not taken for lost.
    expect(receiver.requests).toHaveLength(2);
    held[0]!();
    await until('it is delivered', () => isDelivered(node, 'held'));

    answer = 'fail';
    await publish(node, 'retried');
    await until('it was tried', () => receiver.requests.length > 2);
    shift.ms = -2 * hour;
    await until('the step back was seen', async () => Number((await clockOf(node))['jumped_by_s']) < -14_000);
    answer = 'ok';
    await until('the retry is made', () => isDelivered(node, 'retried'));
    await node.stop();
    await receiver.close();
  });
}

describe('clock, on SQLite', () => {
  describeClock(async () => {
    const dataDir = tempDir();
    return async () => ({ store: await openSqliteStore({ dataDir }), node: 'local', keyring: plainKeyring });
  });
});

describe('clock, on PostgreSQL', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres.stop();
  });
  describeClock(async () => {
    const url = await postgres.createDatabase();
    let life = 0;
    return async () => ({ ...(await openPostgresStore(url)), node: `node-${life++}`, keyring: plainKeyring });
  });
});
