import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../posthorn/src/runtime/seeded-random.ts';
import { silences } from './gaps.ts';
import { minuteMs } from '../../../posthorn/src/domain/time.ts';

/** Lines in bins of ten minutes over some days; `rate` a bin by its number. */
function bins(days: number, rate: (bin: number) => number, seed: number): { bin: number; n: number }[] {
  const random = new SeededRandom(seed, 'silences');
  return Array.from({ length: days * 144 }, (_, bin) => {
    // Poisson by its waiting times.
    let n = 0;
    for (let left = rate(bin); (left += Math.log(1 - random.float())) > 0;) n++;
    return { bin, n };
  }).filter(({ n }) => n > 0);
}
const isNight = (bin: number): boolean => bin % 144 < 36;

describe('silences of a log', () => {
  test('an hour whose lines are lost is found to the bin', () => {
    const log = bins(5, () => 20, 1).filter(({ bin }) => bin < 300 || bin >= 306);
    expect(silences(log, 10 * minuteMs)).toEqual([
      { from: 300 * 10 * minuteMs, to: 306 * 10 * minuteMs, lines: expect.any(Number) as number },
    ]);
  });

  test('quiet nights and weekends are not gaps', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      expect(
        silences(
          bins(10, (bin) => (isNight(bin) ? 0.02 : 8), seed),
          10 * minuteMs,
        ),
      ).toEqual([]);
      expect(
        silences(
          bins(21, (bin) => (Math.floor(bin / 144) % 7 >= 5 ? 0 : 8), seed),
          10 * minuteMs,
        ),
      ).toEqual([]);
      expect(
        silences(
          bins(10, () => 1, seed),
          10 * minuteMs,
        ),
      ).toEqual([]);
    }
  });

  test('an empty log and a single bin have none', () => {
    expect(silences([], 1000)).toEqual([]);
    expect(silences([{ bin: 5, n: 3 }], 1000)).toEqual([]);
  });
});
