import { promDuration, share } from '../prometheus/rule-file.ts';
import { sloMetrics, unreachable } from '../prometheus/slo-rules.ts';
import { type BurnRateRule, defaultRules } from '../rules.ts';
import type { NamedSlo } from '../../domain/objective.ts';
import { annotation, nearlyOne, type OpenSloDocument, rfcName } from './documents.ts';

const apiVersion = 'openslo/v1';
const burnRules = defaultRules.filter((rule) => rule.kind === 'burn_rate');

function exportAnnotations(slo: NamedSlo): Record<string, string> {
  const list = (values: readonly string[] | undefined): string | undefined =>
    values === undefined ? undefined : JSON.stringify(values);
  const all: Record<string, string | undefined> = {
    name: rfcName(slo.name) === slo.name ? undefined : slo.name,
    objective: slo.objective,
    target: slo.target === 1 ? '1' : undefined,
    'event-types': list(slo.event_types.join() === '*' ? undefined : slo.event_types),
    tenant: slo.tenant,
    'endpoint-ids': list(slo.endpoint_ids.length === 0 ? undefined : slo.endpoint_ids),
    producer: slo.producer,
    consumer: slo.consumer,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[annotation(name), value]])),
  );
}

const metric = (name: string, slo: string): Record<string, unknown> => ({
  metricSource: { type: 'Prometheus', spec: { query: `sum(${name}{slo="${slo}"})` } },
});

const policyName = (slo: NamedSlo, rule: BurnRateRule): string => rfcName(`${slo.name}-${rule.name}`);
const targetName = (team: string): string => rfcName(`team-${team}`);

function exportSlo(slo: NamedSlo, rules: readonly BurnRateRule[]): OpenSloDocument {
  return {
    apiVersion,
    kind: 'SLO',
    metadata: { name: rfcName(slo.name), annotations: exportAnnotations(slo) },
    spec: {
      ...(slo.description === '' ? {} : { description: slo.description }),
      service: rfcName(slo.producer),
      indicatorRef: rfcName(slo.name),
      timeWindow: [{ duration: `${slo.window_days}d`, isRolling: true }],
      budgetingMethod: 'Occurrences',
      objectives: [{ target: slo.target === 1 ? nearlyOne : slo.target }],
      ...(rules.length === 0
        ? {}
        : { alertPolicies: rules.map((rule) => ({ alertPolicyRef: policyName(slo, rule) })) }),
    },
  };
}

function exportSli(slo: NamedSlo): OpenSloDocument {
  return {
    apiVersion,
    kind: 'SLI',
    metadata: { name: rfcName(slo.name) },
    spec: {
      description: 'Accepted events past their deadline, measured by Posthorn.',
      ratioMetric: {
        counter: true,
        good: metric(sloMetrics.good, slo.name),
        total: metric(sloMetrics.total, slo.name),
      },
    },
  };
}

/** A policy has one condition, so each pair of windows is its own policy; the short window is `alertAfter`. */
function exportPolicy(slo: NamedSlo, rule: BurnRateRule): OpenSloDocument {
  return {
    apiVersion,
    kind: 'AlertPolicy',
    metadata: { name: policyName(slo, rule) },
    spec: {
      alertWhenBreaching: true,
      alertWhenResolved: true,
      alertWhenNoData: false,
      conditions: [{ conditionRef: rfcName(rule.name) }],
      notificationTargets: [...new Set([slo.producer, slo.consumer])].map((team) => ({
        targetRef: targetName(team),
      })),
    },
  };
}

function exportCondition(rule: BurnRateRule): OpenSloDocument {
  return {
    apiVersion,
    kind: 'AlertCondition',
    metadata: { name: rfcName(rule.name) },
    spec: {
      severity: rule.severity,
      condition: {
        kind: 'burnrate',
        threshold: rule.factor,
        lookbackWindow: promDuration(rule.longMs),
        alertAfter: promDuration(rule.shortMs),
      },
    },
  };
}

/**
 * Converts objectives to OpenSLO documents: an SLO and its SLI each, and an AlertPolicy for each burn rate; conditions
 * and targets are shared. Annotations keep what OpenSLO lacks a field for, so that `fromOpenSlo` restores the same
 * objectives.
 */
export function toOpenSlo(slos: readonly NamedSlo[]): OpenSloDocument[] {
  const used = new Set<BurnRateRule>();
  const teams = new Set<string>();
  const own = slos.flatMap((slo) => {
    const never = unreachable(slo);
    const rules = share(1 - slo.target) === 0 ? [] : burnRules.filter(({ name }) => !never.includes(name));
    for (const rule of rules) used.add(rule);
    if (rules.length > 0) teams.add(slo.producer).add(slo.consumer);
    return [exportSlo(slo, rules), exportSli(slo), ...rules.map((rule) => exportPolicy(slo, rule))];
  });
  const targets = [...teams].map<OpenSloDocument>((team) => ({
    apiVersion,
    kind: 'AlertNotificationTarget',
    metadata: { name: targetName(team) },
    spec: { description: `The channels of team ${team}.`, target: 'posthorn' },
  }));
  return [...own, ...burnRules.filter((rule) => used.has(rule)).map(exportCondition), ...targets];
}
