import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UnavailableError } from '../../packages/posthorn/src/domain/errors.ts';
import { distributedTables, referenceTables } from '../../packages/posthorn/src/store/postgres/citus.ts';
import { Database } from '../../packages/posthorn/src/store/postgres/database.ts';
import {
  migrateDatabase,
  openPostgresStore,
  transitions,
} from '../../packages/posthorn/src/store/postgres/open.ts';
import { singleShards } from '../../packages/posthorn/src/store/postgres/shards.ts';
import { citus, hasCitus } from '../citus.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { anEndpoint } from '../support.ts';
import { recycledDatabases, recycling } from '../recycled.ts';
import { describeAccounting } from './accounting-conformance.ts';
import { describeOverview } from './overview-conformance.ts';
import { describeSeries } from './series-conformance.ts';
import { describeDeliveryStore, describeStore } from './store-conformance.ts';
import { describeAuditTampering } from './store/audit-tampering.ts';
import { describeDigests, type Tamperable } from './store/digests.ts';
import { describeTampering } from './store/tampering.ts';
import { describeFanOut } from './store/fanning-out.ts';
import { tamperablePostgres } from './store/postgres-tamperable.ts';
import { describeWorth } from './worth-conformance.ts';

// What distributed tables (Citus) ask of the store, held on plain PostgreSQL. The tables are partitioned by a hash of
// `shard`, as Citus does it, so PostgreSQL's own planner says of every statement that was sent how many partitions it
// has to touch: a statement that names one shard touches one, and the same one of every table.

const partitions = 8;
/** Statements of the delivery path in this mode; each runs once for a shard. Transitions that insert are functions. */
const hot = [
  'receipts_find_one',
  'events_find_one',
  'claim_one',
  'claim_keyed_one',
  'claim_defer_one',
  'claim_keyed_blocked_one',
  'claim_defer_blocked_one',
  'settle_rest_one',
  'release_one',
  'next_due_one',
];

interface Sent {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}
const sent = new Map<string, Sent>();
const send = pg.Client.prototype.query;

let postgres: Postgres;
let partitioned: string;
beforeAll(async () => {
  postgres = await startPostgres();
  partitioned = await partitionedDatabase();
  // Records what is sent, the newest of each name.
  Object.assign(pg.Client.prototype, {
    query(this: pg.Client, ...args: [Sent]): unknown {
      const [query] = args;
      if (typeof query.name === 'string' && query.name !== '') sent.set(query.name, query);
      return Reflect.apply(send, this, args);
    },
  });
});
afterAll(async () => {
  pg.Client.prototype.query = send;
  await postgres.stop();
});

/** A migrated database whose distributed tables are partitioned instead. */
async function partitionedDatabase(): Promise<string> {
  const url = await postgres.createDatabase();
  await migrateDatabase(url, { citus: false });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const table of distributedTables) {
    await client.query(`ALTER TABLE posthorn.${table} RENAME TO ${table}_whole`);
    await client.query(
      `CREATE TABLE posthorn.${table} (LIKE posthorn.${table}_whole INCLUDING ALL) PARTITION BY HASH (shard)`,
    );
    for (let at = 0; at < partitions; at++)
      await client.query(
        `CREATE TABLE posthorn.${table}_p${at} PARTITION OF posthorn.${table} FOR VALUES WITH (MODULUS ${partitions}, REMAINDER ${at})`,
      );
    await client.query(`DROP TABLE posthorn.${table}_whole CASCADE`);
  }
  await client.end();
  return url;
}

const open = recycling(
  recycledDatabases(() => postgres),
  { shards: singleShards },
);

// What is declared (endpoints, keys, sessions, the audit log) is in tables without a shard, by the statements of the plain file.
describeDeliveryStore('PostgreSQL, one shard a statement', open, 3);
const tamperable = async () => tamperablePostgres(await postgres.createMigrated(), { shards: singleShards });
describeDigests('PostgreSQL, one shard a statement', tamperable, { fields: 'one' });
describeTampering('PostgreSQL, one shard a statement', tamperable);
describeFanOut('PostgreSQL, one shard a statement', tamperable);

// What PostgreSQL alone cannot show: Citus plans these statements, and some it refuses.
if (!hasCitus)
  process.stderr.write('Tests on a real Citus cluster are skipped: POSTHORN_TEST_CITUS_URL is not set.\n');
else {
  afterAll(() => citus.stop());
  const databases = recycledDatabases(() => citus);
  const onCitus = recycling(databases);
  const tamperableOnCitus = async (): Promise<Tamperable> => {
    const url = await databases.take();
    const tamperable = await tamperablePostgres(url);
    return {
      ...tamperable,
      close: async () => {
        await tamperable.close();
        databases.give(url);
      },
    };
  };
  describeStore('Citus', onCitus, 3);
  describeAccounting('accounting on Citus', onCitus);
  describeSeries('series on Citus', onCitus);
  describeOverview('overview on Citus', onCitus);
  describeDigests('Citus', tamperableOnCitus);
  describeTampering('Citus', tamperableOnCitus);
  describeAuditTampering('Citus', tamperableOnCitus);
  describeFanOut('Citus', tamperableOnCitus);
  describeWorth('worth on Citus', tamperableOnCitus);
}

/** Tables that a statement reads or updates, as the planner sees it with these very parameters. */
async function touched(client: pg.Client, { text, values }: Sent): Promise<Set<string>> {
  const { rows } = await client.query<{ 'QUERY PLAN': unknown }>(`EXPLAIN (FORMAT JSON) ${text}`, values);
  const found = new Set<string>();
  JSON.stringify(rows, (key, value: unknown) => {
    if (key === 'Relation Name') found.add(String(value));
    return value;
  });
  return found;
}

describe('distributed tables', () => {
  test('the store works on partitioned tables by hash, in this mode', async () => {
    const { store } = await openPostgresStore(partitioned, { shards: singleShards });
    expect(await store.read.conservation()).toEqual([]);
    expect(await store.read.nextDue([1, 2, 3])).toEqual([]);
    // So many that each shard is asked by itself.
    for (let made = 0; made <= 100; made++) await store.write.createEndpoint(anEndpoint());
    expect(await store.read.nextDue([1, 2, 3])).toEqual([]);
    await store.close();
  });

  test('every hot statement touches one partition of each table, the same one', async () => {
    expect(hot.filter((name) => !sent.has(name))).toEqual([]);
    const client = new pg.Client({ connectionString: partitioned });
    await client.connect();
    const wrong: string[] = [];
    for (const name of hot) {
      const tables = [...(await touched(client, sent.get(name)!))].filter((table) =>
        distributedTables.some((one) => table === one || table.startsWith(`${one}_p`)),
      );
      const places = new Set(tables.flatMap((table) => /_p(\d+)$/.exec(table)?.[1] ?? []));
      if (places.size !== 1) wrong.push(`${name}: ${tables.join(' ')}`);
    }
    await client.end();
    expect(wrong).toEqual([]);
  });

  test('what a hot statement inserts has its one shard; nothing is drawn from a sequence, nothing found by its place', () => {
    const texts = [
      ...hot.map((name) => ({ name, text: sent.get(name)!.text })),
      ...transitions.map(({ name, statements }) => ({ name, text: statements.join(';\n') })),
    ];
    for (const { name, text } of texts) {
      expect(text).not.toMatch(/nextval|ctid|random\(/);
      for (const [, table, select] of text.matchAll(
        /INSERT INTO posthorn\.(\w+)[^(]*\([^)]*\)\s+SELECT ([^,]+),/g,
      ))
        expect(`${name}: ${table} ${select}`).toMatch(/ \$\d+::smallint$/);
    }
  });

  test('the check sees a statement that spans shards', async () => {
    const client = new pg.Client({ connectionString: partitioned });
    await client.connect();
    const text = 'SELECT * FROM posthorn.deliveries d WHERE d.shard = ANY ($1::smallint[])';
    expect(
      (await touched(client, { name: '', text, values: [[1, 2, 3, 4, 5, 6, 7, 8]] })).size,
    ).toBeGreaterThan(1);
    await client.end();
  });

  test('the schema is what Citus takes: every table is placed, unique keys contain the shard, no foreign keys, no triggers', async () => {
    const url = await postgres.createDatabase();
    await migrateDatabase(url, { citus: false });
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const list = async (sql: string): Promise<string[]> =>
      (await client.query<{ name: string }>(sql)).rows.map(({ name }) => name).toSorted();
    expect(
      await list(
        "SELECT relname AS name FROM pg_class WHERE relnamespace = 'posthorn'::regnamespace AND relkind = 'r'",
      ),
    ).toEqual([...distributedTables, ...referenceTables].toSorted());
    expect(
      await list(`SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'shard'
        WHERE c.relnamespace = 'posthorn'::regnamespace AND i.indisunique AND NOT a.attnum = ANY (i.indkey)`),
    ).toEqual([]);
    expect(
      await list(
        "SELECT conname AS name FROM pg_constraint WHERE connamespace = 'posthorn'::regnamespace AND contype = 'f'",
      ),
    ).toEqual([]);
    expect(
      await list(
        "SELECT tgname AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = 'posthorn'::regnamespace",
      ),
    ).toEqual([]);
    await client.end();
  });

  test('a server that is lost in the middle of a statement is a database that cannot work now', async () => {
    const db = Database.connect(partitioned, 1);
    const raise = (message: string) =>
      db.query('', `DO $$ BEGIN RAISE EXCEPTION '${message}' USING ERRCODE = 'XX000'; END $$`);
    await expect(raise('server closed the connection unexpectedly')).rejects.toThrow(UnavailableError);
    for (const message of [
      'failure on connection marked as essential: w:5432',
      'postmaster was shut down, exiting',
      'failed to read result "1_2" from node w:5432',
    ])
      await expect(raise(message)).rejects.toThrow(UnavailableError);
    await expect(raise('something else')).rejects.not.toThrow(UnavailableError);
    await db.close();
  });

  test('a call that came to a worker after its shard had moved is made again, alone and in a transaction', async () => {
    const moved = 'cannot execute a distributed query from a query on a shard';
    const db = Database.connect(partitioned, 1);
    await db.query('', 'CREATE SEQUENCE public.calls');
    /** The calls with these numbers come too early. A sequence counts what was rolled back, too. */
    const call = (early: string) =>
      `DO $$ BEGIN IF nextval('public.calls') IN (${early}) THEN RAISE EXCEPTION '${moved}' USING ERRCODE = 'XX000'; END IF; END $$`;
    await db.query('', call('1, 2'));
    await db.transaction(async (connection) => await connection.query('', call('4')));
    expect(await db.query('', 'SELECT last_value FROM public.calls')).toEqual([[5]]);
    // It does not go on for ever.
    await expect(db.query('', call('6, 7, 8, 9, 10'))).rejects.toThrow(UnavailableError);
    expect(await db.query('', 'SELECT last_value FROM public.calls')).toEqual([[9]]);
    await db.query('', 'DROP SEQUENCE public.calls');
    await db.close();
  });

  test('without Citus nothing is distributed, and it says what to do', async () => {
    const url = await postgres.createDatabase();
    await expect(migrateDatabase(url, { citus: true })).rejects.toThrow(/CREATE EXTENSION citus/);
  });
});
