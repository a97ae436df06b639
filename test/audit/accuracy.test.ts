import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { casesOf, quickGrid } from './cases.ts';
import { accuracyPage, citedIn, citing } from './citations.ts';
import { scoreCase } from './score.ts';
import { faults } from './matrix.ts';

// The short form of `npm run audit:accuracy`: every cause once, in one format, healthy logs of five, and of each world.

const cases = casesOf(quickGrid).filter(
  // Each cause in one of two formats, and one healthy log for each format and world.
  (one, index, all) =>
    one.kind === 'mixed' ||
    all.findIndex(({ main, kind, format, recipe }) =>
      kind === 'healthy'
        ? one.kind === kind && format === one.format && recipe.world === one.recipe.world
        : kind === one.kind && main === one.main,
    ) === index,
);

test.each(
  cases.map(
    (one) =>
      [
        `${one.recipe.causes.map(({ cause }) => cause).join(' and ') || 'healthy'}, ${one.format.name}, ${one.recipe.world?.name ?? ''}`,
        one,
      ] as const,
  ),
)('known truth: %s', async (_, one) => {
  expect(faults([await scoreCase(one)])).toEqual([]);
});

test('pages that cite the accuracy say what the run says that wrote its page', () => {
  const sentence = citedIn(readFileSync(accuracyPage, 'utf8'));
  expect(sentence).not.toBeNull();
  for (const path of citing) expect(citedIn(readFileSync(path, 'utf8')), path).toBe(sentence);
});
