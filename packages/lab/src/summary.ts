import type { NaiveExample, PosthornResult, SeedResult } from './run.ts';
import type { Scenario } from './scenario.ts';
import type { Violation } from './step-checker.ts';

interface AtRisk {
  readonly currency: string;
  readonly amount_minor: number;
}

/** What a run of the lab says, over all its seeds: the shape of `posthorn lab --json`. */
export interface LabSummary {
  readonly scenario: string;
  /** The first seed. */
  readonly seed: number;
  readonly seeds: number;
  readonly payments: number;
  readonly simulated_days: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly naive: {
    readonly accepted: number;
    readonly delivered: number;
    readonly silently_dropped: number;
    readonly silent_drop_rate: number;
    readonly given_up: number;
    readonly late: number;
    readonly duplicated: number;
    readonly value_at_risk: readonly AtRisk[];
    readonly value_at_risk_per_week: readonly AtRisk[];
  } | null;
  readonly posthorn: PosthornResult;
  readonly failures: readonly {
    readonly seed: number;
    readonly kind: FailureKind;
    readonly violations: readonly Violation[];
  }[];
  readonly seconds: number;
  readonly seeds_per_s: number;
}

/** Correctness: something was lost, twice, or out of order. Liveness: something never ends. Crash: the code threw. */
export type FailureKind = 'correctness' | 'liveness' | 'crash';

function failureKind(violations: readonly Violation[]): FailureKind {
  if (violations.some(({ invariant }) => invariant !== 'liveness' && invariant !== 'defect'))
    return 'correctness';
  return violations.some(({ invariant }) => invariant === 'defect') ? 'crash' : 'liveness';
}

function addUp(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const record of records)
    for (const [key, n] of Object.entries(record)) sums[key] = (sums[key] ?? 0) + n;
  return Object.fromEntries(Object.entries(sums).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** `answers` in the order of the seeds; parts of one world count as one seed, and pass at the same time. */
export function summarize(
  scenario: Scenario,
  answers: readonly { readonly seed: number; readonly answer: SeedResult | Error }[],
  options: {
    readonly seed: number;
    readonly seeds: number;
    readonly parts: number;
    readonly seconds: number;
  },
): LabSummary {
  const results = answers.flatMap(({ answer }) => (answer instanceof Error ? [] : [answer]));
  const sum = (of: (result: SeedResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  return {
    scenario: scenario.name,
    seed: options.seed,
    seeds: options.seeds,
    payments: sum(({ payments }) => payments),
    simulated_days: Number((sum(({ simulatedHours }) => simulatedHours) / options.parts / 24).toFixed(3)),
    faults: addUp(results.map(({ faults }) => faults)),
    naive: naiveSummary(scenario, results, options.seeds),
    posthorn: {
      attempted: sum(({ posthorn }) => posthorn.attempted),
      acknowledged: sum(({ posthorn }) => posthorn.acknowledged),
      recovered: sum(({ posthorn }) => posthorn.recovered),
      accepted: sum(({ posthorn }) => posthorn.accepted),
      delivered: sum(({ posthorn }) => posthorn.delivered),
      dead: sum(({ posthorn }) => posthorn.dead),
      cancelled: sum(({ posthorn }) => posthorn.cancelled),
      suppressed: sum(({ posthorn }) => posthorn.suppressed),
      lost: sum(({ posthorn }) => posthorn.lost),
      unexpected: sum(({ posthorn }) => posthorn.unexpected),
      late: sum(({ posthorn }) => posthorn.late),
      duplicated: sum(({ posthorn }) => posthorn.duplicated),
      duplicate_causes: addUp(results.map(({ posthorn }) => posthorn.duplicate_causes)),
      superseded: sum(({ posthorn }) => posthorn.superseded),
      unaccounted: sum(({ posthorn }) => posthorn.unaccounted),
      steps_checked: sum(({ posthorn }) => posthorn.steps_checked),
    },
    failures: answers.flatMap(({ seed, answer }): LabSummary['failures'][number][] => {
      if (answer instanceof Error)
        return [
          { seed, kind: 'crash', violations: [{ invariant: 'defect', at: 0, message: answer.message }] },
        ];
      const { violations } = answer;
      return violations.length === 0 ? [] : [{ seed, kind: failureKind(violations), violations }];
    }),
    seconds: Number(options.seconds.toFixed(2)),
    seeds_per_s: Number((options.seeds / options.seconds).toFixed(2)),
  };
}

function naiveSummary(
  { value: { currency }, hours }: Scenario,
  results: readonly SeedResult[],
  seeds: number,
): LabSummary['naive'] {
  const naives = results.flatMap(({ naive }) => (naive === null ? [] : [naive]));
  if (naives.length === 0) return null;
  const sum = (of: (naive: (typeof naives)[number]) => number): number =>
    naives.reduce((total, naive) => total + of(naive), 0);
  const accepted = sum((naive) => naive.accepted);
  const dropped = sum(({ silently_dropped: n }) => n);
  const droppedMinor = sum(({ dropped_minor: n }) => n);
  const weeks = (hours / 168) * seeds;
  return {
    accepted,
    delivered: sum(({ delivered }) => delivered),
    silently_dropped: dropped,
    silent_drop_rate: accepted === 0 ? 0 : dropped / accepted,
    given_up: sum(({ given_up: n }) => n),
    late: sum(({ late }) => late),
    duplicated: sum(({ duplicated }) => duplicated),
    value_at_risk: [{ currency, amount_minor: droppedMinor }],
    value_at_risk_per_week: [{ currency, amount_minor: Math.round(droppedMinor / weeks) }],
  };
}

/** Examples of the naive sender's drops, from whichever part has them. */
export function pickExamples(answers: readonly { readonly answer: SeedResult | Error }[]): NaiveExample[] {
  return answers
    .flatMap(({ answer }) => (answer instanceof Error ? [] : (answer.naive?.examples ?? [])))
    .slice(0, 3);
}
