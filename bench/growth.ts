import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { table } from '../packages/posthorn/src/cli/output.ts';
import { type Cost, idle } from './growth/measure.ts';
import { type Part, parts } from './growth/parts.ts';
import { type Ground, type Served, postgresGround, sqliteGround } from './growth/place.ts';
import { growthPlot, type Line } from './growth/plot.ts';
import { type Sink, startSink } from './sink-process.ts';

// What an event costs as the work grows: `npm run bench:growth [-- pending backlog settled endpoints shared payload fanout] [--quick]
// [--rounds 3] [--seconds 4] [--store sqlite|postgres] [--profile DIR] [--write]`. Every size has a server and a database of its own,
// all sizes are measured in turn, and the median of the rounds counts. A cost that grows by more than the work is marked.
// --write draws the ratios into docs/pictures; --profile leaves a processor profile of each server in a directory.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    store: { type: 'string' },
    profile: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 2 : 3));
const seconds = Number(values.seconds ?? (values.quick ? 3 : 5));
/** Beyond the noise of a calm machine. */
const tolerance = 1.25;
const pictures = join(import.meta.dirname, '../docs/pictures');
const note = (text: string): void => void process.stderr.write(`${text}\n`);

const median = (of: readonly number[]): number => of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)]!;
const totalUs = ({ serverUs, databaseUs }: Cost): number => serverUs + databaseUs;

const profiling = values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', values.profile];

/** Measures a part on one store: the median of the rounds, by size. */
async function measure(ground: Ground, part: Part, sizes: readonly number[], sink: Sink): Promise<Cost[]> {
  const servers: { readonly served: Served; readonly run: () => Promise<Cost> }[] = [];
  try {
    for (const size of sizes) {
      const place = await ground.newPlace();
      const { measure: one } = await part.prepare(ground, place, sink, size);
      await place.settle();
      const served = await place.serve(profiling);
      servers.push({ served, run: () => one(ground, served, sink, seconds) });
    }
    // Compiles what runs often.
    for (const { run } of servers) await run();
    for (const { served } of servers) await idle(served);
    const found: Cost[][] = sizes.map(() => []);
    for (let round = 0; round < rounds; round++)
      for (const [index, { run }] of servers.entries()) found[index]!.push(await run());
    return found.map((costs) => ({
      serverUs: median(costs.map(({ serverUs }) => serverUs)),
      databaseUs: median(costs.map(({ databaseUs }) => databaseUs)),
      p50Ms: median(costs.map(({ p50Ms }) => p50Ms)),
      p99Ms: median(costs.map(({ p99Ms }) => p99Ms)),
    }));
  } finally {
    for (const { served } of servers) await served.stop();
  }
}

const ms = (value: number): string => (Number.isNaN(value) ? '' : value.toFixed(1));

/** A table of one part on one store, and its line in the picture. */
function rowsOf(ground: Ground, part: Part, sizes: readonly number[], costs: readonly Cost[]) {
  const first = totalUs(costs[0]!) / part.workOf(sizes[0]!);
  const ratios = costs.map((cost, index) => totalUs(cost) / part.workOf(sizes[index]!) / first);
  const rows = costs.map((cost, index) => [
    ground.name,
    sizes[index]!.toLocaleString('en-US'),
    Math.round(cost.serverUs),
    Math.round(cost.databaseUs),
    (totalUs(cost) / totalUs(costs[0]!)).toFixed(2),
    ratios[index]!.toFixed(2),
    ratios[index]! > tolerance ? 'worse than proportional' : '',
    ms(cost.p50Ms),
    ms(cost.p99Ms),
  ]);
  return { rows, line: { name: ground.name, ratios } };
}

const header = [
  'store',
  'size',
  'server, µs an event',
  'database, µs',
  'ratio',
  'by the work',
  '',
  'p50, ms',
  'p99, ms',
];

async function run(grounds: readonly Ground[], name: string, part: Part): Promise<void> {
  const sizes = values.quick ? part.quick : part.sizes;
  const rows: (string | number)[][] = [];
  const lines: Line[] = [];
  for (const ground of grounds) {
    // Every address, for endpoints with an origin of their own.
    const sink = await startSink('--latency', '--host', '0.0.0.0');
    try {
      const costs = await measure(ground, part, sizes, sink);
      const found = rowsOf(ground, part, sizes, costs);
      rows.push(...found.rows);
      lines.push(found.line);
      note(table(header, found.rows));
    } finally {
      sink.process.kill();
    }
  }
  process.stdout.write(`\n${name}: ${part.what}\n${table(header, rows)}\n`);
  if (!values.write) return;
  mkdirSync(pictures, { recursive: true });
  const title = `Processor time for the same work by ${part.what} (smallest = 1)`;
  writeFileSync(join(pictures, `growth-${name}.svg`), growthPlot(title, sizes, lines));
}

const chosen = positionals.length === 0 ? Object.keys(parts) : positionals;
for (const name of chosen)
  if (parts[name] === undefined)
    throw new Error(`Unknown part ${name}: use ${Object.keys(parts).join(', ')}.`);
const grounds = [
  ...(values.store === 'postgres' ? [] : [sqliteGround()]),
  ...(values.store === 'sqlite' ? [] : [await postgresGround()]),
];
try {
  for (const name of chosen) {
    const began = performance.now();
    await run(grounds, name, parts[name]!);
    note(`${name} took ${Math.round((performance.now() - began) / 1000)} s`);
  }
} finally {
  for (const ground of grounds) await ground.stop();
}
