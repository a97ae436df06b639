import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Evaluator } from '../../packages/posthorn/src/reliability/evaluator.ts';
import { reconcile } from '../../packages/posthorn/src/ledger/reconciler.ts';
import { clockStatus } from '../../packages/posthorn/src/domain/clock-record.ts';
import { nodeClock, systemClock } from '../../packages/posthorn/src/runtime/clock.ts';
import { systemRandom } from '../../packages/posthorn/src/runtime/random.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import type { Settings } from '../../packages/posthorn/src/config/settings.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { apiKey, serve } from './serving.ts';

// A stored payload that is changed on disk between two attempts, on a running server.

interface Place {
  readonly settings: Partial<Settings>;
  readonly open: () => Promise<Store>;
  readonly run: (sql: string) => Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: { readonly id: string; readonly deliveries: readonly Record<string, unknown>[] };
}

async function call(url: string, method: string, body?: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

/** What the alerts say of this store: one evaluation, on its own. */
async function alertsOf(
  store: Store,
): Promise<readonly { rule: string; severity: string; summary: string }[]> {
  const evaluator = new Evaluator({
    publicUrl: null,
    store,
    clock: nodeClock({ ...systemClock, after: () => () => {} }),
    random: systemRandom,
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    everyMs: 15_000,
    reconcileEveryMs: 60_000,
    deadRetentionMs: 90 * 86_400_000,
    clockStatus: () => clockStatus(null),
    locked: () => ({ count: 0, endpointIds: [], keyIds: [] }),
    role: { isCoordinator: true },
    wake: () => {},
    onEvaluated: () => {},
  });
  await evaluator.evaluate();
  evaluator.stop();
  return (await store.read.alerts()).alerts;
}

function describeCorrupt(name: string, place: () => Promise<Place>): void {
  test(`G6, ${name}: it is never sent, is a dead letter of its own class, pages, and verify names it`, async () => {
    const { settings, open, run } = await place();
    let status = 503;
    const receiver = await aReceiver((_, response) => response.writeHead(status).end());
    const server = await serve(settings);
    const endpoint = (await call(`${server.url}/v1/endpoints`, 'POST', { url: receiver.url })).body.id;
    const publish = (id: string) =>
      call(`${server.url}/v1/events`, 'POST', { id, type: 'payment.succeeded', data: { amount: 1099 } });
    await publish('changed');
    await publish('kept');
    await until('both were tried once', () => receiver.requests.length === 2);
    status = 200;
    await run(`UPDATE events SET data = replace(data, '1099', '9099') WHERE id = 'changed'`);
    const delivery = async (id: string) =>
      (await call(`${server.url}/v1/events/${id}`, 'GET')).body.deliveries[0]!;
    const redrive = async (id: string) =>
      call(`${server.url}/v1/deliveries/${(await delivery(id))['id'] as string}/redrive`, 'POST');
    await until(
      'the first outcomes are stored',
      async () =>
        (await delivery('changed'))['attempt_count'] === 1 && (await delivery('kept'))['attempt_count'] === 1,
    );
    await redrive('kept');
    await redrive('changed');
    await until('the other is delivered', async () => (await delivery('kept'))['state'] === 'delivered');
    await until('it is a dead letter', async () => (await delivery('changed'))['state'] === 'dead');
    expect(await delivery('changed')).toMatchObject({ reason: 'corrupt', last_error: { class: 'corrupt' } });

    // A redrive finds the same again; a replay is refused.
    await redrive('changed');
    await until('it is a dead letter again', async () => {
      const { state, attempt_count: attempts } = await delivery('changed');
      return state === 'dead' && attempts === 3;
    });
    expect(receiver.requests).toHaveLength(3);
    expect((await call(`${server.url}/v1/events/changed`, 'GET')).body).toMatchObject({
      integrity: 'corrupt',
      data: { amount: 9099 },
    });
    expect(await call(`${server.url}/v1/events/changed/replay`, 'POST', {})).toMatchObject({
      status: 409,
      body: { code: 'event_corrupt' },
    });
    await server.stop();

    const store = await open();
    const alerts = await alertsOf(store);
    expect(alerts.filter(({ rule }) => rule === 'corrupt')).toMatchObject([
      { severity: 'page', state: 'firing', group: endpoint, evidence: { event_ids: ['changed'] } },
    ]);
    const { findings, balanced } = await reconcile(store.read, { everyRow: true });
    expect(balanced).toBe(false);
    expect(findings).toMatchObject([{ eventId: 'changed', endpointId: endpoint }]);
    await store.close();
    await receiver.close();
  });
}

describeCorrupt('SQLite', async () => {
  const dataDir = tempDir();
  return {
    settings: { dataDir },
    open: () => openSqliteStore({ dataDir }),
    run: async (sql) => {
      const db = new DatabaseSync(join(dataDir, 'posthorn.db'), { timeout: 60_000 });
      db.exec(sql);
      db.close();
    },
  };
});

describe('on PostgreSQL', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres.stop();
  });
  describeCorrupt('PostgreSQL', async () => {
    const databaseUrl = await postgres.createDatabase();
    return {
      settings: { databaseUrl },
      open: async () => (await openPostgresStore(databaseUrl)).store,
      run: async (sql) => {
        const client = new pg.Client({ connectionString: databaseUrl });
        await client.connect();
        await client.query('SET search_path TO posthorn');
        await client.query(sql);
        await client.end();
      },
    };
  });
});
