import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Engine, EngineObserver } from '../engine/port.ts';

export interface Metrics {
  readonly observer: EngineObserver;
  readonly contentType: string;
  setResidue(residue: number): void;
  setFiring(firing: { readonly page: number; readonly ticket: number }): void;
  watch(engine: Engine): void;
  render(): Promise<string>;
}

/** Prometheus metrics; no label has a value that callers choose. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const events = new Counter({ name: 'posthorn_events_accepted_total', help: 'Events accepted', registers });
  const deliveries = new Counter({
    name: 'posthorn_deliveries_accepted_total',
    help: 'Deliveries accepted',
    registers,
  });
  const attempts = new Counter({
    name: 'posthorn_attempts_total',
    help: 'Attempts by outcome',
    labelNames: ['outcome', 'error_class'],
    registers,
  });
  const durations = new Histogram({
    name: 'posthorn_attempt_duration_seconds',
    help: 'Time of an attempt',
    labelNames: ['outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60],
    registers,
  });
  const failures = new Counter({
    name: 'posthorn_store_failures_total',
    help: 'Times the store began to refuse writes',
    registers,
  });
  const residue = new Gauge({
    name: 'posthorn_conservation_residue',
    help: 'Deliveries unaccounted for at the last reconciliation: anything but 0 is a page',
    registers,
  });
  const reconciled = new Gauge({
    name: 'posthorn_last_reconciliation_timestamp_seconds',
    help: 'When the books were last checked',
    registers,
  });
  const firing = new Gauge({
    name: 'posthorn_alerts_firing',
    help: 'Alerts that fire, by severity',
    labelNames: ['severity'],
    registers,
  });
  const evaluated = new Gauge({
    name: 'posthorn_last_evaluation_timestamp_seconds',
    help: 'When the alert rules were last judged: on one node at a time',
    registers,
  });
  // Resolving labels costs more than counting; there are as many as outcomes times classes.
  const children = new Map<
    string,
    { readonly count: Counter.Internal; readonly duration: Histogram.Internal<'outcome'> }
  >();
  return {
    contentType: registry.contentType,
    observer: {
      accepted: (newEvents, newDeliveries) => {
        events.inc(newEvents);
        deliveries.inc(newDeliveries);
      },
      attempted: (outcome, errorClass, durationMs) => {
        const key = `${outcome} ${errorClass}`;
        let child = children.get(key);
        if (child === undefined) {
          child = {
            count: attempts.labels({ outcome, error_class: errorClass ?? '' }),
            duration: durations.labels({ outcome }),
          };
          children.set(key, child);
        }
        child.count.inc();
        child.duration.observe(durationMs / 1000);
      },
      storeFailed: () => failures.inc(),
    },
    setResidue: (value) => {
      residue.set(value);
      reconciled.setToCurrentTime();
    },
    setFiring: ({ page, ticket }) => {
      firing.labels({ severity: 'page' }).set(page);
      firing.labels({ severity: 'ticket' }).set(ticket);
      evaluated.setToCurrentTime();
    },
    watch: (engine) => {
      new Gauge({
        name: 'posthorn_in_flight',
        help: 'Attempts in flight',
        registers,
        collect() {
          this.set(engine.status().inFlight);
        },
      });
    },
    render: () => registry.metrics(),
  };
}
