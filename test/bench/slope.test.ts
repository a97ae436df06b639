import { describe, expect, test } from 'vitest';
import { blocks, slopeOf } from '../../bench/slope.ts';
import { SeededRandom } from '../../packages/posthorn/src/runtime/seeded-random.ts';

// The verdict of `npm run bench:soak`: it must see a slow leak in the noise, and must not see one that is not there.

const minutes = 30;
/** Memory sampled every 5 s: noise, a saw of the garbage collector, now and then a peak; `perHour` is the leak. */
function aSeries(seed: string, perHour: number): (readonly [number, number])[] {
  const random = new SeededRandom(0, seed);
  return Array.from({ length: minutes * 12 }, (_, n) => {
    const hours = n / 720;
    const peak = random.float() < 0.02 ? 80 : 0;
    return [hours, 200 + perHour * hours + (n % 37) / 4 + random.float() * 10 + peak] as const;
  });
}

describe('the slope of a series', () => {
  test('a leak is found, with its size', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { slope, low, high } = slopeOf(blocks(aSeries(`leak ${seed}`, 60), 24));
      expect(low).toBeGreaterThan(0);
      expect(slope).toBeGreaterThan(45);
      expect(slope).toBeLessThan(75);
      expect(high).toBeGreaterThan(slope);
    }
  });

  test('noise and peaks are not growth', () => {
    const found = Array.from({ length: 200 }, (_, seed) => slopeOf(blocks(aSeries(`calm ${seed}`, 0), 24)));
    expect(found.filter(({ low }) => low > 0).length).toBeLessThanOrEqual(6);
  });

  test('a line has its own slope', () => {
    const { slope, low, high } = slopeOf([0, 1, 2, 3, 4, 5, 6, 7].map((at) => [at, 3 * at + 1]));
    expect([slope, low, high]).toEqual([3, 3, 3]);
  });
});
