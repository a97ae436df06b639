import pg from 'pg';
import { openPostgresStore } from '../packages/posthorn/src/store/postgres/open.ts';
import type { Shards } from '../packages/posthorn/src/store/postgres/shards.ts';
import type { Store } from '../packages/posthorn/src/store/store.ts';
import type { Postgres } from './postgres.ts';

// Making a database takes ten times as long as a test of the store, so tests that end orderly pass theirs on.

/** Keeps what the tables hold after the migration. */
const keep = `CREATE SCHEMA pristine;
DO $$ DECLARE t text; filled boolean; BEGIN
  FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'posthorn'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM posthorn.%I)', t) INTO filled;
    IF filled THEN EXECUTE format('CREATE TABLE pristine.%I AS TABLE posthorn.%I', t, t); END IF;
  END LOOP;
  CREATE TABLE pristine." sequences" AS SELECT sequencename::text AS name, start_value AS value FROM pg_sequences WHERE schemaname = 'posthorn';
END $$`;
/** Brings that back. Without triggers, so that the order of the tables does not matter. */
const restore = `SET session_replication_role = replica;
SET citus.multi_shard_modify_mode = 'sequential';
DO $$ DECLARE t text; kept boolean; filled boolean; value bigint; BEGIN
  FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'posthorn'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition LOOP
    kept := to_regclass(format('pristine.%I', t)) IS NOT NULL;
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM posthorn.%I)', t) INTO filled;
    IF filled THEN EXECUTE format('DELETE FROM posthorn.%I', t); END IF;
    IF kept THEN EXECUTE format('INSERT INTO posthorn.%I SELECT * FROM pristine.%I', t, t); END IF;
  END LOOP;
  FOR t, value IN SELECT s.name, s.value FROM pristine." sequences" s LOOP
    PERFORM setval(format('posthorn.%I', t), value, false);
  END LOOP;
END $$`;

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Databases that hold what a migrated one does; one that is given back is given to the next. */
export function recycledDatabases(postgres: () => Postgres) {
  const free: string[] = [];
  return {
    take: async (): Promise<string> => {
      let url = free.pop();
      if (url === undefined) await run((url = await postgres().createMigrated()), keep);
      else await run(url, restore);
      return url;
    },
    give: (url: string): void => void free.push(url),
  };
}

/** Opens a store on such a database; closing the store gives the database back. */
export function recycling(
  { take, give }: ReturnType<typeof recycledDatabases>,
  options: { readonly shards?: Shards } = {},
) {
  return async (): Promise<Store> => {
    const url = await take();
    const { store } = await openPostgresStore(url, options);
    return {
      ...store,
      close: async () => {
        await store.close();
        give(url);
      },
    };
  };
}
