import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterAttempt, isExpired } from './delivery.ts';
import { subscribes } from './endpoint.ts';
import { deliveryId, deliveryNumber, eventShard, newEventId, parseDeliveryId, shardOfNumber } from './ids.ts';
import { atPointer } from './json-pointer.ts';
import { latencyBound, latencyBucket, latencyQuantile } from './latency.ts';
import { exponentOf, formatValue } from './money.ts';
import { defaultRetryPolicy, retryDelayMs, type RetryPolicy } from './retry-policy.ts';
import { hashShard } from './shard.ts';
import { wilson } from './statistics.ts';

const failed = { ok: false, errorClass: 'http_5xx', retryAfterMs: null } as const;

describe('the delivery state machine', () => {
  const at = (attemptsMade: number, outcome: Parameters<typeof afterAttempt>[1], now = 1000) =>
    afterAttempt({ attemptsMade, createdAt: 0 }, outcome, defaultRetryPolicy, now, 0);

  test.each([
    [
      'success delivers',
      1,
      { ok: true, errorClass: null, retryAfterMs: null },
      { state: 'delivered', dueAt: null, reason: 'delivered' },
    ],
    ['410 ends it', 1, { ...failed, errorClass: 'gone' }, { state: 'dead', dueAt: null, reason: 'gone' }],
    ['a failure retries', 1, failed, { state: 'pending', dueAt: 6000, reason: null }],
    [
      'Retry-After stretches the wait',
      1,
      { ...failed, retryAfterMs: 60_000 },
      { state: 'pending', dueAt: 61_000, reason: null },
    ],
    [
      'Retry-After never shortens it',
      1,
      { ...failed, retryAfterMs: 1 },
      { state: 'pending', dueAt: 6000, reason: null },
    ],
    [
      'the tenth failure is the last',
      10,
      failed,
      { state: 'dead', dueAt: null, reason: 'schedule_exhausted' },
    ],
  ] as const)('%s', (_, attempts, outcome, transition) => {
    expect(at(attempts, outcome)).toEqual(transition);
  });

  test('too old is dead', () => {
    expect(at(1, failed, 7 * 86_400_000)).toEqual({ state: 'dead', dueAt: null, reason: 'too_old' });
  });

  test('Retry-After reaches to a second before the last moment in which an attempt may begin, and not beyond', () => {
    const left = 100_000;
    const now = defaultRetryPolicy.giveUpAfterMs - left;
    const asks = { ...failed, retryAfterMs: 3_600_000 };
    expect(at(1, asks, now)).toMatchObject({ state: 'pending', dueAt: now + left - 1000 });
    expect(isExpired({ trigger: 'schedule' }, defaultRetryPolicy, now + left)).toBe(false);
    expect(isExpired({ trigger: 'schedule' }, defaultRetryPolicy, now + left + 1)).toBe(true);
    for (const trigger of ['manual', 'redrive'] as const)
      expect(isExpired({ trigger }, defaultRetryPolicy, Number.MAX_SAFE_INTEGER)).toBe(false);
  });

  test('G2: pending has a time not before now, everything else has none; and it always ends', () => {
    const policy = fc.record({
      backoff: fc.oneof(
        fc.record({
          kind: fc.constant('schedule' as const),
          delaysMs: fc.array(fc.nat(1e8), { maxLength: 20 }),
        }),
        fc.record({
          kind: fc.constant('exponential' as const),
          baseMs: fc.nat(1e5),
          factor: fc.double({ min: 1, max: 10, noNaN: true }),
          maxMs: fc.nat(1e8),
          attempts: fc.integer({ min: 1, max: 30 }),
        }),
      ),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      giveUpAfterMs: fc.nat(1e9),
    }) satisfies fc.Arbitrary<RetryPolicy>;
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(policy, random, fc.option(fc.nat(1e9)), (retry, r, retryAfterMs) => {
        let now = 0;
        for (let attemptsMade = 1; attemptsMade < 60; attemptsMade++) {
          const next = afterAttempt(
            { attemptsMade, createdAt: 0 },
            { ...failed, retryAfterMs },
            retry,
            now,
            r,
          );
          expect(next.state === 'pending').toBe(next.dueAt !== null);
          if (next.state !== 'pending') {
            expect(next.reason).not.toBeNull();
            return;
          }
          expect(next.dueAt).toBeGreaterThanOrEqual(now);
          now = next.dueAt!;
        }
        throw new Error('it never ended');
      }),
    );
  });

  test('full jitter stays under the cap', () => {
    const policy: RetryPolicy = {
      backoff: { kind: 'exponential', baseMs: 100, factor: 2, maxMs: 1000, attempts: 9 },
      jitter: 0,
      giveUpAfterMs: 1e9,
    };
    expect(retryDelayMs(policy, 3, 0.5)).toBe(200);
    expect(retryDelayMs(policy, 8, 0.999)).toBe(999);
    expect(retryDelayMs(policy, 9, 0)).toBeNull();
  });
});

describe('ids', () => {
  test('carry their shard, and sort by time', () => {
    fc.assert(
      fc.property(
        fc.nat(63),
        fc.nat(2 ** 40),
        fc.nat(2 ** 46),
        fc.uint8Array({ minLength: 14, maxLength: 14 }),
        (shard, now, sequence, bytes) => {
          const id = newEventId(now, bytes, shard);
          expect(eventShard('any', id)).toBe(shard);
          expect(id < newEventId(now + 1, new Uint8Array(14), 0)).toBe(true);
          const number = deliveryNumber(sequence, shard);
          expect(shardOfNumber(number)).toBe(shard);
          expect(parseDeliveryId(deliveryId(number))).toBe(number);
        },
      ),
    );
    expect(parseDeliveryId('dlv_0')).toBeNull();
  });

  test('shards of hashed keys are spread evenly', () => {
    const counts = Array.from({ length: 64 }, () => 0);
    for (let n = 0; n < 64_000; n++) counts[hashShard('default', `order-${n}`)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(800);
    expect(Math.max(...counts)).toBeLessThan(1200);
  });
});

test('money keeps exponents and every digit', () => {
  expect(['USD', 'jpy', 'BHD', 'CLF'].map(exponentOf)).toEqual([2, 0, 3, 4]);
  expect(formatValue({ amountMinor: 123_456n, currency: 'usd' })).toBe('1,234.56 USD');
  expect(formatValue({ amountMinor: -5n, currency: 'USD' })).toBe('-0.05 USD');
  expect(formatValue({ amountMinor: 1500n, currency: 'JPY' })).toBe('1,500 JPY');
  expect(formatValue({ amountMinor: 90_071_992_547_409_931n, currency: 'BHD' })).toBe(
    '90,071,992,547,409.931 BHD',
  );
});

test('subscriptions and pointers', () => {
  expect(subscribes(['payment.*'], 'payment.intent.created')).toBe(true);
  expect(subscribes(['payment.*'], 'payments.created')).toBe(false);
  expect(subscribes(['a.b', '*'], 'c')).toBe(true);
  expect(atPointer({ 'a/b': { '~': 1 } }, '/a~1b/~0')).toBe(1);
  expect(atPointer({}, '/constructor')).toBeUndefined();
});

test('latency buckets bound what they hold within 10%', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), (ms) => {
      const bound = latencyBound(latencyBucket(ms));
      expect(bound).toBeGreaterThanOrEqual(ms * 0.999999);
      expect(bound).toBeLessThanOrEqual(ms * 1.1000001);
    }),
  );
  expect(
    latencyQuantile(
      [
        { bucket: 0, count: 99 },
        { bucket: 10, count: 1 },
      ],
      0.99,
    ),
  ).toBe(1);
  expect(latencyQuantile([], 0.5)).toBeNull();
});

test('Wilson intervals as published: 30 of 10,000 and 0 of 1,000', () => {
  expect(wilson(30, 10_000).map((x) => Math.round(x * 1e4) / 1e4)).toEqual([0.0021, 0.0043]);
  expect(wilson(0, 1000)[1]).toBeCloseTo(0.0038, 4);
});
