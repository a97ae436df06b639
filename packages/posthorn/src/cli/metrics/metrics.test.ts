import { describe, expect, test } from 'vitest';
import type { Engine } from '../../engine/port.ts';
import type { Reconciliation } from '../../ledger/reconciler.ts';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import type { Settlement } from '../../store/store.ts';
import { settlementOf } from '../../../../../test/settlement.ts';
import { boundedLabel } from './bounded-label.ts';
import { createMetrics } from './metrics.ts';
import { createStoreSampler, type StoreSample } from './store-sample.ts';

const claimed = {
  number: 64,
  endpointId: 'ep_a',
  eventType: 'payment.succeeded',
  claim: 1,
  createdAt: 1000,
  attemptsMade: 0,
  trigger: 'schedule',
} as const;
const aSettlement = (fields: Partial<Settlement> = {}): Settlement =>
  settlementOf(claimed, 'delivered', 1300, { startedAt: 1100, durationMs: 200, ...fields });

const balanced: Reconciliation = {
  rows: [
    {
      endpointId: 'ep_a',
      tenant: 'default',
      accepted: 9,
      pending: 2,
      delivered: 4,
      dead: 3,
      cancelled: 0,
      suppressed: 0,
      unaccounted: 0,
      mismatches: [],
    },
  ],
  unaccounted: 0,
  rowsRead: 9,
  findings: [],
  digests: null,
  fanOuts: { planned: 0, made: 0, remaining: 0, underWay: [] },
  balanced: true,
};

function anEngine(shards: readonly number[]): Engine {
  const status = { ready: true, storeFault: null, inFlight: 3, buffered: 5, lanes: 2, shards };
  return { status: () => status } as Engine;
}

function metricsOf(sample: StoreSample | null, shards: readonly number[] = [0, 1]) {
  const metrics = createMetrics({
    sampler: { sample: async () => sample },
    clock: { ...systemClock, now: () => 100_000 },
    build: { version: '9.9.9', store: 'sqlite' },
    deadRetentionMs: 86_400_000,
  });
  metrics.watch(anEngine(shards));
  return metrics;
}

const whole = {
  pending: 7,
  overdue: 2,
  late: 1,
  nodes: 3,
  deadLetters: [
    {
      endpointId: 'ep_a',
      owner: null,
      errorClass: 'timeout' as const,
      count: 3,
      oldestAt: 40_000,
      oldestPrunableAt: 40_000,
      blockedKeys: 0,
      valueAtRisk: [],
    },
  ],
};

describe('metrics', () => {
  test('attempts count once, by what became of them, with the latency of what was delivered', async () => {
    const metrics = metricsOf(null);
    metrics.observer.settled(aSettlement(), 'applied');
    metrics.observer.settled(aSettlement({ state: 'pending', errorClass: 'timeout' }), 'applied');
    metrics.observer.settled(aSettlement(), 'superseded');
    const text = await metrics.render();
    expect(text).toContain('posthorn_attempts_total{outcome="delivered",error_class=""} 1');
    expect(text).toContain('posthorn_attempts_total{outcome="retry",error_class="timeout"} 1');
    expect(text).toContain('posthorn_attempts_total{outcome="superseded",error_class=""} 1');
    expect(text).toContain('posthorn_endpoint_attempts_total{endpoint_id="ep_a",outcome="delivered"} 1');
    expect(text).toContain('posthorn_delivery_latency_seconds_sum 0.3');
    expect(text).toContain('posthorn_delivery_latency_seconds_count 1');
  });

  test('an attempt that timed out at the longest timeout has a bucket that is not the last', async () => {
    const metrics = metricsOf(null);
    metrics.observer.settled(
      aSettlement({ state: 'pending', errorClass: 'timeout', durationMs: 60_050 }),
      'applied',
    );
    const text = await metrics.render();
    expect(text).toContain('posthorn_attempt_duration_seconds_bucket{le="60",outcome="retry"} 0');
    expect(text).toContain('posthorn_attempt_duration_seconds_bucket{le="90",outcome="retry"} 1');
  });

  test('the owner of the first shard speaks for the whole', async () => {
    const metrics = metricsOf({ oldestDueAt: 88_000, whole });
    metrics.reconciled(balanced);
    metrics.evaluated({ page: 1, ticket: 2 });
    const lines = (await metrics.render()).split('\n');
    for (const line of [
      'posthorn_build_info{version="9.9.9",store="sqlite",node_version="' + process.version + '"} 1',
      'posthorn_ready 1',
      'posthorn_attempts_in_flight 3',
      'posthorn_claimed_waiting 5',
      'posthorn_shards_owned 2',
      'posthorn_oldest_due_age_seconds 12',
      'posthorn_deliveries_unaccounted 0',
      'posthorn_ledger_unbalanced 0',
      'posthorn_endpoint_info{endpoint_id="ep_a",tenant="default"} 1',
      'posthorn_last_reconciliation_timestamp_seconds 100',
      'posthorn_deliveries{endpoint_id="ep_a",state="dead"} 3',
      'posthorn_alerts_firing{severity="page"} 1',
      'posthorn_last_evaluation_timestamp_seconds 100',
      'posthorn_pending_deliveries 7',
      'posthorn_overdue_deliveries 2',
      'posthorn_dead_letters{endpoint_id="ep_a",error_class="timeout"} 3',
      'posthorn_oldest_dead_letter_age_seconds 60',
      'posthorn_dead_letter_retention_seconds 86400',
      'posthorn_nodes 3',
    ])
      expect(lines).toContain(line);
  });

  test('a node that does not own the first shard, or no longer, says nothing of the whole', async () => {
    const metrics = metricsOf({ oldestDueAt: null, whole: null });
    metrics.reconciled({ ...balanced, unaccounted: 4, balanced: false });
    metrics.evaluated({ page: 1, ticket: 0 });
    expect(await metrics.render()).toMatch(/^posthorn_deliveries_unaccounted 4$/m);
    metrics.watch(anEngine([5]));
    const text = await metrics.render();
    expect(text).toMatch(/^posthorn_oldest_due_age_seconds 0$/m);
    expect(text).not.toMatch(
      /^posthorn_(deliveries_unaccounted|last_reconciliation|last_evaluation|deliveries\{|alerts_firing|pending|overdue|dead_letters|oldest_dead|nodes)/m,
    );
  });
});

test('beyond its bound a label is other, and what it knew stays', () => {
  const label = boundedLabel(2);
  expect(['a', 'b', 'c', 'a', 'd', 'b'].map(label)).toEqual(['a', 'b', 'other', 'a', 'other', 'b']);
});

describe('the store is read', () => {
  const store = (reads: { count: number; fail?: boolean; hang?: boolean }) => ({
    nextDue: async () => {
      reads.count++;
      if (reads.fail === true) throw new Error('the disk is gone');
      if (reads.hang === true) await new Promise<never>(() => {});
      return [{ endpointId: 'ep_a', dueAt: 5 }];
    },
    accounting: async () => ({ pending: 1, overdue: 0, late: 0 }) as never,
    deadLetters: async () => [],
    nodes: async () => [],
  });
  /** Time that stands still until it is advanced; timers run out at once. */
  function aClock(): Clock & { at: number } {
    const clock = {
      at: 0,
      now: () => clock.at,
      monotonic: () => clock.at,
      after: (_: number, fn: () => void) => {
        const timer = setImmediate(() => setImmediate(fn));
        return () => clearImmediate(timer);
      },
    };
    return clock;
  }

  test('at most once in a while, however frequent scrapes are', async () => {
    const reads = { count: 0 };
    const clock = aClock();
    const sampler = createStoreSampler(store(reads), clock);
    await Promise.all([sampler.sample([0]), sampler.sample([0])]);
    expect(await sampler.sample([0])).toMatchObject({
      oldestDueAt: 5,
      whole: { pending: 1, deadLetters: [] },
    });
    expect(reads.count).toBe(1);
    clock.at = 16_000;
    await sampler.sample([0]);
    expect(reads.count).toBe(2);
  });

  test('a store that fails or hangs holds no scrape up, and an old answer is not passed for a new one', async () => {
    const reads: { count: number; fail?: boolean; hang?: boolean } = { count: 0 };
    const clock = aClock();
    const sampler = createStoreSampler(store(reads), clock);
    await sampler.sample([3]);
    reads.fail = true;
    clock.at = 30_000;
    expect(await sampler.sample([3])).toMatchObject({ oldestDueAt: 5, whole: null });
    clock.at = 61_000;
    reads.fail = false;
    reads.hang = true;
    expect(await sampler.sample([3])).toBeNull();
  });
});
