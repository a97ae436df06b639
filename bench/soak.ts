import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort } from '../packages/posthorn/src/cli/demo/receivers.ts';
import { table } from '../packages/posthorn/src/cli/output.ts';
import { collectGarbage } from './growth/inspector.ts';
import {
  apiKey,
  type Ground,
  type Place,
  postgresGround,
  type Served,
  sqliteGround,
} from './growth/place.ts';
import { blocks, slopeOf } from './slope.ts';
import { type Sink, startSink, takeLatencies } from './sink-process.ts';

// Whether anything grows under a steady load: `npm run bench:soak [-- --minutes 30] [--store sqlite|postgres|both] [--per-s 100]`.
// Publishes, delivers, retries and lets die, while a dashboard reads; samples every 5 s, memory once a minute behind a garbage
// collection, leaves out the first sixth, at most five minutes, and prints the slope of each series with its 99% interval.
// Exit code 1: something grows, or cannot be measured.

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    store: { type: 'string', default: 'both' },
    'per-s': { type: 'string', default: '100' },
  },
});
const minutes = Number(values.minutes);
const warmUpMinutes = Math.min(5, minutes / 6);
const sampleMs = 5000;
/** Between two collections V8 lets heaps grow as it likes: what it would collect is not a leak. */
const samplesToCollection = 12;
const blockCount = 24;
const hourMs = 3_600_000;
const note = (text: string): void => void process.stderr.write(`${text}\n`);

/** What is sampled, and by how much of its level it may grow in an hour without being a finding. */
const series = {
  own: { what: 'memory that is not of files, MB', mayGrow: 0.05 },
  heaps: { what: 'heaps of all threads, MB', mayGrow: 0.05 },
  files: { what: 'file descriptors', mayGrow: 0.05 },
  perEvent: { what: 'database, bytes an event', mayGrow: 0.05 },
  log: { what: 'write-ahead log, MB', mayGrow: 0.1 },
  p50: { what: 'publish to receiver, p50 ms', mayGrow: 0.25 },
  p99: { what: 'publish to receiver, p99 ms', mayGrow: 0.5 },
} as const;
type Name = keyof typeof series;
type Sample = Readonly<Record<Name, number>> & { readonly at: number };

/** Every fifth attempt at /flaky fails, and every one at /dead. */
async function startFailing() {
  let n = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.statusCode = request.url === '/dead' || n++ % 5 === 0 ? 503 : 200;
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** Six of eight event types go to the sink, one to the flaky endpoint, one to the dead. */
async function declare({ client }: Served, sink: Sink, failing: string): Promise<void> {
  await client.request('PUT', '/v1/templates/soon', {
    timeout_ms: 5000,
    retry: { schedule_s: [1, 2], jitter: 0.1, give_up_after_s: 60 },
  });
  const types = [0, 1, 2, 3, 4, 5].map((n) => `growth.${n}`);
  const url = `http://127.0.0.1:${sink.port}/hook`;
  await client.request('POST', '/v1/endpoints', { url, event_types: types });
  for (const [path, type] of [
    ['flaky', 'growth.6'],
    ['dead', 'growth.7'],
  ])
    await client.request('POST', '/v1/endpoints', {
      url: `${failing}/${path}`,
      event_types: [type],
      template: 'soon',
    });
}

/** As a browser with the dashboard open does: a stream, and every ten seconds the readings of its pages. */
function watch({ url }: Served, signal: AbortSignal): void {
  const headers = { authorization: `Bearer ${apiKey}` };
  const paths = [
    '/v1/now',
    '/v1/deliveries?state=dead&limit=100&include=event,endpoint',
    '/v1/endpoints?include=health&limit=200',
    '/v1/dead-letters',
    '/v1/series?measure=counts&by=event_type&step=hour',
  ];
  const read = async (): Promise<void> => {
    while (!signal.aborted) {
      for (const path of paths) await (await fetch(url + path, { headers, signal })).text();
      await pause(10_000);
    }
  };
  const stream = async (): Promise<void> => {
    while (!signal.aborted) {
      const { body } = await fetch(`${url}/v1/stream?topics=alerts,now`, { headers, signal });
      // Closed and opened again, as a laptop does that sleeps.
      const end = performance.now() + 30_000;
      for await (const _ of body!) if (performance.now() > end) break;
    }
  };
  for (const run of [read, stream])
    void run().catch((error: Error) => {
      if (!signal.aborted) note(`a reading failed: ${error.message}`);
    });
}

const publisher = fileURLToPath(new URL('./growth/publisher.ts', import.meta.url));
function publish({ url }: Served): ChildProcess {
  const args = [url, apiKey, values['per-s'], '1500', '8', 'Infinity'];
  return spawn(process.execPath, [publisher, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** What is resident and no file's: pages of the database and of libraries, which the system may take back, are left out. */
function ownMemoryMb({ process: { pid } }: Served): number {
  const [, kb] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kb) / 1e3;
}

/** MB of memory behind a garbage collection. */
async function sampleMemory(served: Served, inspectorPort: number): Promise<Pick<Sample, 'own' | 'heaps'>> {
  const heaps = (await collectGarbage(inspectorPort)) / 1e6;
  return { heaps, own: ownMemoryMb(served) };
}
const notSampled = { own: Number.NaN, heaps: Number.NaN };

async function sample(
  served: Served,
  place: Place,
  sink: Sink,
): Promise<Omit<Sample, 'at' | 'own' | 'heaps'>> {
  const latencies = (await takeLatencies(sink)).toSorted((a, b) => a - b);
  const at = (q: number): number => latencies[Math.floor(latencies.length * q)] ?? Number.NaN;
  const { data, log } = await place.sizes();
  const { accepted } = await served.client.request<{ accepted: number }>('GET', '/v1/accounting');
  return {
    files: await served.metric('process_open_fds'),
    perEvent: data / accepted,
    log: log / 1e6,
    p50: at(0.5),
    p99: at(0.99),
  };
}

async function soak(ground: Ground): Promise<readonly Sample[]> {
  const sink = await startSink('--latency');
  const { url, server } = await startFailing();
  const place = await ground.newPlace();
  const inspectorPort = await freePort();
  const served = await place.serve([`--inspect=127.0.0.1:${inspectorPort}`]);
  const end = new AbortController();
  const samples: Sample[] = [];
  let publishing: ChildProcess | null = null;
  try {
    await declare(served, sink, url);
    watch(served, end.signal);
    publishing = publish(served);
    const began = performance.now();
    while (performance.now() - began < minutes * 60_000) {
      await pause(sampleMs);
      const isCollected = samples.length % samplesToCollection === samplesToCollection - 1;
      samples.push({
        at: (performance.now() - began) / hourMs,
        ...(isCollected ? await sampleMemory(served, inspectorPort) : notSampled),
        ...(await sample(served, place, sink)),
      });
      if (samples.length % 24 === 0) {
        const last = Object.entries(samples.at(-1)!).map(([name, value]) => `${name} ${value.toFixed(2)}`);
        note(`${ground.name}: ${last.join(', ')}`);
      }
    }
    return samples;
  } finally {
    end.abort();
    if (publishing !== null) {
      publishing.kill('SIGKILL');
      await once(publishing, 'exit');
    }
    await served.stop();
    server.closeAllConnections();
    server.close();
    sink.process.kill();
  }
}

/** A row for each series; whether it grows. */
function verdicts(name: string, samples: readonly Sample[]): { row: (string | number)[]; grows: boolean }[] {
  const warm = samples.filter(({ at }) => at * 60 >= warmUpMinutes);
  return Object.entries(series).map(([key, { what, mayGrow }]) => {
    const points = warm
      .map((one) => [one.at, one[key as Name]] as const)
      .filter(([, value]) => !Number.isNaN(value));
    const values_ = points.map(([, value]) => value).toSorted((a, b) => a - b);
    const level = values_[Math.floor(values_.length / 2)] ?? Number.NaN;
    const { slope, low, high } = slopeOf(blocks(points, blockCount));
    const grows = !(low <= 0 || slope <= mayGrow * level);
    const row = [name, what, level.toFixed(1), slope.toFixed(2), `${low.toFixed(2)} to ${high.toFixed(2)}`];
    return { row: [...row, grows ? 'grows' : 'steady'], grows };
  });
}

const grounds = [
  ...(values.store === 'postgres' ? [] : [sqliteGround()]),
  ...(values.store === 'sqlite' ? [] : [await postgresGround()]),
];
try {
  const all = await Promise.all(grounds.map(soak));
  const found = all.flatMap((samples, index) => verdicts(grounds[index]!.name, samples));
  const header = ['store', 'series', 'median', 'growth an hour', 'at 99% confidence', ''];
  process.stdout.write(
    `${table(
      header,
      found.map(({ row }) => row),
    )}\n`,
  );
  if (found.some(({ grows }) => grows)) process.exitCode = 1;
} finally {
  for (const ground of grounds) await ground.stop();
}
