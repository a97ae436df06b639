import { expect, test } from 'vitest';
import { noContact } from '../domain/contact.ts';
import { hourMs, minuteMs, secondMs } from '../domain/time.ts';
import type { Counters } from '../store/accounting.ts';
import type { EndpointFigures } from '../store/endpoint-figures.ts';
import { dueUntil, endpointState, healthFigures, healthSince, type StateFacts } from './endpoint-health.ts';

const now = Date.UTC(2026, 10, 24, 9, 30);
const hour = Math.floor(now / hourMs) * hourMs;

const counts = (fields: Partial<Counters>): Counters => ({
  accepted: 0,
  delivered: 0,
  dead: 0,
  cancelled: 0,
  suppressed: 0,
  late: 0,
  superseded: 0,
  firstAttempts: 0,
  firstAttemptDelivered: 0,
  ...fields,
});
const figuresWith = (fields: Partial<EndpointFigures>): EndpointFigures => ({
  endpointId: 'ep_1',
  accepted: 1,
  pending: 0,
  dead: 0,
  suppressed: 0,
  hours: [],
  partial: counts({}),
  latency: [],
  nextDueAt: null,
  ...fields,
});

test('of what is past its deadline all is due, of what is younger only what has ended', () => {
  const endpoint = { deliverWithinMs: 10 * minuteMs };
  const { inTime, good, bad } = healthFigures(
    endpoint,
    figuresWith({
      hours: [
        { at: hour - hourMs, ...counts({ accepted: 10, delivered: 8, late: 1, cancelled: 1 }) },
        { at: hour, ...counts({ accepted: 9, delivered: 6, dead: 1 }) },
      ],
      // Before 09:19: four accepted, one of them still pending.
      partial: counts({ accepted: 4, delivered: 3 }),
    }),
    now,
  );
  // 9 of the hour before, 4 past their deadline, and 4 younger ones that have ended; 2 young ones may still be in time.
  expect(inTime).toMatchObject({ due: 17, good: 7 + 3 + 3 });
  expect([good.at(-2), bad.at(-2), good.at(-1), bad.at(-1)]).toEqual([7, 1, 6, 1]);
  expect(good).toHaveLength(24);
});

test('a deadline longer than the window leaves only what has ended', () => {
  const { inTime } = healthFigures(
    { deliverWithinMs: 48 * hourMs },
    figuresWith({
      hours: [{ at: hour, ...counts({ accepted: 5, delivered: 2 }) }],
      partial: counts({ accepted: 100 }),
    }),
    now,
  );
  expect(inTime).toMatchObject({ due: 2, good: 2, share: 1 });
});

test('the window is 24 clock hours, and a deadline ends at a whole minute', () => {
  expect(healthSince(now)).toBe(hour - 23 * hourMs);
  expect(dueUntil({ deliverWithinMs: 30 * secondMs }, now)).toBe(now - minuteMs);
});

test('the state of an endpoint: a few failures do not count yet, a throttle is not a failure', () => {
  const facts: StateFacts = {
    enabled: true,
    contact: noContact,
    throttledUntil: null,
    breakerSince: null,
    accepted: 5,
  };
  const failed = (failuresInARow: number, ago: number, more: object = {}) => ({
    ...facts,
    contact: { ...noContact, lastFailureAt: now, failedSince: now - ago, failuresInARow, ...more },
  });
  const state = (some: StateFacts) => endpointState(some, now);
  expect(state(facts)).toBe('healthy');
  expect(state({ ...facts, contact: null, accepted: 0 })).toBe('idle');
  expect(state({ ...facts, enabled: false })).toBe('paused');
  expect(state(failed(2, secondMs))).toBe('healthy');
  expect(state(failed(3, secondMs))).toBe('failing');
  expect(state(failed(1, minuteMs))).toBe('failing');
  expect(state({ ...failed(9, minuteMs, { lastErrorClass: 'rate_limited' }), throttledUntil: now + 1 })).toBe(
    'slowed',
  );
  expect(state({ ...failed(9, minuteMs, { lastErrorClass: 'http_5xx' }), throttledUntil: now + 1 })).toBe(
    'failing',
  );
  expect(state({ ...facts, breakerSince: now })).toBe('slowed');
});
