import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { getPriority, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import { freePort } from '../packages/posthorn/src/cli/demo/receivers.ts';
import { kill, startServer } from '../packages/posthorn/src/cli/demo/server-process.ts';
import { createWireClient } from '../test/wire-client.ts';
import { payments } from './payments.ts';
import { startSink, takeLatencies } from './sink-process.ts';

// What one tenant's flood does to the others (G8): `flood.ts [singles|batches|many|slow]… [--rounds 3] [--seconds 10]`.
// Twenty tenants publish 200 events a second in all, with and without the flood of another tenant in turn. Prints
// how long their publishes took to be answered, and their events from publishing to the receiver's first byte, and the
// ratios of their p99.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '10' } },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const perS = 200;
const quietTenants = 20;
/** Publishing of the first seconds is not counted. */
const warmUpS = 2;
const budget = 2;
const apiKey = 'phk_bench_0123456789abcdef';
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

const sink = await startSink('--latency');
const floodSink = await startSink();
const slowSink = await startSink('--delay', '1000');
/** The flood comes from elsewhere: it takes no processor time from those that are measured. */
const yieldToMeasured = ({ pid }: ChildProcess): void => setPriority(pid!, Math.min(19, getPriority() + 10));
for (const { process: child } of [floodSink, slowSink]) yieldToMeasured(child);

interface Flood {
  readonly what: string;
  readonly port: number;
  /** Endpoints of the tenant that floods. */
  readonly endpoints: number;
  /** Events a request, and connections. */
  readonly publishing: readonly [number, number];
}
const floods: Readonly<Record<string, Flood>> = {
  singles: {
    what: 'one event a request on 64 connections',
    port: floodSink.port,
    endpoints: 1,
    publishing: [1, 64],
  },
  batches: {
    what: 'batches of 100 on 4 connections',
    port: floodSink.port,
    endpoints: 1,
    publishing: [100, 4],
  },
  many: {
    what: 'one event a request on 1,000 connections',
    port: floodSink.port,
    endpoints: 1,
    publishing: [1, 1000],
  },
  slow: {
    what: 'batches of 100 on 4 connections to ten receivers that take a second',
    port: slowSink.port,
    endpoints: 10,
    publishing: [100, 4],
  },
};

interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}
interface Measured {
  readonly published: Quantiles;
  readonly delivered: Quantiles;
  /** Events of the flood that were accepted meanwhile. */
  readonly flooded: number;
}

const quantiles = (values: number[]): Quantiles => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number): number => sorted[Math.floor(sorted.length * q)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
};

/** Publishes at a steady rate for the quiet tenants; returns how long each publish took. */
async function publishQuietly(url: string, keys: readonly string[], forS: number): Promise<number[]> {
  const pool = new Pool(url, { connections: 50, pipelining: 1 });
  const took: number[] = [];
  const running: Promise<void>[] = [];
  const post = async (n: number): Promise<void> => {
    const { data } = payments[n % payments.length]!;
    const sentAt = performance.now();
    const { statusCode, body } = await pool.request({
      path: '/v1/events',
      method: 'POST',
      headers: { authorization: `Bearer ${keys[n % quietTenants]!}`, 'content-type': 'application/json' },
      body: `{"type":"x","data":{"sent_at":${performance.timeOrigin + sentAt},"payment":${data}}}`,
    });
    await body.dump();
    if (statusCode !== 202) throw new Error(`publishing answered ${statusCode}`);
    took.push(performance.now() - sentAt);
  };
  const began = performance.now();
  for (let sent = 0; sent < perS * forS;) {
    const due = Math.min(perS * forS, ((performance.now() - began) / 1000) * perS);
    for (; sent < due; sent++) running.push(post(sent));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(running);
  await pool.close();
  return took;
}

async function run(flood: Flood | null): Promise<Measured> {
  const dataDir = mkdtempSync(join(tmpdir(), 'posthorn-bench-'));
  const port = await freePort();
  const server = await startServer({ port, dataDir, apiKey });
  const url = `http://127.0.0.1:${port}`;
  const client = createWireClient(url, apiKey);
  let flooding: ChildProcess | null = null;
  /** Each tenant publishes with a key of its own. */
  const newKey = async (tenant: string): Promise<string> =>
    (await client.request<{ key: string }>('POST', '/v1/keys', { name: tenant, scopes: ['publish'], tenant }))
      .key;
  try {
    const keys: string[] = [];
    for (let n = 0; n < quietTenants; n++) {
      keys.push(await newKey(`quiet-${n}`));
      await client.request('POST', '/v1/endpoints', {
        tenant: `quiet-${n}`,
        url: `http://127.0.0.1:${sink.port}/hook/${n}`,
      });
    }
    if (flood !== null) {
      for (let n = 0; n < flood.endpoints; n++)
        await client.request('POST', '/v1/endpoints', {
          tenant: 'flood',
          url: `http://127.0.0.1:${flood.port}/hook/${n}`,
        });
      const args = [url, await newKey('flood'), 1e9, ...flood.publishing, 0, 'flood'].map(String);
      flooding = spawn(process.execPath, [here('./publisher.ts'), ...args], { stdio: 'ignore' });
      yieldToMeasured(flooding);
    }
    await publishQuietly(url, keys, warmUpS);
    await takeLatencies(sink);
    const took = await publishQuietly(url, keys, seconds);
    // What is still on its way is the slowest of all.
    let delivered: number[] = [];
    while (delivered.length < took.length) {
      delivered = [...delivered, ...(await takeLatencies(sink))];
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { events } = await client.request<{ events: number }>('GET', '/v1/accounting?tenant=flood');
    return { published: quantiles(took), delivered: quantiles(delivered), flooded: events };
  } finally {
    flooding?.kill('SIGKILL');
    await kill(server, 'SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const shown = ({ p50, p99 }: Quantiles): string => `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
const median = (all: number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;

const chosen = positionals.length === 0 ? Object.keys(floods) : positionals;
const worst: number[] = [];
for (const name of chosen) {
  const flood = floods[name];
  if (flood === undefined) throw new Error(`Unknown flood ${name}: use ${Object.keys(floods).join(', ')}.`);
  const ratios: { published: number; delivered: number }[] = [];
  // In turn, so that what else the machine does meets both alike.
  for (let round = 0; round < rounds; round++) {
    const alone = await run(null);
    const beside = await run(flood);
    ratios.push({
      published: beside.published.p99 / alone.published.p99,
      delivered: beside.delivered.p99 / alone.delivered.p99,
    });
    process.stderr.write(
      `flood of ${flood.what}: published ${shown(beside.published)}, without ${shown(alone.published)}; ` +
        `delivered ${shown(beside.delivered)}, without ${shown(alone.delivered)}; ${beside.flooded} events of the flood\n`,
    );
  }
  const published = median(ratios.map((ratio) => ratio.published));
  const delivered = median(ratios.map((ratio) => ratio.delivered));
  worst.push(published / budget, delivered / budget);
  process.stderr.write(
    `flood of ${flood.what}: others' p99 is ${published.toFixed(2)} of that without to publish, ${delivered.toFixed(2)} to deliver, ` +
      `median of ${rounds} (budget ${budget}): ${Math.max(published, delivered) <= budget ? 'met' : 'missed'}\n`,
  );
}
process.stdout.write(`${Math.max(...worst)}\n`);
for (const { process: child } of [sink, floodSink, slowSink]) child.kill();
