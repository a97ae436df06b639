import { parseArgs } from 'node:util';
import { table } from '../packages/posthorn/src/cli/output.ts';
import { publishing } from './publishing.ts';
import { startSink } from './sink-process.ts';

// `npm run bench:databases -- --database URL --database URL [--rounds 3] [--count 20000]`: publishes to a server on each database in turn and
// waits until all is delivered; the rate on each, beside that on the first. Databases are migrated before (`posthorn migrate`).

const { values } = parseArgs({
  options: {
    database: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '3' },
    count: { type: 'string', default: '20000' },
  },
});
const databases = values.database ?? [];
if (databases.length === 0) throw new Error('name at least one migrated database: --database URL');
const count = Number(values.count);
const ways = [
  { what: 'in batches of 100 on 4 connections', args: [100, 4] },
  { what: 'one a request on 64 connections', args: [1, 64] },
];

const sink = await startSink();
const rates = databases.map(() => ways.map((): number[] => []));
for (let round = 0; round < Number(values.rounds); round++)
  for (const [way, { what, args }] of ways.entries())
    for (const [index, databaseUrl] of databases.entries()) {
      const rate = await publishing({ sink, events: [2000, count], args, databaseUrl });
      rates[index]![way]!.push(rate);
      process.stderr.write(`round ${round + 1}: ${what}, database ${index + 1}: ${Math.round(rate)}/s\n`);
    }
sink.process.kill();

const median = (of: readonly number[]): number => of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)]!;
process.stdout.write(
  `${table(
    ['publish and deliver', 'database', 'events/s, median', 'slowest', 'fastest', 'beside the first'],
    ways.flatMap(({ what }, way) =>
      rates.map((of, index) => {
        const own = of[way]!;
        return [
          what,
          index + 1,
          Math.round(median(own)),
          Math.round(Math.min(...own)),
          Math.round(Math.max(...own)),
          (median(own) / median(rates[0]![way]!)).toFixed(2),
        ];
      }),
    ),
  )}\n`,
);
