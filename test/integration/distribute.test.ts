import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { distributedTables, referenceTables } from '../../packages/posthorn/src/store/postgres/citus.ts';
import { migrateDatabase, openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { anEndpoint, anEvent, start } from '../support.ts';

// The steps of `posthorn migrate --citus`, on a database where the two functions of Citus only note what they are asked
// to do. What real Citus makes of them was not tried here: see docs/operating/scaling.md.

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
      $$ INSERT INTO pg_catalog.pg_dist_partition (logicalrelid, partmethod, colocated) VALUES ($1, 'h', $2 || ' ' || $3) $$`);
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
