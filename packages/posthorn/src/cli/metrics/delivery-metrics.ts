import { isAttempt } from '../../domain/settlement.ts';
import type { EngineObserver } from '../../engine/port.ts';
import type { Cell, Distribution, Registry } from './registry.ts';

/** Up to the longest timeout (60 s) and beyond, so that an attempt that timed out has its own bucket. */
const attemptBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 60, 90];
/** From the fast path to the end of the default schedule, with the usual deadlines among them. */
const latencyBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600,
  86_400, 259_200,
];

/** What passes through this node, counted when it is committed: the sum over all nodes is the whole. */
export function deliveryMetrics(registry: Registry, endpointLabel: (id: string) => string): EngineObserver {
  const counter = (name: string, help: string): Cell => registry.counter({ name, help }).at({});
  const events = counter(
    'posthorn_events_accepted_total',
    'Events accepted by this node, without duplicates',
  );
  const deliveries = counter('posthorn_deliveries_accepted_total', 'Deliveries created for these events');
  const attemptOf = attemptCounters(registry);
  const endpointAttemptsOf = endpointCounters(registry, endpointLabel);
  const latencies = registry
    .histogram(
      {
        name: 'posthorn_delivery_latency_seconds',
        help: 'Time from acceptance to delivery, including retries and waiting',
      },
      latencyBuckets,
    )
    .at({});
  const failures = counter('posthorn_store_failures_total', 'Times the store began to refuse writes');

  return {
    accepted: (newEvents, newDeliveries) => {
      events.value += newEvents;
      deliveries.value += newDeliveries;
    },
    settled: (settlement, answer) => {
      if (!isAttempt(settlement)) return;
      const { endpointId, state, errorClass, durationMs, now, createdAt } = settlement;
      const outcome = answer === 'superseded' ? answer : state === 'pending' ? 'retry' : state;
      const attempt = attemptOf(outcome, errorClass);
      attempt.count.value++;
      attempt.duration.observe(durationMs / 1000);
      endpointAttemptsOf(endpointId, outcome).value++;
      if (outcome === 'delivered') latencies.observe(Math.max(0, now - createdAt) / 1000);
    },
    storeFailed: () => {
      failures.value++;
    },
  };
}

interface AttemptCounters {
  readonly count: Cell;
  readonly duration: Distribution;
}

// Resolving labels costs more than counting, so the resolved ones are kept: as many as outcomes times classes here, and
// times endpoints below.
function attemptCounters(
  registry: Registry,
): (outcome: string, errorClass: string | null) => AttemptCounters {
  const attempts = registry.counter({
    name: 'posthorn_attempts_total',
    help: 'Attempts settled, by outcome and error class; superseded: another attempt had settled the delivery',
    labels: ['outcome', 'error_class'],
  });
  const durations = registry.histogram(
    {
      name: 'posthorn_attempt_duration_seconds',
      help: 'Duration of one attempt, from connecting to the end of the answer',
      labels: ['outcome'],
    },
    attemptBuckets,
  );
  const children = new Map<string, AttemptCounters>();
  return (outcome, errorClass) => {
    const key = `${outcome} ${errorClass}`;
    let child = children.get(key);
    if (child === undefined) {
      child = {
        count: attempts.at({ outcome, error_class: errorClass ?? '' }),
        duration: durations.at({ outcome }),
      };
      children.set(key, child);
    }
    return child;
  };
}

function endpointCounters(
  registry: Registry,
  endpointLabel: (id: string) => string,
): (endpointId: string, outcome: string) => Cell {
  const attempts = registry.counter({
    name: 'posthorn_endpoint_attempts_total',
    help: 'Attempts settled, by endpoint and outcome; endpoints beyond the limit are combined in other',
    labels: ['endpoint_id', 'outcome'],
  });
  const children = new Map<string, Cell>();
  return (endpointId, outcome) => {
    const key = `${endpointId} ${outcome}`;
    let child = children.get(key);
    if (child === undefined) {
      const label = endpointLabel(endpointId);
      child = attempts.at({ endpoint_id: label, outcome });
      // Endpoints beyond the limit are looked up each time: remembering them would be the growth that the limit prevents.
      if (label === endpointId) children.set(key, child);
    }
    return child;
  };
}
