import type { Connection, Database } from './database.ts';
import { filterParts } from './filter-sql.ts';
import { publishSql } from './publish.ts';
import { migrationLock, statementsOf } from './schema.ts';
import { definitionOf, functionOf, type Transition } from './transitions.ts';

// The way past one PostgreSQL machine: the tables of the delivery path are distributed by `shard` and lie together, and
// the small ones are on every worker. What a statement may then do is said in docs/operating/scaling.md.

/** Distributed by `shard`, colocated with the first. */
export const distributedTables = [
  'events',
  'receipts',
  'deliveries',
  'attempts',
  'ledger',
  'event_ledger',
  'latency',
  'latency_days',
  'counters',
  'failures',
  'worth',
  'shards',
] as const;
/** Reference tables: small, and joined with the others. */
export const referenceTables = [
  'endpoints',
  'config',
  'settings',
  'documents',
  'alerts',
  'markers',
  'redrives',
  'dead_letter_snoozes',
  'fan_outs',
  'fan_out_events',
  'fan_out_ledger',
  'nodes',
  'idempotency_keys',
  'keys',
  'sessions',
  'audit_log',
  'audit_head',
  'migrations',
] as const;

/** Whether the delivery path is distributed in this database: then each of its statements names exactly one shard. */
export async function isDistributed(db: Database): Promise<boolean> {
  const [citus] = await db.query('', "SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL");
  if (citus![0] !== true) return false;
  const rows = await db.query(
    '',
    "SELECT 1 FROM pg_catalog.pg_dist_partition WHERE logicalrelid = to_regclass('posthorn.deliveries') AND partmethod = 'h'",
  );
  return rows.length > 0;
}

/**
 * Distributes the tables of a migrated database, with what is in them, in one transaction; what is distributed already is
 * left as it is. Refuses a database without Citus, and one that nodes are working on: they would go on with statements
 * that span shards. Answers the names of the tables that it has distributed.
 */
export async function distribute(db: Database): Promise<string[]> {
  const [installed] = await db.query('', "SELECT count(*) FROM pg_extension WHERE extname = 'citus'");
  if (installed![0] === 0)
    throw new Error(
      'Citus is not installed in this database: add citus to shared_preload_libraries and run CREATE EXTENSION citus on the coordinator',
    );
  const living = await db.query(
    '',
    'SELECT node FROM posthorn.nodes WHERE beat_at > (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 8000',
  );
  if (living.length > 0)
    throw new Error(
      `stop every node first: ${living.map(([node]) => node).join(', ')} still work on this database`,
    );
  return await db.transaction(async (connection) => {
    await connection.query('', 'SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    const there = new Set(
      (
        await connection.query(
          '',
          `SELECT c.relname FROM pg_catalog.pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid
           WHERE c.relnamespace = 'posthorn'::regnamespace`,
        )
      ).map(([name]) => name as string),
    );
    // Reference tables and distributed ones in one transaction: Citus wants one connection for both then.
    await connection.query('', "SET LOCAL citus.multi_shard_modify_mode TO 'sequential'");
    // A distributed table takes no identity column of type int; a sequence behind a default does the same.
    if (!there.has('endpoints')) {
      await connection.query('', 'ALTER TABLE posthorn.endpoints ALTER COLUMN num DROP IDENTITY IF EXISTS');
      await connection.query('', 'CREATE SEQUENCE IF NOT EXISTS posthorn.endpoint_nums AS bigint');
      await connection.query(
        '',
        "SELECT setval('posthorn.endpoint_nums', coalesce(max(num), 0) + 1, false) FROM posthorn.endpoints",
      );
      await connection.query(
        '',
        "ALTER TABLE posthorn.endpoints ALTER COLUMN num SET DEFAULT nextval('posthorn.endpoint_nums')",
      );
    }
    const done: string[] = [];
    for (const table of referenceTables.filter((name) => !there.has(name))) {
      await connection.query('', 'SELECT create_reference_table($1::regclass)', [`posthorn.${table}`]);
      done.push(table);
    }
    for (const table of distributedTables.filter((name) => !there.has(name))) {
      await connection.query(
        '',
        "SELECT create_distributed_table($1::regclass, 'shard', colocate_with => $2::text)",
        [`posthorn.${table}`, table === distributedTables[0] ? 'none' : `posthorn.${distributedTables[0]}`],
      );
      done.push(table);
    }
    // A database of an earlier version has functions that join shards.
    for (const statement of statementsOf(filterParts + publishSql)) await connection.query('', statement);
    return done;
  });
}

async function createTransition(
  connection: Connection,
  transition: Transition,
  isDistributed: boolean,
): Promise<void> {
  const name = functionOf(transition);
  const [there] = await connection.query('', 'SELECT to_regproc($1) IS NOT NULL', [name]);
  if (there![0] === true) return;
  await connection.query('', definitionOf(transition));
  // Delegation is forced: also within a transaction of several shards it runs where its shard is.
  if (isDistributed)
    await connection.query(
      '',
      'SELECT create_distributed_function($1::regprocedure, $2, colocate_with => $3, force_delegation => true)',
      [
        `${name}(${transition.parameters.join(', ')})`,
        `$${transition.shardAt}`,
        `posthorn.${distributedTables[0]}`,
      ],
    );
}

/** Creates the functions of this version that are not there yet. */
export async function createTransitions(
  db: Database,
  transitions: readonly Transition[],
  isDistributed: boolean,
): Promise<void> {
  await db.transaction(async (connection) => {
    await connection.query('', 'SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    for (const transition of transitions) await createTransition(connection, transition, isDistributed);
  });
}
