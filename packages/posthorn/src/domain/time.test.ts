import { expect, test } from 'vitest';
import { iso, isoOrNull } from './time.ts';

test('times are printed in UTC with milliseconds, each as itself', () => {
  const start = Date.UTC(2026, 0, 31);
  expect([start, start, start + 7, start].map(iso)).toEqual([
    '2026-01-31T00:00:00.000Z',
    '2026-01-31T00:00:00.000Z',
    '2026-01-31T00:00:00.007Z',
    '2026-01-31T00:00:00.000Z',
  ]);
  expect([isoOrNull(null), isoOrNull(0)]).toEqual([null, '1970-01-01T00:00:00.000Z']);
});
