import { describe, expect, test } from 'vitest';
import { type Endpoint, freshEndpoint } from '../domain/endpoint.ts';
import type { DeadLetterGroup } from '../store/store.ts';
import { overdueCondition } from './conditions.ts';
import { evaluateDeliveries } from './delivery-evaluation.ts';
import type { EvaluatedStore } from './evaluation.ts';
import { createWatchdog } from './watchdog.ts';

const now = Date.UTC(2026, 0, 2);
const letters = (n: number, fields: Partial<DeadLetterGroup> = {}): DeadLetterGroup => ({
  endpointId: `ep_${n}`,
  owner: null,
  errorClass: 'timeout',
  count: 10_000 - n,
  oldestAt: now - 60_000,
  oldestPrunableAt: now - 60_000,
  blockedKeys: 0,
  valueAtRisk: [],
  ...fields,
});

describe('an outage wider than alerts of their own (G5)', () => {
  const evaluated = async (count: number) => {
    const store = {
      openBreakers: async () =>
        Array.from({ length: count }, (_, n) => ({ endpointId: `ep_${n}`, openSince: now - 3_600_000 })),
      overdue: async () =>
        Array.from({ length: count }, (_, n) => ({
          endpointId: `late_${n}`,
          owner: null,
          count: 1,
          oldestDueAt: now - 3_600_000,
          claimed: n < count - 1 ? 1 : 0,
          throttledUntil: null,
        })),
      accounting: async () => ({ pending: 1 }),
      serverCertificates: async () => [],
      fanOuts: async () => ({ underWay: [], remaining: 0 }),
      failingEndpoints: async () => [],
      deliveries: async () => [],
    } as unknown as EvaluatedStore;
    const endpoints = Array.from({ length: count }, (_, n) =>
      freshEndpoint(
        { id: `ep_${n}`, tenant: 't', url: 'http://a.example/', secret: 'whsec_AAAA', createdAt: 0 },
        {},
      ),
    );
    return await evaluateDeliveries(
      store,
      { endpoints, templates: new Map(), objectives: [] },
      {
        now,
        lived: now,
        deadRetentionMs: 90 * 86_400_000,
        deadLetters: async () => [
          ...Array.from({ length: count }, (_, n) => letters(n)),
          letters(count, { errorClass: 'corrupt', count: 1 }),
        ],
      },
    );
  };

  test('what is beyond the limit pages as one, and what must page by itself always does', async () => {
    const conditions = await evaluated(250);
    const beyond = conditions.filter(({ group }) => group === 'beyond');
    expect(beyond.map(({ rule, severity, evidence }) => [rule, severity, evidence['beyond']])).toEqual([
      ['endpoint_down', 'page', 50],
      ['dead_letters', 'page', 51],
      ['overdue', 'page', 50],
    ]);
    expect(conditions.filter(({ rule }) => rule === 'corrupt')).toHaveLength(1);
    // The one without progress has an alert of its own, wherever it is in the list.
    expect(conditions.find(({ rule, group }) => rule === 'overdue' && group === 'late_249')).toMatchObject({
      severity: 'page',
    });
    expect((await evaluated(150)).filter(({ group }) => group === 'beyond')).toEqual([]);
  });
});

test('a watchdog that cannot be asked is a warning, and ends nothing', async () => {
  const warned: unknown[] = [];
  const watchdog = createWatchdog({
    url: 'http://a.example/',
    transport: {
      post: async () => {
        throw new Error('no such thing');
      },
    } as never,
    clock: { now: () => 0, monotonic: () => 0, after: () => () => {} },
    logger: { warn: (fields: unknown) => warned.push(fields) } as never,
    userAgent: 'x',
  });
  watchdog.ping();
  await new Promise((resolve) => setImmediate(resolve));
  expect(warned).toEqual([{ code: 'watchdog_unreachable', error: 'no such thing' }]);
});

describe('what is overdue says why', () => {
  const group = {
    endpointId: 'ep_1',
    owner: null,
    count: 2,
    oldestDueAt: now - 600_000,
    claimed: 0,
    throttledUntil: null,
  };
  test.each([
    ['nothing is sent', group, null, 'page', 'nothing is being sent'],
    [
      'attempts are in flight',
      { ...group, claimed: 1 },
      null,
      'ticket',
      'events arrive faster than the receiver answers',
    ],
    ['its rate is limited', group, 0.5, 'ticket', 'rate limit of 0.5/s'],
    [
      'it is throttled',
      { ...group, throttledUntil: now + 60_000 },
      null,
      'ticket',
      'asked for a pause until',
    ],
  ] as const)('%s', (_, overdue, rate, severity, words) => {
    const condition = overdueCondition(overdue, [], rate, now);
    expect(condition.severity).toBe(severity);
    expect(condition.summary).toContain(words);
  });
});

describe('an endpoint that is paused when it has only failed for long', () => {
  const hour = 3_600_000;
  const evaluatedAt = async (elapsed: number, fields: Partial<Endpoint> = {}) => {
    const endpoint = freshEndpoint(
      { id: 'ep_1', tenant: 'default', url: 'https://orders.example.com/', secret: 's', createdAt: now },
      { disableAfterMs: 10 * hour, owner: 'orders', ...fields },
    );
    const store = {
      openBreakers: async () => [],
      failingEndpoints: async () => [{ endpointId: 'ep_1', since: now, count: 5 }],
      overdue: async () => [],
      serverCertificates: async () => [],
      fanOuts: async () => ({ underWay: [] }),
      accounting: async () => ({ pending: 3, suppressed: 2 }),
    };
    const found = await evaluateDeliveries(
      store as unknown as EvaluatedStore,
      { endpoints: [endpoint], templates: new Map(), objectives: [] },
      { now: now + elapsed, lived: now, deadRetentionMs: hour, deadLetters: async () => [] },
    );
    return found.map(({ rule, owner, severity, summary }) => [rule, owner, severity, summary]);
  };

  test('G5: its owner hears of it before, twice, and after', async () => {
    expect(await evaluatedAt(5 * hour - 1)).toEqual([]);
    expect(await evaluatedAt(5 * hour)).toEqual([
      [
        'endpoint_disabling',
        'orders',
        'ticket',
        expect.stringMatching(/^orders.example.com .* pauses it in 5 h$/),
      ],
    ]);
    expect(await evaluatedAt(8 * hour)).toEqual([
      ['endpoint_disabling', 'orders', 'page', expect.stringContaining('pauses it in 2 h')],
    ]);
    expect(await evaluatedAt(11 * hour)).toEqual([
      ['endpoint_disabling', 'orders', 'page', expect.stringContaining('at its next failure')],
    ]);
    expect(await evaluatedAt(12 * hour, { enabled: false, pausedReason: 'failing' })).toEqual([
      [
        'endpoint_disabled',
        'orders',
        'ticket',
        expect.stringContaining('3 deliveries are waiting, 2 are suppressed'),
      ],
    ]);
    expect(await evaluatedAt(12 * hour, { enabled: false, pausedReason: 'operator' })).toEqual([]);
    expect(await evaluatedAt(12 * hour, { disableAfterMs: null })).toEqual([]);
  });
});
