import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { tokens as reportTokens } from '../packages/posthorn/src/report/tokens.ts';

// WCAG 2.2: text at least 4.5 against its background, graphics and borders of controls at least 3.

const css = readFileSync('packages/dashboard/src/styles/tokens.css', 'utf8');
const [usual = ''] = css.split('@media (prefers-contrast');
const tokens = new Map(
  [...usual.matchAll(/--(\w+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name, light, dark]) => [
    name!,
    { light: light!, dark: dark! },
  ]),
);

/** Relative luminance as WCAG defines it. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].toSorted((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const grounds = ['paper', 'ground', 'sunk'];
const pairs: readonly (readonly [front: string, back: string, least: number])[] = [
  ...['ink', 'soft', 'link', 'good', 'wait', 'bad', 'held', 'off'].flatMap((front) =>
    grounds.map((back) => [front, back, 4.5] as const),
  ),
  ...['good', 'wait', 'bad', 'held'].map((name) => [name, `${name}bg`, 4.5] as const),
  ...['edge', 'bar'].flatMap((front) => ['paper', 'ground'].map((back) => [front, back, 3] as const)),
];

test('every pair of colors that are on top of each other has enough contrast', () => {
  expect(tokens.size).toBeGreaterThan(15);
  const faults = pairs.flatMap(([front, back, least]) =>
    (['light', 'dark'] as const)
      .map((theme) => ({ theme, ratio: contrast(tokens.get(front)![theme], tokens.get(back)![theme]) }))
      .filter(({ ratio }) => ratio < least)
      .map(({ theme, ratio }) => `${front} on ${back}, ${theme}: ${ratio.toFixed(2)}, least ${least}`),
  );
  expect(faults).toEqual([]);
});

test('reports have the same colors', () => {
  for (const [name, [light, dark]] of Object.entries(reportTokens))
    expect(tokens.get(name), name).toEqual({ light, dark });
});
