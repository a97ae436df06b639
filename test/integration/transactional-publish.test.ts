import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCatalog } from '../../packages/posthorn/src/service/catalog.ts';
import { subscribes } from '../../packages/posthorn/src/domain/endpoint.ts';
import { type Filter, passesFilter } from '../../packages/posthorn/src/domain/filter.ts';
import { eventShard } from '../../packages/posthorn/src/domain/ids.ts';
import { hashShard } from '../../packages/posthorn/src/domain/shard.ts';
import { reconcile } from '../../packages/posthorn/src/ledger/reconciler.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { systemClock } from '../../packages/posthorn/src/runtime/clock.ts';
import { createLogger } from '../../packages/posthorn/src/runtime/logger.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { createSchemaValidator } from '../../packages/posthorn/src/validation/validator.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, anEndpoint, anEvent, start, until } from '../support.ts';
import { serve } from './serving.ts';

let postgres: Postgres;
let databaseUrl: string;
let store: Store;
let db: pg.Client;

beforeAll(async () => {
  postgres = await startPostgres();
  databaseUrl = await postgres.createDatabase();
  ({ store } = await openPostgresStore(databaseUrl));
  db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
});
afterAll(async () => {
  await db.end();
  await store.close();
  await postgres.stop();
});

async function publish(sql: string, ...values: unknown[]): Promise<Record<string, unknown>> {
  const { rows } = await db.query<{ receipt: Record<string, unknown> }>(
    `SELECT posthorn.publish(${sql}) AS receipt`,
    values,
  );
  return rows[0]!.receipt;
}
const counts = async (tenant: string) =>
  await store.read.accounting({
    tenants: [tenant],
    endpointIds: null,
    eventTypes: null,
    owners: null,
    since: null,
    until: null,
    now: Date.now(),
  });

test('what is rolled back was never there; what is committed is accepted', async () => {
  const tenant = 'rollback';
  await store.write.createEndpoint(anEndpoint({ tenant, eventTypes: ['payment.*'] }));
  await store.write.createEndpoint(anEndpoint({ tenant, enabled: false }));
  await db.query('BEGIN');
  expect(await publish("$1, 'payment.succeeded', $2", tenant, '{"n":1}')).toMatchObject({
    deliveries: 2,
    suppressed: 1,
  });
  await db.query('ROLLBACK');
  expect(await counts(tenant)).toMatchObject({ events: 0, accepted: 0, pending: 0 });

  await db.query('BEGIN');
  const { id } = await publish(
    "$1, 'payment.succeeded', $2, amount_minor => 1099, currency => 'eur'",
    tenant,
    '{"n": 1.0}',
  );
  await publish("$1, 'unwanted', '1', id => 'mine'", 'absent');
  await db.query('COMMIT');
  expect(await counts(tenant)).toMatchObject({ events: 1, accepted: 2, pending: 1, suppressed: 1 });
  expect(await counts('absent')).toMatchObject({ events: 1, unmatched: 1, accepted: 0 });
  // The text of the data is kept as it was given, and its digest is the one that the store would have made.
  expect(await store.read.event(tenant, id as string)).toMatchObject({
    integrity: 'intact',
    data: '{"n": 1.0}',
    value: { amountMinor: 1099n, currency: 'EUR' },
  });
  expect((await reconcile(store.read, { everyRow: true })).balanced).toBe(true);
});

test('G1: the same id and body again gives the same receipt, across SQL and API; another body conflicts', async () => {
  const tenant = 'twice';
  await store.write.createEndpoint(anEndpoint({ tenant }));
  const call = "$1, 'a.b', $2, id => 'one', ordering_key => 'k'";
  expect(await publish(call, tenant, '{"n":1}')).toMatchObject({ duplicate: false, deliveries: 1 });
  expect(await publish(call, tenant, '{"n":1}')).toMatchObject({
    duplicate: true,
    deliveries: 1,
    unmatched: false,
  });
  await expect(publish(call, tenant, '{"n":2}')).rejects.toMatchObject({ code: '23505' });
  await expect(publish("$1, 'a.b', $2, id => 'one'", tenant, '{"n":1}')).rejects.toMatchObject({
    code: '23505',
  });
  const options = { now: start, node: 'a', leaseMs: 1, defaultRoom: 0, room: new Map<string, number>() };
  const twin = anEvent({ tenant, id: 'one', type: 'a.b', data: '{"n":1}', orderingKey: 'k' });
  expect((await store.write.accept([[twin]], options)).groups).toMatchObject([
    { receipts: [{ duplicate: true }] },
  ]);
  await store.write.accept([[anEvent({ tenant, id: 'two', type: 'a.b', data: '{"n":1}' })]], options);
  expect(await publish("$1, 'a.b', $2, id => 'two'", tenant, '{"n":1}')).toMatchObject({ duplicate: true });
  expect(await counts(tenant)).toMatchObject({ events: 2, accepted: 2 });
});

test('G1: SQL and API take the same repetitions for the event of before, and the same ones for another', async () => {
  const tenant = 'verdicts';
  await store.write.createEndpoint(anEndpoint({ tenant }));
  const options = { now: start, node: 'a', leaseMs: 1, defaultRoom: 0, room: new Map<string, number>() };
  const stored = {
    type: 'a.b',
    data: '{"n":1}',
    orderingKey: 'k',
    routingKeys: ['r'],
    occurredAt: start - 86_400_000,
    value: { amountMinor: 7n, currency: 'EUR' },
  };
  const variations = {
    nothing: {},
    'without its time': { occurredAt: null },
    'another time': { occurredAt: start },
    'another type': { type: 'a.c' },
    'other data': { data: '{"n":2}' },
    'without its time, other data': { occurredAt: null, data: '{"n": 1}' },
    'another ordering key': { orderingKey: null },
    'other routing keys': { routingKeys: [] },
    'another amount': { value: { amountMinor: 8n, currency: 'EUR' } },
    'another currency': { value: { amountMinor: 7n, currency: 'USD' } },
  };
  const same = ['nothing', 'without its time'];
  const states = {
    intact: 'SELECT $1::text',
    // Its digest says what was published.
    'changed on disk': "UPDATE posthorn.events SET type = 'changed' WHERE tenant = 'verdicts' AND id = $1",
    'without a digest': "UPDATE posthorn.events SET digest = NULL WHERE tenant = 'verdicts' AND id = $1",
  };
  for (const [id, change] of Object.entries(states)) {
    await store.write.importEvents([{ event: anEvent({ tenant, id, ...stored }), deliveries: [] }], start);
    await db.query(change, [id]);
    for (const [name, variation] of Object.entries(variations)) {
      const event = anEvent({ tenant, id, ...stored, ...variation });
      const [api] = (await store.write.accept([[event]], options)).groups;
      const { type, data, orderingKey, occurredAt, value, routingKeys } = event;
      const sql = await publish(
        '$1, $2, $3, $4, $5, $6, $7, $8, $9',
        tenant,
        type,
        data,
        id,
        orderingKey,
        occurredAt === null ? null : new Date(occurredAt),
        value!.amountMinor,
        value!.currency,
        routingKeys,
      ).catch(({ code }: { code: string }) => code);
      const expected = same.includes(name);
      expect({ id, name, api: !('conflict' in api!), sql: sql !== '23505' }).toEqual({
        id,
        name,
        api: expected,
        sql: expected,
      });
    }
  }
  await db.query("UPDATE posthorn.events SET type = 'a.b' WHERE tenant = 'verdicts'");
  expect((await counts(tenant)).events).toBe(Object.keys(states).length);
});

test('what is published under a key goes behind what of its tenant is still fanned out', async () => {
  const tenant = 'behind';
  const keyed = anEndpoint({ tenant, ordering: 'key' });
  await store.write.createEndpoint(keyed);
  await store.write.createEndpoint(anEndpoint({ tenant, enabled: false, ordering: 'key' }));
  await store.write.createEndpoint(anEndpoint({ tenant }));
  const options = { now: start, node: 'a', leaseMs: 1, defaultRoom: 0, room: new Map<string, number>() };
  const first = anEvent({ tenant, id: 'first', orderingKey: 'k' });
  await store.write.accept([[first]], { ...options, maxDirect: 0 });
  const call = "$1, 'a.b', '1', id => $2, ordering_key => $3";
  expect(await publish(call, tenant, 'second', 'k')).toMatchObject({ deliveries: 3, suppressed: 1 });
  expect(await publish(call, tenant, 'second', 'k')).toMatchObject({ deliveries: 3, duplicate: true });
  await publish(call, tenant, 'free', null);
  expect(await counts(tenant)).toMatchObject({ events: 3, accepted: 3 });
  let made = 0;
  for (let steps = 0; steps < 20; steps++)
    ({ made } = await store.write
      .stepFanOut({ ...options, limit: 9, after: null })
      .then((step) => ({ made: made + step.made })));
  expect(made).toBe(6);
  expect(await counts(tenant)).toMatchObject({ events: 3, accepted: 9, suppressed: 3 });
  const numberOf = async (eventId: string) =>
    (
      await store.read.deliveries(
        { tenants: [tenant], eventIds: [eventId], endpointIds: [keyed.id] },
        { after: null, limit: 9 },
      )
    )[0]!.number;
  expect(await numberOf('first')).toBeLessThan(await numberOf('second'));
  expect((await reconcile(store.read, { everyRow: true })).balanced).toBe(true);
});

test('two transactions with one id: the second waits, and gets the receipt of the first', async () => {
  const tenant = 'race';
  const other = new pg.Client({ connectionString: databaseUrl });
  await other.connect();
  await db.query('BEGIN');
  await publish("$1, 'a.b', '1', id => 'same'", tenant);
  const second = other.query<{ r: object }>("SELECT posthorn.publish($1, 'a.b', '1', id => 'same') AS r", [
    tenant,
  ]);
  await until('the second waits', async () => {
    // Within a transaction the activity is read once and kept.
    await db.query('SELECT pg_stat_clear_snapshot()');
    const { rows } = await db.query(
      "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%posthorn.publish%'",
    );
    return rows.length > 0;
  });
  await db.query('COMMIT');
  expect((await second).rows[0]!.r).toMatchObject({ duplicate: true });
  await other.end();
});

test('routing keys choose endpoints as the API lets them', async () => {
  const tenant = 'routed';
  for (const routingKeys of [['a', 'b'], ['c'], null])
    await store.write.createEndpoint(anEndpoint({ tenant, routingKeys }));
  const call = "$1, 'a.b', '1', id => $2, routing_keys => $3";
  expect(await publish(call, tenant, 'keyed', ['b', 'x'])).toMatchObject({ deliveries: 2 });
  expect(await publish(call, tenant, 'keyed', ['x', 'b', 'b'])).toMatchObject({ duplicate: true });
  await expect(publish(call, tenant, 'keyed', ['b'])).rejects.toMatchObject({ code: '23505' });
  expect(await publish(call, tenant, 'plain', null)).toMatchObject({ deliveries: 1 });
  expect(await publish(call, tenant, 'empty', [])).toMatchObject({ deliveries: 1 });
});

test('bad input is refused with a reason', async () => {
  const refused = (call: string, ...values: unknown[]) =>
    expect(publish(call, ...values)).rejects.toMatchObject({
      code: '22023',
      message: expect.stringContaining('posthorn:') as string,
    });
  await refused("'no spaces', 'a.b', '1'");
  await refused("'t', 'a..b', '1'");
  await refused("'t', 'a.b', NULL");
  await refused("'t', 'a.b', $1", JSON.stringify('x'.repeat(262_144)));
  await refused("'t', 'a.b', '1', id => ''");
  await refused("'t', 'a.b', '1', id => E'a\\nb'");
  await refused("'t', 'a.b', '1', occurred_at => 'infinity'");
  await refused("'t', 'a.b', '1', routing_keys => ARRAY['a,b']");
  await refused("'t', 'a.b', '1', routing_keys => ARRAY['a', NULL]");
  await refused("'t', 'a.b', '1', routing_keys => array_fill('a'::text, ARRAY[11])");
  await refused("'t', 'a.b', '1', amount_minor => 1");
  await refused("'t', 'a.b', '1', amount_minor => 1, currency => 'EURO'");
  await expect(publish("'t', 'a.b', 'no json'")).rejects.toMatchObject({ code: '22P02' });
});

test('the rules in SQL are those of the domain: shards, subscriptions, filters', async () => {
  const text = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((s) => !s.includes('\u0000') && s.isWellFormed());
  const scalar = fc.oneof(fc.constantFrom(null, true, false, 'x', ''), fc.integer());
  const data = fc
    .jsonValue({ maxDepth: 3, noUnicodeString: true })
    .map((v) => JSON.parse(JSON.stringify(v).replaceAll('\\u0000', '')) as unknown);
  const pointer = fc
    .array(fc.constantFrom('a', '0', '1', '-1', 'length', '~0', '~1', ''), { maxLength: 3 })
    .map((p) => p.map((s) => `/${s}`).join(''));
  const some = fc.oneof(
    data,
    fc.dictionary(fc.constantFrom('a', '0', '/', '~', ''), fc.oneof(scalar, fc.array(scalar))),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        tenant: text,
        key: text,
        types: fc.array(fc.constantFrom('*', 'a', 'a.*', 'a.b', 'a.b.*', 'b.*')),
        type: fc.constantFrom('a', 'a.b', 'a.b.c', 'ab', 'b'),
        filter: fc.oneof(fc.constant(null), fc.dictionary(pointer, scalar, { maxKeys: 2 })),
        some,
      }),
      async ({ tenant, key, types, type, filter, some: value }) => {
        const { rows } = await db.query<{
          hash: number;
          shard: number;
          subscribes: boolean;
          passes: boolean;
        }>(
          `SELECT posthorn.shard_hash($1, $2) AS hash, posthorn.event_shard($1, $2) AS shard, posthorn.subscribes($3, $4) AS subscribes,
             posthorn.passes_filter($5, $6) AS passes`,
          [tenant, key, JSON.stringify(types), type, JSON.stringify(filter), JSON.stringify(value)],
        );
        expect(rows[0]).toEqual({
          hash: hashShard(tenant, key),
          shard: eventShard(tenant, key),
          subscribes: subscribes(types, type),
          passes: filter === null || passesFilter(filter as Filter, value),
        });
      },
    ),
    { numRuns: 300 },
  );
  const { rows } = await db.query<{ id: string; shard: number }>(
    'SELECT posthorn.new_event_id(1767225600000, s) AS id, s AS shard FROM generate_series(0, 63) AS s',
  );
  for (const { id, shard } of rows) expect(eventShard('any', id)).toBe(shard);
});

test('a value that the type declares is taken out of the data, as the API takes it', async () => {
  const declared = { amount: '/amount', currency: '/currency' };
  const bare = { description: '', owner: null, template: null };
  await store.write.putDocument('event_type', 'value.pointed', { ...bare, value: declared });
  await store.write.putDocument('event_type', 'value.euro', {
    ...bare,
    value: { ...declared, currency: 'eur' },
  });
  await store.write.putDocument('event_type', 'value.none', bare);
  const catalog = createCatalog(store.read, createSchemaValidator(systemClock, createLogger('silent')));
  await catalog.refresh();
  const tenant = 'values';
  const amounts = [
    '1099',
    '-5',
    '0',
    '1.0',
    '1e3',
    '10.99',
    '9007199254740992',
    '"1099"',
    '"99999999999999999999"',
    '"1,00"',
    'null',
    '[1]',
  ];
  for (const type of ['value.pointed', 'value.euro', 'value.none', 'value.unknown'])
    for (const amount of amounts)
      for (const currency of ['"usd"', '"USDT"', '1', 'null']) {
        const data = `{"amount": ${amount}, "currency": ${currency}}`;
        const { id } = await publish('$1, $2, $3', tenant, type, data);
        const { value } = (await store.read.event(tenant, id as string))!;
        expect({ type, data, value }).toEqual({
          type,
          data,
          value: (await catalog.check([{ tenant, type, data: JSON.parse(data), text: data, path: '' }]))[0],
        });
      }
  const { id } = await publish(
    "$1, 'value.pointed', $2, amount_minor => 7, currency => 'CHF'",
    tenant,
    '{"amount": 1, "currency": "EUR"}',
  );
  expect((await store.read.event(tenant, id as string))!.value).toEqual({ amountMinor: 7n, currency: 'CHF' });
});

test('a role needs no more than usage and execute', async () => {
  const role = `app_${process.pid}`;
  await db.query(`CREATE ROLE ${role}; GRANT USAGE ON SCHEMA posthorn TO ${role}; SET ROLE ${role}`);
  expect(await publish("'least', 'a.b', '1'")).toMatchObject({ duplicate: false, unmatched: true });
  await expect(db.query('SELECT * FROM posthorn.events')).rejects.toMatchObject({ code: '42501' });
  await db.query(`RESET ROLE; REVOKE ALL ON SCHEMA posthorn FROM ${role}; DROP ROLE ${role}`);
});

test('counters of many backends are folded into one row when their hour is over', async () => {
  const before = await counts('rollback');
  for (const [table, set] of [
    ['ledger', 'hour = hour - 5'],
    ['event_ledger', 'hour = hour - 5'],
    ['counters', 'minute = minute - 300'],
  ])
    await db.query(`UPDATE posthorn.${table} SET ${set} WHERE writer LIKE 'sql:%'`);
  await store.write.fold(Date.now());
  for (const table of ['ledger', 'event_ledger', 'counters']) {
    const { rows } = await db.query(`SELECT FROM posthorn.${table} WHERE writer LIKE 'sql:%'`);
    expect({ table, rows: rows.length }).toEqual({ table, rows: 0 });
  }
  expect((await counts('rollback')).accepted).toBe(before.accepted);
  expect((await reconcile(store.read, { everyRow: true })).balanced).toBe(true);
});

test('a running node is notified at the commit, and delivers', async () => {
  const receiver = await aReceiver();
  const url = await postgres.createDatabase();
  const { client, stop } = await serve({ databaseUrl: url });
  const own = new pg.Client({ connectionString: url });
  await own.connect();
  try {
    await client.request('POST', '/v1/endpoints', { url: receiver.url });
    await own.query('BEGIN');
    await own.query('CREATE TABLE payments (id text)');
    await own.query("INSERT INTO payments VALUES ('pay_1')");
    await own.query(
      "SELECT posthorn.publish('default', 'payment.succeeded', '{\"id\":\"pay_1\"}', id => 'pay_1')",
    );
    expect(await client.request('GET', '/v1/accounting')).toMatchObject({ events: 0 });
    await own.query('COMMIT');
    await until('it has arrived', () => receiver.requests.length === 1);
    expect(receiver.requests[0]!.headers['webhook-id']).toBe('pay_1');
  } finally {
    await own.end();
    await stop();
    await receiver.close();
  }
});

test('G6: the digest in SQL equals the one in TypeScript, whatever an event contains', async () => {
  const tenant = 'digests';
  const text = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    // oxlint-disable-next-line no-control-regex
    .filter((s) => /^[^\u0000-\u001f\u007f-\u009f]+$/.test(s) && s.isWellFormed());
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        key: fc.option(text),
        routing: fc.option(fc.array(fc.constantFrom('b', 'a', 'A', 'a:1', 'Z_', '0'), { maxLength: 5 })),
        data: fc
          .jsonValue({ noUnicodeString: false })
          .map((v) => JSON.stringify(v).replaceAll('\\u0000', '')),
        occurredAt: fc.option(fc.date({ min: new Date(0), max: new Date(start), noInvalidDate: true })),
        amount: fc.option(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n })),
      }),
      async ({ key, routing, data, occurredAt, amount }) => {
        const { id } = await publish(
          "$1, 'a.b', $2, ordering_key => $3, occurred_at => $4, amount_minor => $5, currency => $6, routing_keys => $7",
          tenant,
          data,
          key,
          occurredAt?.toISOString(),
          amount,
          amount === null ? null : 'eur',
          routing,
        );
        const routingKeys = [...new Set(routing ?? [])].toSorted();
        expect(await store.read.event(tenant, id as string)).toMatchObject({
          integrity: 'intact',
          routingKeys,
        });
      },
    ),
    { numRuns: 60 },
  );
});
