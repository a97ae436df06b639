import pg from 'pg';
import { freePort } from '../packages/posthorn/src/cli/demo/receivers.ts';
import { table } from '../packages/posthorn/src/cli/output.ts';
import { openPostgresStore } from '../packages/posthorn/src/store/postgres/open.ts';
import { endNode, type Node, startNode } from '../test/crash/nemesis.ts';
import { startPostgres } from '../test/postgres.ts';
import { fillBacklog } from './backlog.ts';
import { startSink } from './sink-process.ts';

// `npm run bench:nodes`: one node and two nodes on the same backlog of one tenant, to a sink that takes 50 ms to answer.

const count = 20_000;
const maxInFlight = 512;
const postgres = await startPostgres({ durable: true });
const { process: sink, port } = await startSink('--delay', '50');

interface Run {
  readonly perS: number;
  readonly byNode: string;
  readonly superseded: number;
}

async function run(names: readonly string[]): Promise<Run> {
  const url = await postgres.createDatabase();
  const { store } = await openPostgresStore(url);
  await fillBacklog(store, `http://127.0.0.1:${port}/hook`, count, maxInFlight);
  await store.close();
  const db = new pg.Client({ connectionString: url });
  await db.connect();
  const delivered = async (): Promise<number> =>
    Number(
      (await db.query<{ n: string }>('SELECT coalesce(sum(delivered), 0) AS n FROM posthorn.ledger')).rows[0]!
        .n,
    );
  const reached = async (share: number): Promise<number> => {
    while ((await delivered()) < count * share) await new Promise((resolve) => setTimeout(resolve, 10));
    return performance.now();
  };
  const ports = await Promise.all(names.map(() => freePort()));
  const nodes: Node[] = await Promise.all(names.map((name, n) => startNode(name, ports[n]!, url)));
  // From a tenth to nine tenths: starting and the last few are left out.
  const began = await reached(0.1);
  const perS = (count * 0.8 * 1000) / ((await reached(0.9)) - began);
  await reached(1);
  const { rows } = await db.query<{ node: string; n: string; superseded: string }>(
    "SELECT node, count(*) AS n, count(*) FILTER (WHERE outcome = 'superseded') AS superseded FROM posthorn.attempts GROUP BY node ORDER BY node",
  );
  await Promise.all(nodes.map((node) => endNode(node, 'SIGTERM')));
  await db.end();
  return {
    perS,
    byNode: rows.map(({ node, n }) => `${node} ${n}`).join(', '),
    superseded: rows.reduce((sum, row) => sum + Number(row.superseded), 0),
  };
}

const one = await run(['a']);
const two = await run(['a', 'b']);
process.stdout.write(
  `${table(
    ['nodes', 'per second', 'ratio', 'attempts by node', 'superseded'],
    [
      ['1', Math.round(one.perS), '1', one.byNode, one.superseded],
      ['2', Math.round(two.perS), (two.perS / one.perS).toFixed(2), two.byNode, two.superseded],
    ],
  )}\n`,
);
sink.kill();
await postgres.stop();
