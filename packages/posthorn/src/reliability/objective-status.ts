import type { FaultDomain } from '../domain/attempt.ts';
import type { ScopedObjective } from '../domain/objective.ts';
import { wilson } from '../domain/statistics.ts';
import type { Counts } from './counts.ts';
import type { DomainCounts, ObjectiveWindows } from './objective-counts.ts';
import { type BurnRateRule, defaultRules, evaluate, type Evidence, type SlowLeakRule } from './rules.ts';

const burnRules = defaultRules.filter((rule): rule is BurnRateRule => rule.kind === 'burn_rate');
const leakRules = defaultRules.filter((rule): rule is SlowLeakRule => rule.kind === 'slow_leak');

/** Every window length that the rules read. */
export const ruleWindowsMs: readonly number[] = [
  ...burnRules.flatMap(({ longMs, shortMs }) => [longMs, shortMs]),
  ...leakRules.flatMap(({ windowsMs }) => windowsMs),
];

export interface BurnStatus {
  readonly rule: BurnRateRule;
  readonly rateLong: number;
  readonly rateShort: number;
  readonly evidence: Evidence;
}

export interface LeakStatus {
  readonly rule: SlowLeakRule;
  readonly evidence: Evidence;
}

/** One side's account of an objective. */
export interface DomainStatus {
  readonly bad: number;
  /** The share that this side did not spoil; null if nothing was due. */
  readonly sli: number | null;
  /** What is left of the error budget: 1 is all of it, below 0 it is overspent; null if nothing was due. */
  readonly budgetRemaining: number | null;
  readonly burn: readonly BurnStatus[];
  readonly leaks: readonly LeakStatus[];
}

export interface ObjectiveStatus {
  readonly due: number;
  readonly good: number;
  readonly sli: number | null;
  /** Wilson interval at 95%. */
  readonly interval: readonly [number, number];
  readonly by: Readonly<Record<FaultDomain, DomainStatus>>;
  /** Endpoints by what they spoiled, the worst first. */
  readonly worst: readonly { readonly endpointId: string; readonly counts: DomainCounts }[];
}

/** The counts that one side answers for. */
function sideCounts({ due, badBy }: DomainCounts, side: FaultDomain): Counts {
  return { due, bad: badBy[side] };
}

function domainStatus(
  { target, windowMs }: ScopedObjective,
  windows: ObjectiveWindows,
  side: FaultDomain,
): DomainStatus {
  // The windows include the deadline: each endpoint's is shifted back by it.
  const objective = { target, windowMs, withinMs: 0 };
  const window = (lengthMs: number): Counts => sideCounts(windows.window(lengthMs), side);
  const { due, bad } = window(windowMs);
  const rate = (lengthMs: number): number => {
    const counts = window(lengthMs);
    return counts.due === 0 ? 0 : counts.bad / counts.due / (1 - target);
  };
  return {
    bad,
    sli: due === 0 ? null : 1 - bad / due,
    budgetRemaining: due === 0 ? null : 1 - bad / due / (1 - target),
    burn: burnRules.map((rule) => ({
      rule,
      rateLong: rate(rule.longMs),
      rateShort: rate(rule.shortMs),
      evidence: evaluate(rule, objective, window, 0),
    })),
    leaks: leakRules.map((rule) => ({ rule, evidence: evaluate(rule, objective, window, 0) })),
  };
}

/** Returns the status of an objective from windows that include its own. */
export function objectiveStatus(objective: ScopedObjective, windows: ObjectiveWindows): ObjectiveStatus {
  const { due, bad } = windows.window(objective.windowMs);
  return {
    due,
    good: due - bad,
    sli: due === 0 ? null : 1 - bad / due,
    interval: wilson(due - bad, due),
    by: {
      sender: domainStatus(objective, windows, 'sender'),
      receiver: domainStatus(objective, windows, 'receiver'),
    },
    worst: [...windows.byEndpoint(objective.windowMs)]
      .map(([endpointId, counts]) => ({ endpointId, counts }))
      .filter(({ counts }) => counts.bad > 0)
      .toSorted((a, b) => b.counts.bad - a.counts.bad),
  };
}
