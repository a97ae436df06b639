import { migrateDatabase } from '../packages/posthorn/src/store/postgres/open.ts';
import { ask, type Postgres } from './postgres.ts';

// A real Citus cluster that someone has started: POSTHORN_TEST_CITUS_URL names a database of its coordinator, in which its
// workers are added. No registry of packages has Citus, so the tests that need it are skipped without one.

const given = process.env['POSTHORN_TEST_CITUS_URL'] ?? '';
export const hasCitus = given !== '';
if (!hasCitus)
  process.stderr.write('Tests on a real Citus cluster are skipped: POSTHORN_TEST_CITUS_URL is not set.\n');

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

/** A fresh database on every node of the cluster, with the extension and the workers added. */
async function createDatabase(): Promise<string> {
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
  for (const { host, port } of workers) await ask(url, `SELECT citus_add_node('${host}', ${port})`);
  return url;
}

const refuse = async (): Promise<void> => {
  throw new Error('a cluster of POSTHORN_TEST_CITUS_URL is not killed by this test');
};

/** Databases of the cluster that is given. */
export const citus: Postgres = {
  createDatabase,
  createMigrated: async () => {
    const url = await createDatabase();
    await migrateDatabase(url, { citus: true });
    return url;
  },
  kill: refuse,
  restart: refuse,
  stop: async () => {
    const nodes = await clusterNodes();
    for (const node of nodes)
      for (const name of made)
        await ask(at(node, maintained), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  },
};
