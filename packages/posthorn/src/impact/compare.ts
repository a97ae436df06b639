import { binomialTail, difference, type Estimate, newcombe, estimateShare } from '../domain/statistics.ts';
import { exactMinor } from '../domain/money.ts';
import { interval as range, percent } from '../report/figures.ts';
import { type ExposureCheck, exposureChecks, isEqual } from './exposure.ts';
import { lostCount, type Side, weekCount, weeklyVolume } from './side.ts';
import { count } from '../report/count.ts';

/** One side as `--json` prints it. */
interface SideFigures {
  readonly label: string;
  readonly from: string;
  readonly until: string;
  /** Events whose outcome is known. */
  readonly events: number;
  readonly unresolved: number;
  readonly silently_dropped: number;
  readonly acknowledged_unprocessed: number;
  readonly given_up: number;
  readonly late: number;
  /** Dropped silently, or acknowledged and not processed. */
  readonly drop_rate: number;
  readonly drop_interval: readonly [number, number];
  /** Share of what the objective allows over this time: 1 is all of it. Late, given-up and lost events all count. */
  readonly budget_burned: number;
  readonly weekly_value: readonly WeeklyFigures[];
  /** Events that were given up and recorded, over the whole side: in no other sum. */
  readonly given_up_value: readonly ValueFigures[];
  /** When the first lost event was accepted, as far as is known. */
  readonly first_lost_at: string | null;
  readonly time_to_detect: TimeToDetect | null;
  readonly notes: readonly string[];
}

interface ValueFigures {
  readonly currency: string;
  /** Exact: text if a number would not be. */
  readonly amount_minor: number | string;
  readonly events: number;
}

interface WeeklyFigures {
  readonly currency: string;
  readonly amount_minor: number;
  readonly interval: readonly [number, number];
}

/** How soon the first loss was noticed, or would have been. */
export interface TimeToDetect {
  readonly after_s: number;
  /** `people`: from `--detected`; else an alert that the store keeps, or the first rule that fires on the same history. */
  readonly by: string;
}

export interface ImpactResult {
  readonly version: 1;
  readonly before: SideFigures;
  readonly after: SideFigures;
  /** before − after, with Newcombe's interval: above zero is better. */
  readonly difference: { readonly rate: number; readonly interval: readonly [number, number] };
  readonly verdict: 'better' | 'no_difference_shown' | 'worse';
  readonly statement: string;
  /** What the previous rate would have done to the events after the change. */
  readonly if_unchanged: { readonly expected_drops: number; readonly chance_of_so_few: number };
  /** `equal` is null if the data cannot tell. */
  readonly exposure: { readonly equal: boolean | null; readonly checks: readonly ExposureCheck[] };
  /** Money per week that the change keeps from being at risk, at the volume after the change. */
  readonly recovered_per_week: readonly WeeklyFigures[];
  readonly objective: { readonly target: number };
}

export interface ImpactFacts {
  /** 0.999: one event in a thousand may be lost, given up or late. */
  readonly target: number;
  readonly detectedBefore: TimeToDetect | null;
  readonly detectedAfter: TimeToDetect | null;
}

function sideFigures(side: Side, target: number, detected: TimeToDetect | null): SideFigures {
  const { value, interval } = estimateShare(lostCount(side), side.decided);
  const bad = lostCount(side) + side.givenUp + side.late;
  const due = side.decided + side.lateUnresolved;
  return {
    label: side.label,
    from: new Date(side.from).toISOString(),
    until: new Date(side.until).toISOString(),
    events: side.decided,
    unresolved: side.unresolved,
    silently_dropped: side.silentlyDropped,
    acknowledged_unprocessed: side.acknowledgedUnprocessed,
    given_up: side.givenUp,
    late: side.late,
    drop_rate: value,
    drop_interval: interval,
    budget_burned: due === 0 ? 0 : bad / due / (1 - target),
    weekly_value: side.weekly.map(({ currency, amountMinor, interval: range }) => ({
      currency,
      amount_minor: Math.round(amountMinor),
      interval: [Math.round(range[0]), Math.round(range[1])],
    })),
    given_up_value: side.givenUpWorth.map(({ currency, amountMinor, events }) => ({
      currency,
      amount_minor: exactMinor(amountMinor),
      events,
    })),
    first_lost_at: side.firstLostAt === null ? null : new Date(side.firstLostAt).toISOString(),
    time_to_detect: detected,
    notes: side.notes,
  };
}

/** Loss per event, with an interval that is honest when nothing was lost. */
function lossPerEvent(side: Side, currency: string, meanMinor: number): Estimate {
  const eventsPerWeek = weeklyVolume(side);
  const own = side.weekly.find((week) => week.currency === currency);
  if (own !== undefined && own.events > 0)
    return {
      value: own.amountMinor / eventsPerWeek,
      interval: [own.interval[0] / eventsPerWeek, own.interval[1] / eventsPerWeek],
    };
  // None seen does not mean none: up to the upper bound of the rate, at the mean that was lost before.
  return { value: 0, interval: [0, estimateShare(lostCount(side), side.decided).interval[1] * meanMinor] };
}

function recovered(before: Side, after: Side): WeeklyFigures[] {
  const perWeek = weeklyVolume(after);
  const currencies = new Set([...before.weekly, ...after.weekly].map(({ currency }) => currency));
  return [...currencies].map((currency) => {
    const was = before.weekly.find((week) => week.currency === currency);
    // The mean loss over all lost events: each currency's share stays as it was.
    const mean =
      was === undefined || lostCount(before) === 0
        ? 0
        : (was.amountMinor * weekCount(before)) / lostCount(before);
    const { value, interval } = difference(
      lossPerEvent(before, currency, mean),
      lossPerEvent(after, currency, mean),
    );
    const scaled = (loss: number): number => Math.round(loss * perWeek);
    return { currency, amount_minor: scaled(value), interval: [scaled(interval[0]), scaled(interval[1])] };
  });
}

/** Compares the time before a change with the time after it. Zero is stated with its upper bound. */
export function compare(before: Side, after: Side, facts: ImpactFacts): ImpactResult {
  const { target, detectedBefore, detectedAfter } = facts;
  const [lostBefore, lostAfter] = [lostCount(before), lostCount(after)];
  const { value, interval } = newcombe(lostBefore, before.decided, lostAfter, after.decided);
  const verdict = interval[0] > 0 ? 'better' : interval[1] < 0 ? 'worse' : 'no_difference_shown';
  const rateBefore = lostBefore / Math.max(1, before.decided);
  const checks = exposureChecks(before, after);
  const was = sideFigures(before, target, detectedBefore);
  const is = sideFigures(after, target, detectedAfter);
  const rates =
    lostAfter === 0
      ? `${count(is.events)} events after the change, none silently lost: at 95% the rate is below ${percent(is.drop_interval[1])}`
      : `${count(lostAfter)} of ${count(is.events)} events after the change silently lost: ${percent(is.drop_rate)} (95%: ${range(is.drop_interval)})`;
  const compared = {
    better: `It was ${percent(was.drop_rate)} before; the difference is beyond chance.`,
    worse: `It was ${percent(was.drop_rate)} before: it is worse, beyond chance.`,
    no_difference_shown: `It was ${percent(was.drop_rate)} before; these numbers cannot show a difference.`,
  }[verdict];
  return {
    version: 1,
    before: was,
    after: is,
    difference: { rate: value, interval },
    verdict,
    statement: `${rates}. ${compared}`,
    if_unchanged: {
      expected_drops: rateBefore * after.decided,
      // At most k lost is at least n − k not lost: in this form a tiny probability does not vanish in 1 − 1.
      chance_of_so_few: binomialTail(after.decided - lostAfter, after.decided, 1 - rateBefore),
    },
    exposure: { equal: isEqual(checks), checks },
    recovered_per_week: recovered(before, after),
    objective: { target },
  };
}
