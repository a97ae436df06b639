import { Counter, Gauge, type Registry } from 'prom-client';
import type { OnProgress } from '../../reliability/evaluator.ts';

/**
 * Objectives as counters: what came past its deadline, and what of it does not spend the shared budget. A receiver's own
 * failures are counted in `posthorn_slo_bad_total` under its fault domain, and spend nobody else's budget.
 */
export function objectiveMetrics(registry: Registry): OnProgress {
  const registers = [registry];
  const total = new Counter({
    name: 'posthorn_slo_total',
    help: 'Deliveries past their deadline, by objective',
    labelNames: ['slo'],
    registers,
  });
  const good = new Counter({
    name: 'posthorn_slo_good_total',
    help: 'Of these, those that do not spend the shared error budget',
    labelNames: ['slo'],
    registers,
  });
  const bad = new Counter({
    name: 'posthorn_slo_bad_total',
    help: 'Of these, those that were not delivered in time, by whose fault it was',
    labelNames: ['slo', 'fault_domain'],
    registers,
  });
  const target = new Gauge({
    name: 'posthorn_slo_target_ratio',
    help: "The objective's target",
    labelNames: ['slo'],
    registers,
  });
  return (objectives, progress) => {
    // What this node no longer judges it says nothing of.
    target.reset();
    for (const { name, target: ratio } of objectives) {
      const { due, badBy } = progress.get(name)!;
      target.set({ slo: name }, ratio);
      total.inc({ slo: name }, due);
      good.inc({ slo: name }, due - badBy.ours);
      bad.inc({ slo: name, fault_domain: 'ours' }, badBy.ours);
      bad.inc({ slo: name, fault_domain: 'receiver' }, badBy.receiver);
    }
  };
}
