import { table } from '../packages/posthorn/src/cli/output.ts';
import { startPostgres } from '../test/postgres.ts';
import { figure, publishing } from './publishing.ts';
import { startSink, takeLatencies } from './sink-process.ts';

// `npm run bench [-- --quick] [-- --postgres] [-- --large] [-- --json]`: each figure beside the bare loop, which runs before and after it.
// Prints; never asserts: these are ratios of one machine at one time.

const quick = process.argv.includes('--quick');
const count = quick ? 20_000 : 100_000;
const warmUp = 5000;

interface Row {
  readonly what: string;
  readonly per_s: number;
  readonly bare_per_s: number;
  readonly ratio: number;
  readonly budget: number;
  readonly met: boolean;
}
const sink = await startSink();
const bare = (mode = 'request'): Promise<number> => figure('./bare.ts', sink.port, count, mode);
const rows: Row[] = [];
let before = await bare();
async function compare(what: string, budget: number, measure: () => Promise<number>): Promise<void> {
  const rate = await measure();
  const after = await bare();
  const mean = (before + after) / 2;
  before = after;
  rows.push({ what, per_s: rate, bare_per_s: mean, ratio: rate / mean, budget, met: rate / mean >= budget });
}
await compare('bare by dispatch instead of request', 1, () => bare('dispatch'));
await compare('drain a backlog, embedded', 0.65, () => figure('./drain.ts', sink.port, count));
if (process.argv.includes('--large')) {
  const small = await figure('./large.ts', sink.port, 0, 0, 60_000);
  const beside = async (what: string, pending: number, settled: number): Promise<void> => {
    const large = await figure('./large.ts', sink.port, pending, settled, 60_000);
    process.stderr.write(
      `drain with ${what}: ${(large / small).toFixed(2)} of the rate without (budget 0.9)\n`,
    );
  };
  await beside('1,000,000 pending', 1_000_000, 0);
  await beside('5,000,000 settled behind', 0, 5_000_000);
  await figure('./isolation.ts');
}
if (process.argv.includes('--postgres')) {
  const postgres = await startPostgres({ durable: true });
  const url = await postgres.createDatabase();
  await compare('drain a backlog, PostgreSQL, one node', 0.45, () =>
    figure('./drain.ts', sink.port, count, url),
  );
  await postgres.stop();
}
await compare('publish in batches of 100 and deliver', 0.5, () =>
  publishing({ sink, events: [warmUp, count], args: [100, 4] }),
);
await compare('publish one a request on 64 connections and deliver', 0.3, () =>
  publishing({ sink, events: [warmUp, count], args: [1, 64] }),
);
sink.process.kill();

const timed = await startSink('--latency');
await publishing({
  sink: timed,
  events: [3000, quick ? 5000 : 20_000],
  args: [1, 64, 1000],
  onWarm: async () => void (await takeLatencies(timed)),
});
const latencies = await takeLatencies(timed);
timed.process.kill();
latencies.sort((a, b) => a - b);
const quantile = (q: number): number =>
  latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? Number.NaN;
const latency = { p50_ms: quantile(0.5), p99_ms: quantile(0.99), budget_p50_ms: 3, budget_p99_ms: 15 };

process.stdout.write(
  `${table(
    ['what', 'per second', 'bare', 'ratio', 'budget', ''],
    rows.map((r) => [
      r.what,
      Math.round(r.per_s),
      Math.round(r.bare_per_s),
      r.ratio.toFixed(2),
      `≥ ${r.budget}`,
      r.met ? 'met' : 'missed',
    ]),
  )}\n\npublish to the receiver's first byte at 1,000 events/s: p50 ${latency.p50_ms.toFixed(1)} ms (budget 3), p99 ${latency.p99_ms.toFixed(1)} ms (budget 15), ${latencies.length} events\n`,
);
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ rows, latency })}\n`);
