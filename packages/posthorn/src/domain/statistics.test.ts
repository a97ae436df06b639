import { describe, expect, test } from 'vitest';
import { newcombe } from './statistics.ts';

describe('the interval of a difference of two shares', () => {
  // Newcombe, Statistics in Medicine 17 (1998), table II, method 10.
  test.each([
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [6, 7, 2, 7, 0.0582, 0.8062],
    [5, 56, 0, 29, -0.0381, 0.1926],
    [0, 10, 0, 20, -0.1611, 0.2775],
    [0, 10, 0, 10, -0.2775, 0.2775],
    [10, 10, 0, 20, 0.6791, 1],
    [10, 10, 0, 10, 0.6075, 1],
  ])('%i/%i − %i/%i is from %s', (k1, n1, k2, n2, low, high) => {
    const { value, interval } = newcombe(k1, n1, k2, n2);
    expect(value).toBeCloseTo(k1 / n1 - k2 / n2, 12);
    expect(interval[0]).toBeCloseTo(low, 4);
    expect(interval[1]).toBeCloseTo(high, 4);
  });

  test('turned round, it is its own mirror image', () => {
    const [low, high] = newcombe(30, 10_000, 2, 8000).interval;
    const turned = newcombe(2, 8000, 30, 10_000).interval;
    expect(turned[0]).toBeCloseTo(-high, 12);
    expect(turned[1]).toBeCloseTo(-low, 12);
  });
});
