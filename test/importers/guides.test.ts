import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { Svix } from 'svix-v2';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { runHere } from '../integration/run-here.ts';
import { apiKey, serve } from '../integration/serving.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { svixTables } from '../svix/tables.ts';
import { convoyTables } from './convoy-tables.ts';
import { aesSecret, sealed } from './outpost-sealed.ts';
import { startRedis } from './redis-server.ts';

// The commands of the guides about moving from another sender, word for word and in their order, from its store to the way back.

let postgres: Postgres;
let receiver: Awaited<ReturnType<typeof aReceiver>>;
let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  postgres = await startPostgres();
  receiver = await aReceiver();
});
afterAll(async () => {
  await receiver.close();
  await postgres.stop();
});
beforeEach(async () => {
  receiver.requests.length = 0;
  server = await serve();
  vi.stubEnv('POSTHORN_URL', server.url);
  vi.stubEnv('POSTHORN_API_KEY', apiKey);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

/** Walks through the commands of a guide; `words` are what a user puts in the place of the guide's. */
function walkThrough(guide: string, words: Readonly<Record<string, string>>) {
  const page = readFileSync(`docs/guides/migrating-from-${guide}.md`, 'utf8');
  const found = [...page.matchAll(/^ *(posthorn .*)$|`(posthorn [^`\n]*)`/gm)]
    .map(([, line, inline]) => (line ?? inline!).replace(/\s+#.*$/, ''))
    // A command that is only mentioned.
    .filter((command) => command.split(' ').length > 2);
  return {
    /** Runs the next command, which begins with this. */
    next: async (beginning: string, ...more: readonly string[]): ReturnType<typeof runHere> => {
      const command = found.shift();
      expect(command, guide).toMatch(new RegExp(`^posthorn ${beginning}`));
      const filled = Object.entries(words).reduce((text, [word, by]) => text.replaceAll(word, by), command!);
      expect(filled).not.toContain('…');
      const ran = await runHere(...filled.split(' ').slice(1), ...more);
      // A dry run of `apply` is a finding as long as something would change.
      const code = / apply .*--dry-run/.test(filled) ? 1 : 0;
      expect(ran.code, `${filled}\n${ran.out}\n${ran.err}`).toBe(code);
      return ran;
    },
    end: () => expect(found).toEqual([]),
  };
}

const publish = async (id: string) =>
  await server.client.request('POST', '/v1/events', {
    tenant: 'acme',
    id,
    type: 'order.paid',
    data: { id },
  });
const received = (): string[] =>
  receiver.requests.map(({ headers }) => String(headers['webhook-id'])).toSorted();
const states = async (): Promise<Record<string, number>> =>
  await server.client.request('GET', '/v1/accounting?tenant=acme');
const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();
const soon = (): string[] => ['--until', minutesAgo(-60)];

/** An import: a dry run that writes nothing, the file, and the same once more; then the file is applied. */
async function takeOver(walk: ReturnType<typeof walkThrough>, from: string, file: string): Promise<void> {
  await walk.next(`import ${from} .*--dry-run`);
  expect(existsSync(file)).toBe(false);
  await walk.next(`import ${from} `);
  await walk.next('apply .*--dry-run');
  expect(await server.client.request('GET', '/v1/endpoints?tenant=acme')).toMatchObject({ items: [] });
  await walk.next('apply ');
}

/** From the pause to the way back: three events reach both senders, the fourth only Posthorn, the others come later. */
async function move(
  walk: ReturnType<typeof walkThrough>,
  log: string,
  exported: (ids: readonly string[]) => string,
): Promise<void> {
  for (const id of ['order-1', 'order-2', 'order-3']) await publish(id);
  writeFileSync(log, exported(['order-1', 'order-2', 'order-3']));
  const { out } = await walk.next('shadow compare', ...soon());
  expect(out).toMatch(/imported-\w+ +3 +0 +0 /);
  await publish('order-4');
  await walk.next('shadow end');
  await until('the fourth is delivered', () => received().length === 1);
  await publish('order-5');
  await until('the fifth is delivered', () => received().length === 2);
  expect(received()).toEqual(['order-4', 'order-5']);
  await until('it is settled', async () => (await states())['pending'] === 0);
  expect(await states()).toMatchObject({ accepted: 5, delivered: 2, cancelled: 3, suppressed: 0 });
  rmSync(log);
}

const pauseAgain = async (name: string): Promise<void> =>
  void (await runHere('endpoints', 'pause', name, '--tenant', 'acme'));

test('from Convoy', async () => {
  const database = await postgres.createDatabase();
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  await client.query(convoyTables);
  await client.query(
    `INSERT INTO convoy.endpoints (id, name, status, owner_id, url, project_id, http_timeout, secrets, is_encrypted)
     VALUES ('01ENDPOINT', 'orders', 'active', 'acme', $1, 'prj', 20, $2, false)`,
    [receiver.url, JSON.stringify([{ value: 'convoy-secret-of-25-chars' }])],
  );
  await client.query(
    `INSERT INTO convoy.subscriptions (id, name, type, project_id, endpoint_id, filter_config_event_types)
     VALUES ('01SUB', 'orders', 'api', 'prj', '01ENDPOINT', ARRAY['order.paid'])`,
  );
  await client.end();
  const file = (name: string): string => join(folder, name);
  const folder = tempDir();
  const [yaml, log] = [file('convoy.yaml'), file('convoy.jsonl')];
  vi.stubEnv('CONVOY_ENCRYPTION_KEY', 'unused');
  const walk = walkThrough('convoy', {
    'postgres://convoy@db/convoy': database,
    'convoy.yaml': yaml,
    'convoy.jsonl': log,
    'received.csv': file('received.csv'),
    'imported-…': 'imported-01SUB',
  });
  await takeOver(walk, 'convoy', yaml);
  await walk.next('endpoints pause imported-');
  // As that server's API lists its event deliveries: its own event id, and the sender's key.
  const exported = (ids: readonly string[]): string =>
    ids
      .map((id) =>
        JSON.stringify({
          uid: `dlv-${id}`,
          event_id: `01EVENT-${id}`,
          idempotency_key: id,
          endpoint_id: '01ENDPOINT',
          subscription_id: '01SUB',
          project_id: 'prj',
          event_type: 'order.paid',
          status: 'Success',
          latency_seconds: 0.04,
          metadata: { num_trials: 1, retry_limit: 3 },
          acknowledged_at: minutesAgo(2),
          created_at: minutesAgo(2),
          updated_at: minutesAgo(2),
        }),
      )
      .join('\n');
  await move(walk, log, exported);
  await pauseAgain('imported-01SUB');
  await publish('order-6');
  await walk.next('endpoints resume');
  await walk.next('redrive');
  await until('the gap is sent', () => received().length === 3);
  await until('it is settled', async () => (await states())['delivered'] === 3);
  // The receiver has the first three from Convoy.
  const ids = [1, 2, 3, 4, 5, 6].map((n) => `order-${n}`);
  writeFileSync(file('received.csv'), `webhook-id\n${ids.join('\n')}\n`);
  await walk.next('reconcile');
  await walk.next('endpoints pause');
  walk.end();
  await publish('order-7');
  expect(await states()).toMatchObject({ suppressed: 1, delivered: 3 });
  for (const { headers, body } of receiver.requests)
    expect(() =>
      new Webhook(Buffer.from('convoy-secret-of-25-chars').toString('base64')).verify(
        body,
        headers as Record<string, string>,
      ),
    ).not.toThrow();
});

test('from Outpost', async () => {
  const redis = await startRedis('password');
  redis.hashes.set('tenant:{acme}:tenant', { id: 'acme', entity: 'tenant', created_at: '1' });
  redis.hashes.set('tenant:{acme}:destinations', { des_1: '{}' });
  redis.hashes.set('tenant:{acme}:destination:des_1', {
    id: 'des_1',
    type: 'webhook',
    topics: 'order.*',
    config: JSON.stringify({ url: receiver.url }),
    credentials: sealed({ secret: `whsec_${'0123456789abcdef'.repeat(4)}` }),
    created_at: '1',
  });
  const folder = tempDir();
  const [yaml, log] = [join(folder, 'outpost.yaml'), join(folder, 'attempts.json')];
  vi.stubEnv('AES_ENCRYPTION_SECRET', aesSecret);
  const walk = walkThrough('outpost', {
    'redis://:password@redis:6379/0': redis.url,
    'outpost.yaml': yaml,
    'attempts.json': log,
    'imported-…': 'imported-des_1',
  });
  await takeOver(walk, 'outpost', yaml);
  await walk.next('endpoints pause imported-');
  const exported = (ids: readonly string[]): string =>
    JSON.stringify({
      models: ids.map((id) => ({
        id: `atm-${id}`,
        tenant_id: 'acme',
        event_id: id,
        destination_id: 'des_1',
        destination_type: 'webhook',
        topic: 'order.paid',
        status: 'success',
        time: minutesAgo(2),
        code: '200',
        attempt_number: 1,
        manual: false,
      })),
    });
  await move(walk, log, exported);
  await pauseAgain('imported-des_1');
  await publish('order-6');
  await walk.next('endpoints resume');
  await walk.next('redrive');
  await until('the gap is sent', () => received().length === 3);
  await walk.next('endpoints pause');
  walk.end();
  await redis.close();
});

test('from Svix', async ({ onTestFinished }) => {
  const database = await postgres.createDatabase();
  const client = new pg.Client({ connectionString: database });
  onTestFinished(async () => await client.end());
  await client.connect();
  await client.query(svixTables);
  const key = Buffer.alloc(24, 6);
  await client.query(
    `INSERT INTO endpoint (id, app_id, key, url, description, disabled, uid, deleted)
     VALUES ('ep_a', 'app_1', $1, $2, '', false, 'orders', false)`,
    [key, receiver.url],
  );
  const atSvix = async (n: number, age: string): Promise<void> => {
    await client.query(
      `INSERT INTO message (id, uid, app_id, org_id, event_type, created_at) VALUES ($1, $2, 'app_1', 'org_1', 'order.paid', now() - $3::interval)`,
      [`msg_${n}`, `order-${n}`, age],
    );
    await client.query('INSERT INTO messagecontent (id, created_at, payload) VALUES ($1, now(), $2)', [
      `msg_${n}`,
      Buffer.from(JSON.stringify({ n })),
    ]);
    await client.query(
      `INSERT INTO messageattempt (id, created_at, msg_id, endp_id, url, status) VALUES ($1, now(), $2, 'ep_a', $3, 0)`,
      [`atmpt_${n}`, `msg_${n}`, receiver.url],
    );
  };
  await atSvix(0, '1 day');
  const yaml = join(tempDir(), 'svix.yaml');
  const walk = walkThrough('svix', {
    'postgres://svix@db/svix': database,
    'svix.yaml': yaml,
    '--tenant shop': '--tenant acme',
  });
  // It runs already.
  await walk.next('serve', '--help');
  const { key: sender } = JSON.parse((await walk.next('keys create', '--json')).out) as { key: string };
  await walk.next('import svix .*--out');
  await walk.next('apply .*--dry-run');
  await walk.next('apply ');
  await walk.next('import svix .*--messages-days 30 --dry-run');
  await walk.next('import svix .*--messages-days 30');
  expect(await states()).toMatchObject({ accepted: 1, cancelled: 1 });

  const svix = new Svix(sender, { serverUrl: server.url });
  const send = async (n: number) =>
    await svix.message.create('acme', { eventType: 'order.paid', eventId: `order-${n}`, payload: { n } });
  await send(1);
  await until('it is delivered', () => received().length === 1);
  const [{ headers, body }] = receiver.requests as [(typeof receiver.requests)[0]];
  expect(new Webhook(key.toString('base64')).verify(body, headers as Record<string, string>)).toEqual({
    n: 1,
  });
  // A sender that repeats itself: the message is there.
  await send(0);
  // The way back.
  expect(await svix.endpoint.patch('acme', 'orders', { disabled: true })).toMatchObject({ disabled: true });

  // As a shadow, from the import to going live and back.
  await walk.next('import svix .*--paused');
  await walk.next('apply ');
  for (const n of [2, 3]) {
    await send(n);
    await atSvix(n, '2 minutes');
  }
  await walk.next('shadow compare .*--svix-database-url');
  await send(4);
  await walk.next('shadow end --all');
  await until('the gap is delivered', () => received().length === 2);
  expect(received()).toEqual(['order-1', 'order-4']);
  await send(5);
  await until('it is live', () => received().length === 3);
  await walk.next('endpoints pause orders');
  walk.end();
  await send(6);
  expect(await states()).toMatchObject({ suppressed: 1, pending: 0 });
});
