import type { AuthenticationFailure } from '../../http/authentication.ts';
import type { Engine, EngineObserver } from '../../engine/port.ts';
import type { Reconciliation } from '../../ledger/reconciler.ts';
import type { Clock } from '../../runtime/clock.ts';
import { boundedLabel } from './bounded-label.ts';
import type { OnProgress } from '../../reliability/evaluator.ts';
import { deliveryMetrics } from './delivery-metrics.ts';
import { objectiveMetrics } from './objective-metrics.ts';
import { processMetrics } from './process-metrics.ts';
import { Registry } from './registry.ts';
import { type State, stateMetrics } from './state-metrics.ts';
import type { StoreSampler } from './store-sample.ts';

/** Endpoints with time series of their own; all others share `other`. */
const maxEndpoints = 200;

export interface Metrics {
  readonly observer: EngineObserver;
  reconciled(result: Reconciliation): void;
  evaluated(firing: { readonly page: number; readonly ticket: number }): void;
  readonly authenticationFailed: (reason: AuthenticationFailure) => void;
  readonly progressed: OnProgress;
  watch(engine: Engine): void;
  render(): Promise<string>;
}

export interface MetricsOptions {
  readonly sampler: StoreSampler;
  readonly clock: Clock;
  /** Facts that do not change while the process lives. */
  readonly build: { readonly version: string; readonly store: 'sqlite' | 'postgres' };
  readonly deadRetentionMs: number;
  /** Lines of the log that could not be written, since the start. */
  readonly droppedLogLines?: () => number;
}

/**
 * Prometheus metrics: base units, `_total` for counters, and labels with a limited number of values. An event's id is
 * never a label. docs/reference/metrics.md lists them.
 */
export function createMetrics(options: MetricsOptions): Metrics {
  const { sampler, clock, build, deadRetentionMs } = options;
  const registry = new Registry();
  const updateProcess = processMetrics(registry, clock.now() - process.uptime() * 1000);
  registry
    .gauge({
      name: 'posthorn_build_info',
      help: 'Always 1: the version that runs here, and the kind of its store',
      labels: ['version', 'store', 'node_version'],
    })
    .at({ ...build, node_version: process.version }).value = 1;
  registry
    .gauge({
      name: 'posthorn_dead_letter_retention_seconds',
      help: 'Dead letters older than this are deleted',
    })
    .at({}).value = deadRetentionMs / 1000;
  const droppedLogLines = registry
    .counter({
      name: 'posthorn_log_lines_dropped_total',
      help: 'Log lines that could not be written: the disk is full, or the reader is gone',
    })
    .at({});
  const authenticationFailures = registry.counter({
    name: 'posthorn_authentication_failures_total',
    help: 'Requests refused because they had no valid key, by reason',
    labels: ['reason'],
  });

  const endpointLabel = boundedLabel(maxEndpoints);
  const observer = deliveryMetrics(registry, endpointLabel);
  const progressed = objectiveMetrics(registry);
  const update = stateMetrics(registry, endpointLabel);
  let engine: Engine | null = null;
  let ledger: State['ledger'] = null;
  let alerts: State['alerts'] = null;
  return {
    observer,
    progressed,
    authenticationFailed: (reason) => {
      authenticationFailures.at({ reason }).value++;
    },
    reconciled: (result) => {
      ledger = { result, at: clock.now() };
    },
    evaluated: (firing) => {
      alerts = { ...firing, at: clock.now() };
    },
    watch: (watched) => {
      engine = watched;
    },
    render: async () => {
      const status = engine?.status() ?? null;
      const sample = await sampler.sample(status?.shards ?? []);
      update({ status, sample, ledger, alerts, now: clock.now() });
      updateProcess();
      droppedLogLines.value = options.droppedLogLines?.() ?? 0;
      return registry.render();
    },
  };
}
