import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { ApiError } from '../../packages/client/src/index.ts';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { reconcile } from '../../packages/posthorn/src/ledger/reconciler.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { clientOfPrimary, serverUrls } from '../../packages/posthorn/src/store/postgres/servers.ts';
import { buildBundles, nodeScript } from '../bundles.ts';
import { aReceiver, secretKey } from '../support.ts';
import { type Arrival, checkHistory, type LoggedAttempt, type Verdict } from './checker.ts';
import { startDatabase } from './faulty-database.ts';
import { createWireClient } from '../wire-client.ts';

// Three real nodes on one real PostgreSQL under load (in the long form with a synchronous standby), a receiver that records everything, and a nemesis that kills,
// freezes, disconnects and lies. `npm run test:crash -- --minutes N [--seed S] [--history FILE] [--citus]`

export const apiKey = 'phk_crash_0123456789abcdef';

export interface Node {
  readonly name: string;
  readonly port: number;
  process: ChildProcess;
  /** The last of what it logged: why it answered what it should not. */
  output(): string;
}

// Once for all nodes of a run, however its checkout changes meanwhile.
await buildBundles();

/** Nodes that ended by themselves, with their last output. */
export const crashes: string[] = [];

/** Starts one node; resolves when it serves. */
export async function startNode(
  name: string,
  port: number,
  databaseUrl: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<Node> {
  const settings = {
    port,
    databaseUrl,
    nodeName: name,
    apiKey,
    secretKey,
    allowPrivateNetworks: true,
    logLevel: 'error',
    ...more,
  };
  const child = fork(nodeScript, [JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let logged = '';
  for (const output of [child.stdout!, child.stderr!])
    output.on('data', (chunk: Buffer) => (logged = (logged + chunk.toString()).slice(-2000)));
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code, signal) =>
      reject(new Error(`node ${name} ended while starting: ${signal ?? code} ${logged}`)),
    );
  });
  child.removeAllListeners('exit');
  // Only the nemesis ends nodes: one that ends by itself is a finding.
  child.once('exit', (code, signal) => {
    if (signal === null) crashes.push(`node ${name} ended with ${code}: ${logged}`);
  });
  return { name, port, process: child, output: () => logged };
}

/** As a supervisor does: starts again until it stays up. The database may be killed again and again meanwhile. */
async function startUntilUp(name: string, port: number, databaseUrl: string): Promise<Node> {
  const end = Date.now() + 600_000;
  for (;;) {
    try {
      return await startNode(name, port, databaseUrl);
    } catch (error) {
      if (Date.now() > end) throw error;
      await pause(200);
    }
  }
}

export async function endNode(node: Node, signal: NodeJS.Signals): Promise<void> {
  const { process: child } = node;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGCONT');
  child.kill(signal);
  await ended;
}

export const nodeClient = (node: Node) => createWireClient(`http://127.0.0.1:${node.port}`, apiKey);

/** Small, fast, seeded: mulberry32. Everything the nemesis decides comes from it. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface CrashResult extends Verdict {
  readonly seed: number;
  readonly injected: Readonly<Record<string, number>>;
  readonly unaccounted: number;
  readonly balanced: boolean;
  readonly outOfOrder: number;
  readonly pending: number;
  readonly crashes: readonly string[];
}

const maxMessages = 40;
const publishers = 12;

export async function runNemesis(options: {
  seconds: number;
  seed: number;
  /** Longest freeze: beyond the lease in the long form. */
  maxFreezeMs: number;
  /** A synchronous standby takes over now and then; a Citus cluster gets another worker while it delivers. */
  database?: 'single' | 'standby' | 'cluster';
  historyFile?: string;
  onProgress?: (message: string) => void;
}): Promise<CrashResult> {
  const draw = seeded(options.seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(draw() * list.length)]!;
  const database = await startDatabase(options.database ?? 'single', draw);
  const { databaseUrl } = database;
  const arrivals: Arrival[] = [];
  const history: object[] = [];
  const note = (kind: string, fields: object = {}): void => {
    history.push({ at: Date.now(), kind, ...fields });
  };
  const endpointOf = new Map<string, string>();
  let conduct: 'healthy' | 'hang' | 'reset' | 'late' | 'refuse' = 'healthy';
  const receiver = (flaky: boolean) =>
    aReceiver((request, response) => {
      const name = request.path.slice(1);
      const doing = flaky ? conduct : 'healthy';
      const processed = doing === 'healthy' || doing === 'late';
      if (processed) {
        const arrival = {
          endpointId: endpointOf.get(name) ?? name,
          eventId: String(request.headers['webhook-id']),
          attempt: Number(request.headers['posthorn-attempt']),
          at: Date.now(),
        };
        arrivals.push(arrival);
        note('arrival', arrival);
      }
      if (doing === 'healthy') response.end('ok');
      else if (doing === 'late') setTimeout(() => response.end('ok'), 1500);
      else if (doing === 'reset') response.destroy();
      else if (doing === 'refuse') response.writeHead(503, { 'retry-after': '1' }).end();
    });
  const steady = await receiver(false);
  const flaky = await receiver(true);

  const nodes: Node[] = [];
  for (const name of ['a', 'b', 'c']) nodes.push(await startNode(name, await freePort(), databaseUrl));
  const stopped = { publishing: false };
  const injected: Record<string, number> = {};
  const faults: { kind: string; at: number; until: number }[] = [];
  try {
    const kinds = [
      { name: 'steady', base: steady.url, fields: {} },
      { name: 'flaky', base: flaky.url, fields: {} },
      { name: 'keyed', base: steady.url, fields: { ordering: 'key' } },
    ];
    for (const { name, base, fields } of kinds) {
      const { id } = await nodeClient(nodes[0]!).request<{ id: string }>('POST', '/v1/endpoints', {
        url: new URL(`/${name}`, base).href,
        timeout_ms: 1000,
        retry: { schedule_s: Array.from({ length: 50 }, () => 2) },
        ...fields,
      });
      endpointOf.set(name, id);
    }

    // Publishers: each keeps its own key, and goes on to its next event only when the last one is acknowledged.
    const attempted = new Set<string>();
    const acknowledged = new Set<string>();
    const publisher = async (who: number): Promise<void> => {
      for (let n = 0; !stopped.publishing; n++) {
        const events = Array.from({ length: 1 + ((n * 7) % 10) }, (_, i) => ({
          id: `p${who}_${n}_${i}`,
          type: 'payment.succeeded',
          ordering_key: `key_${who}`,
          data: { who, n, i },
        }));
        for (const { id } of events) attempted.add(id);
        for (;;) {
          const node = nodes[Math.floor(Math.random() * nodes.length)]!;
          try {
            const signal = AbortSignal.timeout(database.answerMs);
            const response = await fetch(`http://127.0.0.1:${node.port}/v1/events/batch`, {
              method: 'POST',
              signal,
              headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
              body: JSON.stringify({ events }),
            });
            if (response.status === 202) {
              await response.text();
              for (const { id } of events) acknowledged.add(id);
              note('acknowledged', { ids: events.map(({ id }) => id) });
              break;
            }
            if (response.status !== 503)
              throw new Error(
                `publishing answered ${response.status}: ${await response.text()}\n${node.output()}`,
              );
          } catch (error) {
            // The node is dead, frozen or cut off: the same ids go to another one.
            if (error instanceof Error && error.message.startsWith('publishing answered')) throw error;
          }
          await pause(50);
        }
        await pause(250);
      }
    };

    const during = async (kind: string, work: () => Promise<void>): Promise<void> => {
      const fault = { kind, at: Date.now(), until: Number.POSITIVE_INFINITY };
      faults.push(fault);
      injected[kind] = (injected[kind] ?? 0) + 1;
      note('fault', { fault: kind });
      options.onProgress?.(kind);
      await work();
      fault.until = Date.now();
    };
    const busy = new Set<Node>();
    const onNode = async (kind: string, work: (node: Node) => Promise<void>): Promise<void> => {
      // At least one node stays untouched, so that it can take over.
      const free = nodes.filter((node) => !busy.has(node));
      if (free.length <= 1) return;
      const node = pick(free);
      busy.add(node);
      await during(kind, () => work(node));
      busy.delete(node);
    };
    const kindsOfFault: Record<string, () => Promise<void>> = {
      'kill node': () =>
        onNode('kill node', async (node) => {
          await endNode(node, 'SIGKILL');
          await pause(200 + draw() * 3000);
          Object.assign(node, await startUntilUp(node.name, node.port, databaseUrl));
        }),
      'freeze node': () =>
        onNode('freeze node', async (node) => {
          node.process.kill('SIGSTOP');
          await pause(1000 + draw() * (options.maxFreezeMs - 1000));
          node.process.kill('SIGCONT');
        }),
      'shift clock': () =>
        onNode('shift clock', async (node) => {
          if (node.process.connected) node.process.send({ shift: Math.round((draw() - 0.5) * 7_200_000) });
          await pause(2000 + draw() * 2000);
          if (node.process.connected) node.process.send({ shift: 0 });
        }),
      ...Object.fromEntries(
        Object.entries(database.faults).map(([kind, work]) => [kind, () => during(kind, work)]),
      ),
      'cut connections': () =>
        during('cut connections', async () => {
          for (const connectionString of serverUrls(databaseUrl)) {
            const client = new pg.Client({ connectionString });
            client.on('error', () => {});
            await client.connect();
            await client.query(
              'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
            );
            await client.end();
          }
        }),
      receiver: async () => {
        const doing = pick(['hang', 'reset', 'late', 'refuse'] as const);
        await during(`receiver: ${doing}`, async () => {
          conduct = doing;
          await pause(500 + draw() * 2000);
          conduct = 'healthy';
        });
      },
    };
    const nemesis = async (): Promise<void> => {
      const end = Date.now() + options.seconds * 1000;
      const running = new Set<Promise<void>>();
      // Every kind once before chance decides.
      const due = Object.keys(kindsOfFault);
      while (Date.now() < end || due.length > 0) {
        const kind = due[0] ?? pick(Object.keys(kindsOfFault));
        const begun = faults.length;
        const work = kindsOfFault[kind]!();
        // If too few nodes were free, no fault was started: it stays due.
        if (faults.length > begun) due.shift();
        // The database is one: its faults do not overlap with each other, as those of nodes do.
        if (kind in database.faults || kind === 'cut connections') await work;
        else {
          const tracked = work.finally(() => running.delete(tracked));
          running.add(tracked);
        }
        await pause(300 + draw() * 1500);
      }
      await Promise.all(running);
    };
    await Promise.all([
      nemesis().finally(() => (stopped.publishing = true)),
      ...Array.from({ length: publishers }, (_, who) => publisher(who)),
    ]);

    options.onProgress?.('healed: waiting until nothing is pending');
    const client = nodeClient(nodes[0]!);
    let pending = Number.POSITIVE_INFINITY;
    let fellAt = Date.now();
    // Long keys take their time, one delivery after the other: what must not be is a number that no longer falls.
    while (pending > 0 && Date.now() - fellAt < database.settleMs) {
      const before = pending;
      try {
        ({ pending } = await client.request<{ pending: number }>('GET', '/v1/accounting'));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
      if (pending < before) fellAt = Date.now();
      options.onProgress?.(`${pending} pending`);
      if (pending > 0) await pause(500);
    }
    if (pending > 0) throw new Error(`still pending: ${JSON.stringify(await samplePending(databaseUrl))}`);
    const { store } = await openPostgresStore(databaseUrl);
    const { unaccounted, balanced } = await reconcile(store.read, { everyRow: true });
    await store.close();
    const db = clientOf(databaseUrl);
    await db.connect();
    const { rows } = await db.query<LoggedAttempt>(
      `SELECT p.id AS "endpointId", e.id AS "eventId", a.n AS attempt, a.outcome, a.error_class AS "errorClass"
       FROM posthorn.attempts a JOIN posthorn.deliveries d ON d.shard = a.shard AND d.number = a.delivery
       JOIN posthorn.events e ON e.shard = d.shard AND e.number = d.event_number JOIN posthorn.endpoints p ON p.num = d.endpoint`,
    );
    await db.end();
    const verdict = checkHistory({
      endpointIds: [...endpointOf.values()],
      attempted,
      acknowledged,
      arrivals,
      log: rows,
      faults: faults.filter(({ kind }) => /^(kill|freeze|cut)/.test(kind)),
    });
    if (options.historyFile !== undefined)
      writeFileSync(options.historyFile, history.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return {
      seed: options.seed,
      injected,
      ...verdict,
      unaccounted,
      balanced,
      pending,
      crashes: [...crashes],
      outOfOrder: outOfOrder(arrivals, endpointOf.get('keyed')!),
    };
  } finally {
    await Promise.all(nodes.map((node) => endNode(node, 'SIGKILL')));
    // What it may say is of less interest than why the run ended.
    await database
      .stop()
      .catch((error: Error) => options.onProgress?.(`the database is left: ${error.message}`));
    await steady.close();
    await flaky.close();
  }
}

/** A client of the primary, whichever of the servers of the URL it is by now. */
function clientOf(databaseUrl: string): pg.Client {
  const urls = serverUrls(databaseUrl);
  return new (clientOfPrimary(urls))({ connectionString: urls[0]! });
}

async function samplePending(databaseUrl: string): Promise<object[]> {
  const db = clientOf(databaseUrl);
  await db.connect();
  const { rows } = await db.query<object>(
    `SELECT DISTINCT ON (p.id, d.order_key) p.id, d.order_key, d.number, d.claim, d.claimed_by, d.attempts, d.shard,
       count(*) OVER (PARTITION BY p.id, d.order_key) AS of_key, d.due_at - (extract(epoch FROM now()) * 1000)::bigint AS due_in_ms,
       sum((d.claimed_by IS NOT NULL)::int) OVER (PARTITION BY p.id, d.order_key) AS claimed
     FROM posthorn.deliveries d JOIN posthorn.endpoints p ON p.num = d.endpoint WHERE d.state = 0 ORDER BY p.id, d.order_key, d.number`,
  );
  await db.end();
  return rows;
}

/** First arrivals of one key that came before an earlier event of it. */
function outOfOrder(arrivals: readonly Arrival[], endpointId: string): number {
  const seen = new Set<string>();
  const last = new Map<string, readonly number[]>();
  let wrong = 0;
  for (const { endpointId: to, eventId } of arrivals) {
    if (to !== endpointId || seen.has(eventId)) continue;
    seen.add(eventId);
    const [who, n, i] = eventId.slice(1).split('_').map(Number);
    const before = last.get(String(who));
    if (before !== undefined && (n! < before[0]! || (n === before[0] && i! < before[1]!))) wrong++;
    last.set(String(who), [n!, i!]);
  }
  return wrong;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      history: { type: 'string', default: 'crash-history.jsonl' },
      citus: { type: 'boolean', default: false },
    },
  });
  const seed = Number(values.seed);
  process.stderr.write(`seed ${seed}, ${values.minutes} minutes, history in ${values.history}\n`);
  const began = Date.now();
  const result = await runNemesis({
    seconds: Number(values.minutes) * 60,
    seed,
    maxFreezeMs: 45_000,
    database: values.citus ? 'cluster' : 'standby',
    historyFile: values.history,
    onProgress: (words) => process.stderr.write(`${((Date.now() - began) / 1000).toFixed(1)} s  ${words}\n`),
  });
  process.stdout.write(
    `${JSON.stringify({ ...result, lost: result.lost.length, unexpected: result.unexpected.length, unexplained: result.unexplained.slice(0, maxMessages) }, null, 2)}\n`,
  );
  const bad =
    result.lost.length +
    result.unexpected.length +
    result.unexplained.length +
    result.outOfOrder +
    result.crashes.length +
    Math.abs(result.unaccounted);
  process.exitCode = bad > 0 || !result.balanced ? 1 : 0;
}
