import { expect, test } from 'vitest';
import { casesOf, quickGrid } from './cases.ts';
import { judge } from './judge.ts';
import { faults } from './matrix.ts';

// The short form of `npm run audit:accuracy`: every cause once, in one format, and healthy logs of five.

const cases = casesOf(quickGrid).filter(
  // Each cause in the one format or in the other, and each format healthy once.
  (one, index, all) =>
    one.kind === 'mixed' ||
    all.findIndex(({ main, kind, format }) =>
      kind === 'healthy'
        ? one.kind === kind && format === one.format
        : kind === one.kind && main === one.main,
    ) === index,
);

test.each(
  cases.map(
    (one) =>
      [
        `${one.recipe.causes.map(({ cause }) => cause).join(' and ') || 'healthy'}, ${one.format.name}`,
        one,
      ] as const,
  ),
)('known truth: %s', async (_, one) => {
  expect(faults([await judge(one)])).toEqual([]);
});
