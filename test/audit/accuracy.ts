import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { casesOf, fullGrid, quickGrid } from './cases.ts';
import { type Score, scoreCase } from './score.ts';
import { confusion, faults, page } from './matrix.ts';

// Audits generated logs and compares the results with the truth: `npm run audit:accuracy -- [--quick] [--seeds 3] [--only retry_race] [--format svix] [--write]`.

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '1' },
    only: { type: 'string' },
    format: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const grid = { ...(values.quick ? quickGrid : fullGrid), seeds: Number(values.seeds) };
const cases = casesOf(grid).filter(
  ({ recipe, format, kind }) =>
    (values.only === undefined ||
      kind === values.only ||
      recipe.causes.some(({ cause }) => cause === values.only)) &&
    (values.format === undefined || format.is === values.format),
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
if (values.write) writeFileSync('docs/reference/audit-accuracy.md', page(all, command, seconds));
process.exitCode = open.length === 0 ? 0 : 1;
