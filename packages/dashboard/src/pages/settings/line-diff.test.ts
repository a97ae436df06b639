import { expect, test } from 'vitest';
import { lineDiff } from './line-diff.ts';

const shown = (before: string, after: string): string[] =>
  lineDiff(before, after).map(({ sign, text }) => sign + text);

test('what was taken out stands before what came in, and what stayed stays', () => {
  expect(shown('a\nb\nc', 'a\nx\nc')).toEqual([' a', '-b', '+x', ' c']);
  expect(shown('a\nb', 'a\nb')).toEqual([' a', ' b']);
  expect(shown('a', 'a\nb')).toEqual([' a', '+b']);
  expect(shown('a\nb\nc', 'c')).toEqual(['-a', '-b', ' c']);
});

test('a long text is compared as far as it is bounded', () => {
  const long = Array.from({ length: 5000 }, (_, n) => `line ${n}`).join('\n');
  expect(lineDiff(long, long)).toHaveLength(300);
});
