import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { casesOf, freshGrid, fullGrid, quickGrid, workedOnSeeds } from './cases.ts';
import { accuracyPage, citing, withSentence } from './citations.ts';
import { confusion, faults, page, sentenceOf } from './matrix.ts';
import { type Score, scoreCase } from './score.ts';

// Audits generated logs and compares the results with the truth: `npm run audit:accuracy -- [--quick] [--fresh 1] [--no-worked-on]
// [--only retry_race] [--format "docker compose"] [--kind incomplete] [--write]`. `--fresh N` adds logs of N seeds that no one has looked at.

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    fresh: { type: 'string', default: '1' },
    'worked-on': { type: 'boolean', default: true },
    only: { type: 'string' },
    format: { type: 'string' },
    kind: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
  allowNegative: true,
});
const seeds = (from: number, n: number): number[] => Array.from({ length: n }, (_, index) => from + index);
const later = values.quick ? quickGrid : freshGrid;
const workedOn = [
  ...casesOf(values.quick ? quickGrid : fullGrid),
  ...casesOf({ ...later, seeds: seeds(2, workedOnSeeds - 1) }),
];
const fresh = casesOf({ ...later, seeds: seeds(workedOnSeeds + 1, Number(values.fresh)) });
const cases = [...(values['worked-on'] ? workedOn : []), ...fresh].filter(
  ({ recipe, format, kind }) =>
    (values.only === undefined ||
      kind === values.only ||
      recipe.causes.some(({ cause }) => cause === values.only)) &&
    (values.format === undefined || format.is === values.format || format.name === values.format) &&
    (values.kind === undefined || format.kind === values.kind),
);
const began = performance.now();
const all: Score[] = [];
for (const one of cases) {
  all.push(await scoreCase(one));
  if (all.length % 20 === 0) process.stderr.write(`${all.length} of ${cases.length} logs\n`);
}
const seconds = (performance.now() - began) / 1000;
const command = ['npm run audit:accuracy --', ...process.argv.slice(2)].join(' ');
const open = faults(all);
process.stdout.write(
  `${confusion(all)}\n\n${open.join('\n')}\n${all.length - open.length} of ${all.length} logs without a fault, ${Math.round(seconds)} s\n`,
);
if (values.write) {
  writeFileSync(accuracyPage, page(all, command, seconds));
  for (const path of citing) writeFileSync(path, withSentence(readFileSync(path, 'utf8'), sentenceOf(all)));
}
process.exitCode = open.length === 0 ? 0 : 1;
