import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { distributedTables, referenceTables } from '../../packages/posthorn/src/store/postgres/citus.ts';
import { migrateDatabase, openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { anEndpoint, anEvent, start } from '../support.ts';

// The steps of `posthorn migrate --citus`, on a database where the functions of Citus only note what they are asked
// to do. On a real cluster: test/conformance/postgres-one-shard.test.ts.

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

async function withNotingCitus(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`SET allow_system_table_mods = on;
    CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char", placed int GENERATED ALWAYS AS IDENTITY, colocated text);
    INSERT INTO pg_extension SELECT 99999, 'citus', 10, 'pg_catalog'::regnamespace, false, '0', NULL, NULL;
    CREATE FUNCTION create_reference_table(regclass) RETURNS void LANGUAGE sql AS
      $$ INSERT INTO pg_catalog.pg_dist_partition (logicalrelid, partmethod) VALUES ($1, 'n') $$;
    CREATE FUNCTION create_distributed_table(regclass, text, colocate_with text) RETURNS void LANGUAGE sql AS
      $$ INSERT INTO pg_catalog.pg_dist_partition (logicalrelid, partmethod, colocated) VALUES ($1, 'h', $2 || ' ' || $3) $$;
    CREATE TABLE pg_catalog.distributed_functions (name text, argument text, colocated text, forced boolean);
    CREATE FUNCTION create_distributed_function(regprocedure, text, colocate_with text, force_delegation boolean) RETURNS void LANGUAGE sql AS
      $$ INSERT INTO pg_catalog.distributed_functions VALUES ((SELECT proname FROM pg_proc WHERE oid = $1), $2, $3, $4) $$`);
  return client;
}

test('migrate --citus distributes each table once, beside data that is there, and the store then names one shard', async () => {
  const url = await postgres.createDatabase();
  const before = await openPostgresStore(url);
  const old = anEndpoint();
  await before.store.write.createEndpoint(old);
  await before.store.write.heartbeat('a', null);
  const client = await withNotingCitus(url);
  await expect(migrateDatabase(url, { citus: true })).rejects.toThrow('stop every node first: a still work');
  await before.store.write.leave('a');
  await before.store.close();

  expect(await migrateDatabase(url, { citus: true })).toEqual([...referenceTables, ...distributedTables]);
  expect(await migrateDatabase(url, { citus: true })).toEqual([]);
  const { rows } = await client.query<{ name: string; colocated: string | null }>(
    'SELECT logicalrelid::text AS name, colocated FROM pg_catalog.pg_dist_partition ORDER BY placed',
  );
  expect(rows.filter(({ colocated }) => colocated !== null)).toEqual(
    distributedTables.map((table, at) => ({
      name: `posthorn.${table}`,
      colocated: `shard ${at === 0 ? 'none' : 'posthorn.events'}`,
    })),
  );

  // One function for each transition that inserts: once, however often it is asked for.
  const { rows: functions } = await client.query<{ name: string; forced: boolean }>(
    "SELECT regexp_replace(name, '_[0-9a-f]{10}$', '') AS name, bool_and(forced) AS forced FROM pg_catalog.distributed_functions GROUP BY name ORDER BY 1",
  );
  expect(functions).toEqual(
    ['accept', 'accept_receipts', 'accept_suppressed', 'fan_out', 'settle', 'settle_dead'].map((name) => ({
      name,
      forced: true,
    })),
  );

  // Detected at the next start; numbers of endpoints go on where they were, without an identity column.
  const { store } = await openPostgresStore(url);
  const fresh = anEndpoint();
  await store.write.createEndpoint(fresh);
  expect((await store.read.endpoints({ after: null, limit: 10 })).length).toBe(2);
  const answer = await store.write.accept([[anEvent(), anEvent()]], {
    now: start,
    node: 'a',
    leaseMs: 0,
    defaultRoom: 0,
    room: new Map(),
  });
  expect(answer.waiting.toSorted()).toEqual([old.id, fresh.id].toSorted());
  const shards = await client.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM posthorn.ledger l WHERE NOT EXISTS (SELECT 1 FROM posthorn.events e WHERE e.shard = l.shard)',
  );
  expect(shards.rows[0]!.n).toBe(0);
  await store.close();
  await client.end();
});
