import { defaultRules, toleratedLeak } from '../rules.ts';
import type { NamedSlo } from '../../domain/objective.ts';
import { type AlertingRule, promDuration, type RecordingRule, type RuleGroup, share } from './rule-file.ts';

const day = 86_400_000;

/** What Posthorn exposes about its objectives; the rules use only these metrics. */
export const sloMetrics = {
  good: 'posthorn_slo_good_total',
  total: 'posthorn_slo_total',
  target: 'posthorn_slo_target_ratio',
} as const;

const burnRules = defaultRules.filter((rule) => rule.kind === 'burn_rate');
const leakRules = defaultRules.filter((rule) => rule.kind === 'slow_leak');

/**
 * The evidence a rule needs before it accepts that this many bad events are not chance: -ln of the tolerated error
 * probability. PromQL lacks a binomial distribution, so the tail is bounded after Chernoff, by the Poisson's: P(X ≥ k) ≤
 * exp(-(k ln(k/λ) - k + λ)). What passes the bound passes the exact test that Posthorn itself makes; at the margin it
 * asks for slightly more.
 */
export function surprise(bad: number, expected: number): number {
  return bad * Math.log(bad / expected) - bad + expected;
}

const nats = (chance: number): number => Number((-Math.log(chance)).toFixed(2));

function surpriseExpression(window: string, slo: string, tolerated: number): string {
  const bad = `slo:sli_errors:increase${window}{slo="${slo}"}`;
  const expected = `slo:sli_events:increase${window}{slo="${slo}"} * ${tolerated}`;
  return `${bad} * ln(${bad} / (${expected})) - ${bad} + ${expected}`;
}

/** Events past their deadline, the bad ones among them, and their ratio: sums over sums, never a mean of ratios. */
function windowRules(slo: string, windowMs: number): RecordingRule[] {
  const window = promDuration(windowMs);
  const of = `{slo="${slo}"}`;
  const sum = (metric: string): string => `sum by (slo) (increase(${metric}${of}[${window}]))`;
  return [
    { record: `slo:sli_events:increase${window}`, expr: sum(sloMetrics.total) },
    {
      record: `slo:sli_errors:increase${window}`,
      expr: `clamp_min(${sum(sloMetrics.total)} - ${sum(sloMetrics.good)}, 0)`,
    },
    {
      record: `slo:sli_error:ratio_rate${window}`,
      expr: `slo:sli_errors:increase${window}${of} / (slo:sli_events:increase${window}${of} > 0)`,
    },
  ];
}

/** Facts of the objective as series, so that a dashboard can draw every objective with one query. */
function factRules(slo: NamedSlo, budget: number): RecordingRule[] {
  const labels = { slo: slo.name, producer: slo.producer, consumer: slo.consumer };
  const of = `{slo="${slo.name}"}`;
  const period = `${slo.window_days}d`;
  return [
    { record: 'slo:objective:ratio', expr: `vector(${slo.target})`, labels },
    { record: 'slo:error_budget:ratio', expr: `vector(${budget})`, labels },
    { record: 'slo:time_period:days', expr: `vector(${slo.window_days})`, labels },
    // A burn rate needs a budget.
    ...(budget === 0
      ? []
      : [
          {
            record: 'slo:current_burn_rate:ratio',
            expr: `slo:sli_error:ratio_rate5m${of} / ${budget}`,
            labels,
          },
          {
            record: 'slo:period_burn_rate:ratio',
            expr: `slo:sli_error:ratio_rate${period}${of} / ${budget}`,
            labels,
          },
          {
            record: 'slo:period_error_budget_remaining:ratio',
            expr: `1 - slo:period_burn_rate:ratio${of}`,
            labels,
          },
        ]),
  ];
}

function burnAlerts(slo: NamedSlo, budget: number, labels: Record<string, string>): AlertingRule[] {
  return burnRules
    .filter((rule) => share(rule.factor * budget) < 1)
    .map((rule) => {
      const [long, short] = [promDuration(rule.longMs), promDuration(rule.shortMs)];
      const burn = (window: string): string =>
        `slo:sli_error:ratio_rate${window}{slo="${slo.name}"} / ${budget} > ${rule.factor}`;
      const gate =
        rule.pValue === null
          ? []
          : [`slo:sli_error:surprise${long}{slo="${slo.name}"} > ${nats(rule.pValue)}`];
      const days = Number((slo.window_days / rule.factor).toPrecision(2));
      return {
        alert: 'PosthornSloBurn',
        expr: [burn(long), burn(short), ...gate].map((part) => `(${part})`).join('\nand '),
        labels: { ...labels, rule: rule.name, severity: rule.severity },
        annotations: {
          summary: `${slo.name}: the error budget is spent {{ $value | humanize }} times as fast as allowed`,
          description: `Over ${long}, and still over ${short}, more is late or lost than ${rule.factor === 1 ? '' : `${rule.factor} times `}what ${slo.producer} and ${slo.consumer} agreed on. At a burn rate of ${rule.factor} the budget of ${slo.window_days} days lasts ${days} days.`,
          next_step: `posthorn slo status ${slo.name}; posthorn dead-letters`,
        },
      };
    });
}

function leakAlerts(slo: NamedSlo, tolerated: number, labels: Record<string, string>): AlertingRule[] {
  return leakRules.map((rule) => ({
    alert: 'PosthornSloSlowLeak',
    expr: rule.windowsMs
      .map((ms) => {
        const window = promDuration(ms);
        const of = `{slo="${slo.name}"}`;
        return `((slo:sli_error:ratio_rate${window}${of} > ${tolerated}) and (slo:sli_leak:surprise${window}${of} > ${nats(rule.pValue)}))`;
      })
      .join('\nor '),
    labels: { ...labels, rule: rule.name, severity: rule.severity },
    annotations: {
      summary: `${slo.name}: {{ $value | humanizePercentage }} is steadily late or lost`,
      description: `More than ${share(tolerated * 100)}% over one to three days, and too many for chance. Too slow for burn rates; silent drops look like this.`,
      next_step: `posthorn slo status ${slo.name}; posthorn verify`,
    },
  }));
}

/** For an objective without a budget: one delivery is too many. */
function brokenAlert({ name, producer, consumer }: NamedSlo, labels: Record<string, string>): AlertingRule {
  return {
    alert: 'PosthornSloBroken',
    // Half a delivery, because increase() extrapolates.
    expr: `slo:sli_errors:increase1h{slo="${name}"} > 0.5`,
    labels: { ...labels, rule: 'no-budget', severity: 'page' },
    annotations: {
      summary: `${name}: {{ $value | humanize }} in an hour, where the objective is none`,
      description: `${producer} and ${consumer} agreed that nothing of this is ever missing.`,
      next_step: 'posthorn verify',
    },
  };
}

/** Alerts about the rules themselves: their objective is not measured, or is another one by now. */
function exportAlerts({ name, target }: NamedSlo, labels: Record<string, string>): AlertingRule[] {
  return [
    {
      alert: 'PosthornSloAbsent',
      expr: `absent(${sloMetrics.total}{slo="${name}"})\nor absent(${sloMetrics.good}{slo="${name}"})`,
      for: '10m',
      labels: { ...labels, severity: 'ticket' },
      annotations: {
        summary: `${name}: the objective is not measured`,
        description:
          'No Posthorn exposes this objective: it was deleted or renamed, or its metrics are not scraped.',
        next_step: 'posthorn apply -f posthorn.yaml --dry-run; posthorn rules export',
      },
    },
    {
      alert: 'PosthornSloTargetDiffers',
      expr: `abs(max by (slo) (${sloMetrics.target}{slo="${name}"}) - ${target}) > 1e-9`,
      for: '10m',
      labels: { ...labels, severity: 'ticket' },
      annotations: {
        summary: `${name}: these rules were exported for another target`,
        description: `The rules say ${target}; Posthorn says otherwise.`,
        next_step: 'posthorn rules export',
      },
    },
  ];
}

/**
 * Rules of one objective: windows, facts, burn rates with a gate for low traffic, the slow leak, and an alert for its
 * absence.
 */
export function sloRules(slo: NamedSlo): RuleGroup {
  const { name, target } = slo;
  const budget = share(1 - target);
  const labels = { slo: name, producer: slo.producer, consumer: slo.consumer };
  const tolerated = share(toleratedLeak(target));
  const windows = new Set<number>([300_000, slo.window_days * day]);
  const long = new Set<number>();
  if (budget > 0) {
    for (const { longMs, shortMs } of burnRules) {
      windows.add(longMs).add(shortMs);
      long.add(longMs);
    }
    for (const { windowsMs } of leakRules) for (const ms of windowsMs) windows.add(ms);
  } else windows.add(3_600_000);

  const surprises = [...long].map((ms) => ({
    record: `slo:sli_error:surprise${promDuration(ms)}`,
    expr: surpriseExpression(promDuration(ms), name, budget),
  }));
  const leaks = leakRules
    .flatMap(({ windowsMs }) => windowsMs)
    .map((ms) => ({
      record: `slo:sli_leak:surprise${promDuration(ms)}`,
      expr: surpriseExpression(promDuration(ms), name, tolerated),
    }));
  const alerts: AlertingRule[] =
    budget > 0
      ? [...burnAlerts(slo, budget, labels), ...leakAlerts(slo, tolerated, labels)]
      : [brokenAlert(slo, labels)];
  return {
    name: `posthorn-slo-${name}`,
    interval: '1m',
    rules: [
      ...[...windows].toSorted((a, b) => a - b).flatMap((ms) => windowRules(name, ms)),
      ...factRules(slo, budget),
      ...(budget > 0 ? [...surprises, ...leaks] : []),
      ...alerts,
      ...exportAlerts(slo, labels),
    ].map((rule) => ('record' in rule && !('labels' in rule) ? { ...rule, labels } : rule)),
  };
}

/** Alerts that this objective is too loose for: this many times its budget would be more than everything. */
export function unreachable(slo: NamedSlo): string[] {
  const budget = share(1 - slo.target);
  return burnRules.filter(({ factor }) => share(factor * budget) >= 1).map(({ name }) => name);
}
