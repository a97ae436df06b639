import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../packages/posthorn/src/cli/demo/receivers.ts';
import { kill, startServer } from '../packages/posthorn/src/cli/demo/server-process.ts';
import { payments } from './payments.ts';
import { createWireClient } from '../test/wire-client.ts';
import { startSink, takeLatencies } from './sink-process.ts';

// What a schema that never ends does to the events of other types, whose schemas are ordinary: `hostile-schema.ts`
// publishes 300 events a second over HTTP, with and without a publisher of hostile data beside it in turn, and prints the
// ratio of the p99 from publishing to the receiver's first byte.

const perS = 300;
const seconds = 10;
const rounds = 3;
const apiKey = 'phk_bench_0123456789abcdef';
const run = promisify(execFile);
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

const hostile = {
  $defs: {
    n: { anyOf: [{ $ref: '#/$defs/m' }, { $ref: '#/$defs/m' }] },
    m: { properties: { a: { $ref: '#/$defs/n' } }, required: ['missing'] },
  },
  $ref: '#/$defs/n',
};
let nested: unknown = 1;
for (let level = 0; level < 40; level++) nested = { a: nested };

const sink = await startSink('--latency');

const dataDir = mkdtempSync(join(tmpdir(), 'posthorn-bench-'));
const port = await freePort();
const server = await startServer({ port, dataDir, apiKey });
const url = `http://127.0.0.1:${port}`;
const client = createWireClient(url, apiKey);
await client.request('POST', '/v1/endpoints', { url: `http://127.0.0.1:${sink.port}/hook` });
const ordinary = {
  type: 'object',
  required: ['payment'],
  properties: { sent_at: { type: 'number' }, payment: { type: 'object' } },
};
for (const type of new Set(payments.map((payment) => payment.type)))
  await client.request('PUT', `/v1/event-types/${type}`, { schema: ordinary });
await client.request('PUT', '/v1/event-types/hostile', { schema: hostile });

async function p99(count: number): Promise<number> {
  await takeLatencies(sink);
  await run(process.execPath, [here('./publisher.ts'), url, apiKey, ...[count, 1, 16, perS].map(String)]);
  const latencies = (await takeLatencies(sink)).toSorted((a, b) => a - b);
  return latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN;
}

/** Publishes what never ends, one at a time, as tenants that are not suspended yet. */
async function beside<T>(work: () => Promise<T>): Promise<T> {
  let isOver = false;
  const publishing = (async () => {
    for (let n = 0; !isOver; n++) {
      const body = { tenant: `hostile-${n}`, type: 'hostile', data: nested };
      await client.request('POST', '/v1/events', body).catch(() => {});
    }
  })();
  const result = await work();
  isOver = true;
  await publishing;
  return result;
}

await p99(perS * 3);
const ratios: number[] = [];
for (let round = 0; round < rounds; round++) {
  const without = await p99(perS * seconds);
  const with_ = await beside(() => p99(perS * seconds));
  ratios.push(with_ / without);
  process.stderr.write(
    `p99 ${with_.toFixed(1)} ms beside a schema that never ends, ${without.toFixed(1)} without\n`,
  );
}
const median = ratios.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!;
process.stderr.write(
  `a hostile schema beside: the others' p99 is ${median.toFixed(2)} of their own without it (budget 2)\n`,
);
process.stdout.write(`${median}\n`);
await kill(server, 'SIGKILL');
sink.process.kill();
rmSync(dataDir, { recursive: true, force: true });
