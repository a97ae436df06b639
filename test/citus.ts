import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { migrateDatabase } from '../packages/posthorn/src/store/postgres/open.ts';
import { ask, type Postgres } from './postgres.ts';

// A real Citus cluster that someone has started: POSTHORN_TEST_CITUS_URL names a database of its coordinator, in which its
// workers are added. No registry of packages has Citus, so the tests that need it are skipped without one. The nemesis also
// takes shell commands that kill and start one of its servers, whose port is in $PORT: POSTHORN_TEST_CITUS_KILL and
// POSTHORN_TEST_CITUS_START, which returns when the server takes connections.

const given = process.env['POSTHORN_TEST_CITUS_URL'] ?? '';
export const hasCitus = given !== '';

interface ClusterNode {
  readonly host: string;
  readonly port: number;
}

const at = (node: ClusterNode, database: string): string => {
  const url = new URL(given);
  url.hostname = node.host;
  url.port = String(node.port);
  url.pathname = `/${database}`;
  return url.href;
};

const maintained = hasCitus ? new URL(given).pathname.slice(1) : '';
const made: string[] = [];

const clusterNodes = (): Promise<ClusterNode[]> =>
  ask<ClusterNode>(
    given,
    'SELECT nodename AS host, nodeport AS port FROM pg_dist_node WHERE isactive ORDER BY groupid',
  );

/** A fresh database on every node of the cluster, with the extension and the workers added, except for some that join later. */
async function createDatabase(laterWorkers = 0): Promise<string> {
  const nodes = await clusterNodes();
  const [coordinator, ...workers] = nodes;
  const name = `posthorn_test_${process.pid}_${made.length + 1}`;
  made.push(name);
  for (const node of nodes) {
    await ask(
      at(node, maintained),
      `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`,
      `CREATE DATABASE ${name}`,
    );
    // Fewer than the default of 32: a database is made in a third of the time.
    await ask(at(node, name), 'CREATE EXTENSION citus', `ALTER DATABASE ${name} SET citus.shard_count = 8`);
  }
  const url = at(coordinator!, name);
  await ask(url, `SELECT citus_set_coordinator_host('${coordinator!.host}', ${coordinator!.port})`);
  for (const { host, port } of workers.slice(0, workers.length - laterWorkers))
    await ask(url, `SELECT citus_add_node('${host}', ${port})`);
  return url;
}

async function migrated(url: string): Promise<string> {
  await migrateDatabase(url, { citus: true });
  return url;
}

const refuse = async (): Promise<void> => {
  throw new Error('a cluster of POSTHORN_TEST_CITUS_URL is not killed by this test');
};

/** Databases of the cluster that is given. */
export const citus: Postgres = {
  createDatabase: () => createDatabase(),
  createMigrated: async () => await migrated(await createDatabase()),
  kill: refuse,
  restart: refuse,
  stop: async () => {
    const nodes = await clusterNodes();
    for (const node of nodes)
      for (const name of made)
        await ask(at(node, maintained), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  },
};

/** A cluster whose servers a test may kill. */
export interface Cluster {
  /** Migrated; the last worker is not in it yet. */
  readonly databaseUrl: string;
  /** The coordinator first. */
  readonly servers: readonly ClusterNode[];
  kill(server: ClusterNode): Promise<void>;
  start(server: ClusterNode): Promise<void>;
  /** The last worker joins, and gets its part of the shards; resolves when they have moved. */
  join(): Promise<void>;
  stop(): Promise<void>;
}

const run = promisify(execFile);

export async function startCluster(): Promise<Cluster> {
  const { POSTHORN_TEST_CITUS_KILL: kill, POSTHORN_TEST_CITUS_START: start } = process.env;
  if (!hasCitus || kill === undefined || start === undefined)
    throw new Error(
      'set POSTHORN_TEST_CITUS_URL, POSTHORN_TEST_CITUS_KILL and POSTHORN_TEST_CITUS_START (see test/citus.ts)',
    );
  const servers = await clusterNodes();
  const databaseUrl = await migrated(await createDatabase(1));
  const perform = async (command: string, { port }: ClusterNode): Promise<void> => {
    await run('sh', ['-c', command], { env: { ...process.env, PORT: String(port) } });
  };
  return {
    databaseUrl,
    servers,
    kill: (server) => perform(kill, server),
    start: (server) => perform(start, server),
    join: async () => {
      const { host, port } = servers.at(-1)!;
      await ask(
        databaseUrl,
        `SELECT citus_add_node('${host}', ${port})`,
        'SELECT citus_rebalance_start()',
        'SELECT citus_rebalance_wait()',
      );
    },
    stop: () => citus.stop(),
  };
}
