import type { OnProgress } from '../../reliability/evaluator.ts';
import type { Registry } from './registry.ts';

/**
 * Objectives as counters: what passed its deadline, and the part of it that does not spend the shared budget.
 * `posthorn_slo_bad_total` counts a receiver's own failures under its fault domain; they spend no other budget.
 */
export function objectiveMetrics(registry: Registry): OnProgress {
  const total = registry.counter({
    name: 'posthorn_slo_total',
    help: 'Deliveries past their deadline, by objective',
    labels: ['slo'],
  });
  const good = registry.counter({
    name: 'posthorn_slo_good_total',
    help: 'Of these, those that do not spend the shared error budget',
    labels: ['slo'],
  });
  const bad = registry.counter({
    name: 'posthorn_slo_bad_total',
    help: 'Of these, those that were not delivered in time, by whose fault it was',
    labels: ['slo', 'fault_domain'],
  });
  const target = registry.gauge({
    name: 'posthorn_slo_target_ratio',
    help: "The objective's target",
    labels: ['slo'],
  });
  return (objectives, progress) => {
    // This node exposes nothing about objectives that it no longer evaluates.
    target.clear();
    for (const { name, target: ratio } of objectives) {
      const { due, badBy } = progress.get(name)!;
      target.at({ slo: name }).value = ratio;
      total.at({ slo: name }).value += due;
      good.at({ slo: name }).value += due - badBy.sender;
      bad.at({ slo: name, fault_domain: 'sender' }).value += badBy.sender;
      bad.at({ slo: name, fault_domain: 'receiver' }).value += badBy.receiver;
    }
  };
}
