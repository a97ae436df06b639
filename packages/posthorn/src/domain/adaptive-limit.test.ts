import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  adaptiveBounds,
  type AdaptiveLimit,
  type AttemptWindow,
  freshLimit,
  minLimit,
  nextLimit,
  showsOverload,
} from './adaptive-limit.ts';

const { least, start, most } = adaptiveBounds;

const aLimit = fc.record({
  limit: fc.double({ min: least, max: most, noNaN: true }),
  baseMs: fc.option(fc.double({ min: 0, max: 60_000, noNaN: true })),
});
const aWindow: fc.Arbitrary<AttemptWindow> = fc
  .record({
    attempts: fc.integer({ min: 1, max: 1000 }),
    failing: fc.double({ min: 0, max: 1, noNaN: true }),
    meanMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
    wasFull: fc.boolean(),
  })
  .map(({ attempts, failing, meanMs, wasFull }) => {
    const overloads = Math.round(attempts * failing);
    return { attempts, overloads, totalMs: meanMs * (attempts - overloads), wasFull };
  });

test('whatever is observed, the limit keeps its bounds', () => {
  fc.assert(
    fc.property(aLimit, aWindow, (state, window) => {
      const { limit } = nextLimit(state, window);
      expect(limit).toBeGreaterThanOrEqual(least);
      expect(limit).toBeLessThanOrEqual(most);
    }),
  );
});

test('more failures never raise it, slower answers above the start never do, and without use it does not grow', () => {
  fc.assert(
    fc.property(aLimit, aWindow, (state, window) => {
      const { limit } = nextLimit(state, window);
      const { attempts, overloads, totalMs } = window;
      if (overloads < attempts - 1) {
        const share = totalMs / (attempts - overloads);
        const failed = { ...window, overloads: overloads + 1, totalMs: totalMs - share };
        expect(nextLimit(state, failed).limit).toBeLessThanOrEqual(limit + 1e-9);
      }
      if (state.limit > start)
        expect(nextLimit(state, { ...window, totalMs: totalMs * 2 }).limit).toBeLessThanOrEqual(limit + 1e-9);
      expect(nextLimit(state, { ...window, wasFull: false }).limit).toBeLessThanOrEqual(
        Math.max(state.limit, least),
      );
    }),
  );
});

test('slow answers alone never take it below the start', () => {
  fc.assert(
    fc.property(aLimit, aWindow, (state, window) => {
      fc.pre(state.limit >= start);
      const slow = { ...window, overloads: 0, totalMs: 60_000 * window.attempts };
      expect(nextLimit(state, slow).limit).toBeGreaterThanOrEqual(start);
    }),
  );
});

/** Rounds with a receiver that works on so many requests at once, each for 100 ms; others wait, or are refused. */
function rounds(count: number, from: AdaptiveLimit, atOnce: number, refuses = false): AdaptiveLimit {
  let state = from;
  for (let n = 0; n < count; n++) {
    const attempts = Math.max(16, Math.round(state.limit));
    const beyond = Math.max(0, 1 - atOnce / state.limit);
    const overloads = refuses ? Math.round(attempts * beyond) : 0;
    const meanMs = refuses ? 100 : 100 * Math.max(1, state.limit / atOnce);
    state = nextLimit(state, {
      attempts,
      overloads,
      totalMs: meanMs * (attempts - overloads),
      wasFull: true,
    });
  }
  return state;
}

test('a receiver that answers after 100 ms whatever it is given gets far more than 640 a second within 3 s', () => {
  expect(rounds(30, freshLimit, 10_000).limit / 0.1).toBeGreaterThan(4000);
});

test('a receiver that lets requests wait is not given many more than it works on, however long it goes on', () => {
  for (const count of [50, 500, 5000]) {
    expect(rounds(count, freshLimit, 100).limit).toBeLessThan(200);
    expect(rounds(count, freshLimit, 100).limit).toBeGreaterThan(100);
  }
});

test('a receiver that refuses what is too much is given about what it takes', () => {
  const { limit } = rounds(200, freshLimit, 30, true);
  expect(limit).toBeGreaterThan(25);
  expect(limit).toBeLessThan(60);
});

test('from the highest limit a receiver that fails or turns ten times slower is left alone within a few rounds', () => {
  const high = rounds(100, freshLimit, 10_000);
  expect(high.limit).toBe(most);
  let failing: AdaptiveLimit = high;
  for (let n = 0; n < 7; n++)
    failing = nextLimit(failing, { attempts: 100, overloads: 100, totalMs: 0, wasFull: true });
  expect(failing.limit).toBe(least);
  expect(rounds(6, high, most / 10).limit).toBeLessThan(2 * start);
  expect(rounds(30, minLimit, 10_000).limit).toBeGreaterThan(start);
});

test('a receiver that is slower for good is compared with what it is now', () => {
  let state = rounds(100, freshLimit, 10_000);
  const slow = (): AttemptWindow => ({
    attempts: Math.round(state.limit),
    overloads: 0,
    totalMs: 1000 * Math.round(state.limit),
    wasFull: true,
  });
  for (let n = 0; n < 100; n++) state = nextLimit(state, slow());
  expect(state.limit).toBe(most);
});

test('a share of refusals that has nothing to do with load costs little', () => {
  let state = freshLimit;
  for (let n = 0; n < 200; n++) {
    const attempts = Math.round(state.limit);
    state = nextLimit(state, {
      attempts,
      overloads: Math.round(attempts / 50),
      totalMs: 100 * attempts,
      wasFull: true,
    });
  }
  expect(state.limit).toBeGreaterThan(5 * start);
});

test('only what a receiver says that has too much to do counts', () => {
  for (const one of ['timeout', 'connect', 'reset', 'http_5xx', 'rate_limited'] as const)
    expect(showsOverload(one)).toBe(true);
  for (const one of [null, 'http_4xx', 'gone', 'secrets', 'dns'] as const)
    expect(showsOverload(one)).toBe(false);
});
