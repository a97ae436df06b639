import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UnavailableError } from '../../packages/posthorn/src/domain/errors.ts';
import { senderInAlerts } from '../../packages/posthorn/src/store/postgres/tables.ts';
import { Database } from '../../packages/posthorn/src/store/postgres/database.ts';
import { FormerTimeError } from '../../packages/posthorn/src/store/leap.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { recycledDatabases, recycling } from '../recycled.ts';
import { agesAt, anEndpoint, anEvent, start, until } from '../support.ts';
import { settlementOf } from '../settlement.ts';
import { describeAccounting } from './accounting-conformance.ts';
import { describeOverview } from './overview-conformance.ts';
import { describeSeries } from './series-conformance.ts';
import { describeStore } from './store-conformance.ts';
import { describeWorth } from './worth-conformance.ts';
import { describeAuditTampering } from './store/audit-tampering.ts';
import { describeAlertWords } from './store/alert-words.ts';
import { describeDigests } from './store/digests.ts';
import { describeTampering } from './store/tampering.ts';
import { describeFanOut } from './store/fanning-out.ts';
import { tamperablePostgres } from './store/postgres-tamperable.ts';
import { lease, noRoom } from './store/subject.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

// Each run of the property takes a database, so there are fewer of them.
const open = recycling(recycledDatabases(() => postgres));
describeStore('PostgreSQL', open, 15);

describeAccounting('accounting on PostgreSQL', open);
describeSeries('series on PostgreSQL', open);
describeOverview('overview on PostgreSQL', open);

const tamperable = async () => tamperablePostgres(await postgres.createMigrated());
describeDigests('PostgreSQL', tamperable);
describeTampering('PostgreSQL', tamperable);
describeAuditTampering('PostgreSQL', tamperable);
describeFanOut('PostgreSQL', tamperable);
describeWorth('worth on PostgreSQL', tamperable);
describeAlertWords('PostgreSQL', tamperable, senderInAlerts);

test('a step by a copy of endpoints that another node has changed hands nothing over', async () => {
  const url = await postgres.createMigrated();
  const [{ store }, { store: other }] = [await openPostgresStore(url), await openPostgresStore(url)];
  const endpoint = anEndpoint();
  await store.write.createEndpoint(endpoint);
  const room = { ...noRoom, defaultRoom: 9 };
  await store.write.accept([[anEvent()], [anEvent()]], { ...room, maxDirect: 0 });
  await other.write.updateEndpoint(endpoint.id, { enabled: false, updatedAt: start });
  expect(await store.write.stepFanOut({ ...room, limit: 1, after: null })).toMatchObject({
    made: 1,
    claimed: [],
  });
  // What it has noticed it reads anew.
  await other.write.updateEndpoint(endpoint.id, { enabled: true, updatedAt: start });
  expect((await store.write.stepFanOut({ ...room, limit: 1, after: null })).claimed).toHaveLength(1);
  await other.close();
  await store.close();
});

test('an event that can neither be stored nor found is refused, and does not hold up the ones behind it', async () => {
  const { store } = await openPostgresStore(await postgres.createMigrated());
  const options = { now: start, node: 'a', leaseMs: 1, defaultRoom: 0, room: new Map<string, number>() };
  // The API refuses such an id; PostgreSQL keeps another one in its place.
  const half = [[anEvent({ id: '\ud800' })]];
  await store.write.accept(half, options);
  await expect(store.write.accept(half, options)).rejects.toThrow(UnavailableError);
  await store.close();
});

test('G6: an event whose delivery has vanished is found with what it was worth', async () => {
  const url = await postgres.createDatabase();
  const { store } = await openPostgresStore(url);
  await store.write.createEndpoint(anEndpoint());
  const value = { amountMinor: 700n, currency: 'EUR' };
  const options = { now: start, node: 'a', leaseMs: 0, defaultRoom: 0, room: new Map() };
  await store.write.accept([[anEvent({ id: 'gone', value }), anEvent({ value })]], options);
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(
    "DELETE FROM posthorn.deliveries d USING posthorn.events e WHERE e.shard = d.shard AND e.number = d.event_number AND e.id = 'gone'",
  );
  await client.end();
  const hour = Math.floor(start / 3_600_000) * 3_600_000;
  const { events } = await store.read.missing({ tenant: 'default', since: hour, until: hour + 3_600_000 }, 9);
  expect(events).toEqual([{ acceptedAt: start, missing: 1, value }]);
  await store.close();
});

test('G1: a commit returns when it is on the disk, not before', async () => {
  const db = Database.connect(await postgres.createDatabase(), 1);
  // No killed process can show what is lost with the power, so every kind of connection is asked.
  for (const connection of [db, db.hot])
    expect(await connection.query('', 'SHOW synchronous_commit')).toEqual([['on']]);
  await db.close();
});

test('G1: a database that does not wait for the disk is refused, with what to do', async () => {
  const url = await postgres.createDatabase();
  const db = Database.connect(url, 1);
  await db.query('', `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET synchronous_commit = off`);
  await db.close();
  await expect(openPostgresStore(url)).rejects.toThrow(/synchronous_commit is off.*ALTER ROLE/);
});

test('G4: what a transaction has written before it throws is not kept', async () => {
  const db = Database.connect(await postgres.createDatabase(), 1);
  await db.query('', 'CREATE TABLE t (n int)');
  const failing = db.transaction(async (connection) => {
    await connection.query('', 'INSERT INTO t VALUES (1)');
    throw new Error('in the middle');
  });
  await expect(failing).rejects.toThrow('in the middle');
  await db.transaction((connection) => connection.query('', 'INSERT INTO t VALUES (2)'));
  expect(await db.query('', 'SELECT n FROM t')).toEqual([[2]]);
  await db.close();
});

test('G7: a dead letter that is redriven while retention looks at it stays', async () => {
  const url = await postgres.createMigrated();
  const { store } = await openPostgresStore(url);
  const endpoint = anEndpoint();
  await store.write.createEndpoint(endpoint);
  await store.write.accept([[anEvent()]], noRoom);
  const claim = { endpointId: endpoint.id, shards: null, limit: 1, maxPayload: 1e9, leaseMs: lease };
  const [held] = (await store.write.claim({ ...claim, now: start, node: 'a' })).deliveries;
  const { number } = held!;
  await store.write.settle([settlementOf(held!, 'dead', start + 1)]);

  // A redrive that has changed the row and has not committed: retention has read it as dead, and waits for it.
  const redriving = new Client({ connectionString: url });
  await redriving.connect();
  await redriving.query('BEGIN');
  await redriving.query(
    'UPDATE posthorn.deliveries SET state = 0, due_at = $2, settled_at = NULL, reason = NULL WHERE number = $1',
    [number, start + 2],
  );
  const late = start + 1000;
  const pruning = store.write.prune({
    ages: agesAt(late),
    settledBefore: late,
    deadBefore: late,
    limit: 10,
    after: -1,
  });
  const watching = new Client({ connectionString: url });
  await watching.connect();
  await until('retention waits for the row', async () => {
    const { rows } = await watching.query(
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    return rows.length > 0;
  });
  await redriving.query('COMMIT');
  expect(await pruning).toMatchObject({ deleted: 0 });
  expect(await store.read.delivery(number)).toMatchObject({ state: 'pending', dueAt: start + 2 });
  for (const client of [redriving, watching]) await client.end();
  await store.close();
});

test('G7: a node that has not seen a jump of the clock deletes nothing by the former time', async () => {
  const { store } = await openPostgresStore(await postgres.createMigrated());
  const endpoint = anEndpoint();
  await store.write.createEndpoint(endpoint);
  await store.write.accept([[anEvent(), anEvent({ tenant: 'absent' })]], noRoom);
  const claim = { endpointId: endpoint.id, shards: null, limit: 1, maxPayload: 1e9, leaseMs: lease };
  const [held] = (await store.write.claim({ ...claim, now: start, node: 'a' })).deliveries;
  await store.write.settle([settlementOf(held!, 'delivered', start + 1)]);
  const run = { id: 'key', token: 'a' };
  await store.write.beginKeyedRequest({
    ...run,
    caller: '',
    fingerprint: '',
    now: start,
    leaseUntil: start + 1,
  });
  await store.write.finishKeyedRequest(run, 'answer');

  const prune = (now: number) => ({
    ages: { ...agesAt(now), shared: true },
    settledBefore: now - 1,
    deadBefore: now - 1,
    limit: 10,
    after: -1,
  });
  for (const byMs of [-400, -1, 1, 400].map((days) => days * 86_400_000)) {
    const request = prune(Date.now() + byMs);
    await expect(store.write.prune(request)).rejects.toThrow(FormerTimeError);
    await expect(store.write.pruneKeyedRequests(request.ages, 10)).rejects.toThrow(FormerTimeError);
  }
  expect(await store.read.delivery(held!.number)).toMatchObject({ state: 'delivered' });
  expect(
    (
      await store.write.beginKeyedRequest({
        ...run,
        caller: '',
        fingerprint: '',
        now: start,
        leaseUntil: start,
      })
    ).state,
  ).toBe('done');

  const request = prune(Date.now());
  expect(await store.write.prune(request)).toMatchObject({ deleted: 2 });
  expect(await store.write.pruneKeyedRequests(request.ages, 10)).toBe(1);
  await store.close();
});

test('a node that has not seen a step back of the clock takes over no request that another node is at', async () => {
  const { store } = await openPostgresStore(await postgres.createMigrated());
  const now = Date.now();
  const request = { id: 'key', caller: '', fingerprint: '', token: 'a', now, leaseUntil: now + 60_000 };
  expect(await store.write.beginKeyedRequest(request)).toEqual({ state: 'fresh' });
  const former = { ...request, token: 'b', now: now + 86_400_000, leaseUntil: now + 86_460_000 };
  expect(await store.write.beginKeyedRequest(former)).toEqual({ state: 'running' });
  await store.close();
});
