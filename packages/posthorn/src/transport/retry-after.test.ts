import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRetryAfter } from './retry-after.ts';

const now = Date.UTC(2026, 10, 6, 8, 49, 7);

test.each([
  ['120', 120_000],
  ['0', 0],
  [' 7 ', 7000],
  ['1.5', 1500],
  // Absurd, and bounded by those who obey it.
  ['999999999999', 999_999_999_999_000],
  ['9'.repeat(100), Number.MAX_SAFE_INTEGER],
  ['9'.repeat(1000), Number.MAX_SAFE_INTEGER],
  ['Fri, 06 Nov 2026 08:49:37 GMT', 30_000],
  ['fri, 06 nov 2026 08:49:37 gmt', 30_000],
  ['Fri, 6 Nov 2026 08:49:37 GMT', 30_000],
  ['06 Nov 2026 08:49:37 GMT', 30_000],
  ['Fri, 06-Nov-2026 08:49:37 GMT', 30_000],
  ['Fri, 06 Nov 2026 08:49:37 UTC', 30_000],
  ['Fri, 06 Nov 2026 08:49:37 +0000', 30_000],
  ['Friday, 06-Nov-26 08:49:37 GMT', 30_000],
  ['Fri Nov  6 08:49:37 2026', 30_000],
  ['Fri Nov 06 08:49:37 2026', 30_000],
  ['2026-11-06T08:49:37Z', 30_000],
  ['2026-11-06T09:49:37+01:00', 30_000],
  // Without a zone: UTC.
  ['Fri, 06 Nov 2026 08:49:37', 30_000],
  ['Friday, 06-Nov-26 08:49:37', 30_000],
  ['2026-11-06T08:49:37', 30_000],
  ['2026-11-06 08:49:37', 30_000],
  ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
  // A year of two digits that would be more than 50 years ahead.
  ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
])('Retry-After: %s', (header, ms) => {
  expect(parseRetryAfter(header, now)).toBe(ms);
});

test.each([
  undefined,
  '',
  'soon',
  '-5',
  '+5',
  '1e9',
  '0x10',
  '12 34',
  '5, 6',
  '2026-11-06',
  'Fri, 06 Nov 2026 08:49:37 EST',
  'Fri, 31 Nov 2026 08:49:37 GMT',
  'Fri, 06 Foo 2026 08:49:37 GMT',
  'Fri, 06 Nov 2026 25:49:37 GMT',
  `9${' '.repeat(100)}9`,
])('Retry-After that says nothing: %s', (header) => {
  expect(parseRetryAfter(header, now)).toBeNull();
});

test('every date of the three forms is read as UTC, wherever the machine stands', () => {
  const days = 'Sun Mon Tue Wed Thu Fri Sat'.split(' ');
  const long = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
  fc.assert(
    fc.property(fc.integer({ min: now / 1000, max: now / 1000 + 40 * 365 * 86_400 }), (seconds) => {
      const date = new Date(seconds * 1000);
      const [, day, month, year, time] = /(\d\d) (\w{3}) (\d{4}) (\S+)/.exec(date.toUTCString())!;
      const weekday = date.getUTCDay();
      for (const text of [
        date.toUTCString(),
        `${long[weekday]}, ${day}-${month}-${year!.slice(2)} ${time} GMT`,
        `${days[weekday]} ${month} ${day!.replace(/^0/, ' ')} ${time} ${year}`,
      ])
        expect(parseRetryAfter(text, now)).toBe(seconds * 1000 - now);
    }),
  );
});
