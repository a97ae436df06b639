import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { freePort } from '../packages/posthorn/src/cli/demo/receivers.ts';
import { kill } from '../packages/posthorn/src/cli/demo/server-process.ts';
import { table } from '../packages/posthorn/src/cli/output.ts';
import { ask, startPostgres } from '../test/postgres.ts';
import { createWireClient } from '../test/wire-client.ts';
import { startSink } from './sink-process.ts';

// Where the processor time of an event goes: `profile.ts [--batch 1] [--connections 64] [--per-s 0] [--events 60000]
// [--postgres]`. Runs `posthorn serve` with Node's own profiler, publishes and delivers, and prints µs per event by thread and
// place, and on PostgreSQL by statement. Samples say how a thread's time is divided, waiting for the disk included; the
// operating system how much processor time there was.

const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '1' },
    connections: { type: 'string', default: '64' },
    'per-s': { type: 'string', default: '0' },
    events: { type: 'string', default: '60000' },
    postgres: { type: 'boolean', default: false },
    rows: { type: 'string', default: '40' },
  },
});
const events = Number(values.events);
const warmUp = Math.min(10_000, events);
const apiKey = 'phk_bench_0123456789abcdef';
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'posthorn-profile-'));

interface Frame {
  readonly functionName: string;
  readonly url: string;
}
interface Profile {
  readonly nodes: readonly { id: number; callFrame: Frame; children?: readonly number[] }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Native work belongs to the file that asked for it. */
function placesIn({ nodes, samples, timeDeltas }: Profile): Map<string, number> {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const placeOf = (id: number): string => {
    const { functionName, url } = frames.get(id)!;
    let at: number | undefined = id;
    while (at !== undefined && frames.get(at)!.url === '') at = parents.get(at);
    const caller = at === undefined ? null : frames.get(at)!;
    const file = caller?.url.replace(/^.*\/(?=[^/]+\/[^/]+$)/, '') ?? '';
    const name = functionName === '' ? '(anonymous)' : functionName;
    return url === '' && caller !== null ? `${file} ${caller.functionName} > ${name}` : `${file} ${name}`;
  };
  const places = new Map<string, number>();
  for (const [n, id] of samples.entries()) {
    const place = placeOf(id).trim();
    if (!/^\((idle|program|root)\)$/.test(place))
      places.set(place, (places.get(place) ?? 0) + Math.max(0, timeDeltas[n]!));
  }
  return places;
}

/** Microseconds that each thread has run, by its number. */
function threadTimes(pid: number): Map<string, number> {
  return new Map(
    readdirSync(`/proc/${pid}/task`).map((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [thread, (Number(fields[11]) + Number(fields[12])) * 10_000];
    }),
  );
}

const sink = await startSink();
const port = await freePort();
const postgres = values.postgres
  ? await startPostgres({ durable: true, settings: ['shared_preload_libraries=pg_stat_statements'] })
  : null;
const databaseUrl = await postgres?.createDatabase();
const where =
  databaseUrl === undefined
    ? ['--data-dir', join(dir, 'data')]
    : ['--database-url', databaseUrl, '--plaintext-secrets'];
const server = spawn(
  process.execPath,
  [
    '--cpu-prof',
    '--cpu-prof-dir',
    dir,
    here('../bin/posthorn.js'),
    'serve',
    '--port',
    String(port),
    '--allow-private-networks',
    '--log-level',
    'error',
    ...where,
  ],
  { env: { ...process.env, POSTHORN_API_KEY: apiKey }, stdio: ['ignore', 'ignore', 'inherit'] },
);
const url = `http://127.0.0.1:${port}`;
const client = createWireClient(url, apiKey);
while (
  !(await fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  ))
)
  await pause(50);
await client.request('POST', '/v1/endpoints', { url: `http://127.0.0.1:${sink.port}/hook` });

async function deliver(count: number, inAll: number): Promise<void> {
  const args = [url, apiKey, count, values.batch, values.connections, values['per-s']].map(String);
  await run(process.execPath, [here('./publisher.ts'), ...args]);
  while ((await client.request<{ delivered: number }>('GET', '/v1/accounting')).delivered < inAll)
    await pause(50);
}

await deliver(warmUp, warmUp);
if (databaseUrl !== undefined)
  await ask(databaseUrl, 'CREATE EXTENSION pg_stat_statements', 'SELECT pg_stat_statements_reset()');
const before = threadTimes(server.pid!);
const began = performance.now();
await deliver(events, warmUp + events);
const seconds = (performance.now() - began) / 1000;
const spent = [...threadTimes(server.pid!)]
  .map(([thread, time]) => (time - (before.get(thread) ?? 0)) / events)
  .toSorted((a, b) => b - a);
const total = spent.reduce((sum, one) => sum + one, 0);
await kill(server, 'SIGTERM');
sink.process.kill();

console.log(
  `${Math.round(events / seconds)} events/s, ${total.toFixed(1)} µs of processor time an event; by thread: ${spent
    .filter((one) => one >= 0.5)
    .map((one) => one.toFixed(1))
    .join(', ')}\n`,
);
const profiles = readdirSync(dir)
  .filter((name) => name.endsWith('.cpuprofile'))
  .map((name) => placesIn(JSON.parse(readFileSync(join(dir, name), 'utf8')) as Profile))
  .map((places) => ({ places, busy: [...places.values()].reduce((sum, one) => sum + one, 0) }))
  .toSorted((a, b) => b.busy - a.busy);
for (const { places, busy } of profiles.slice(0, 2)) {
  const rows = [...places].toSorted((a, b) => b[1] - a[1]).slice(0, Number(values.rows));
  console.log(
    table(
      ['µs an event', 'share', 'place'],
      rows.map(([place, time]) => [
        (time / (events + warmUp)).toFixed(2),
        `${((100 * time) / busy).toFixed(1)}%`,
        place,
      ]),
      160,
    ),
  );
  console.log();
}
if (databaseUrl !== undefined) {
  const statements = await ask<{ query: string; calls: string; ms: number }>(
    databaseUrl,
    `SELECT query, calls, total_exec_time AS ms FROM pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY ms DESC LIMIT 15`,
  );
  const rows = statements.map(({ query, calls, ms }) => [
    ((ms * 1000) / events).toFixed(2),
    (Number(calls) / events).toFixed(3),
    query.replaceAll(/\s+/g, ' ').slice(0, 100),
  ]);
  console.log(table(['µs an event', 'calls', 'statement'], rows, 160));
}
await postgres?.stop();
rmSync(dir, { recursive: true });
