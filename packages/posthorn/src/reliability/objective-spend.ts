import { subscribes } from '../domain/endpoint.ts';
import type { ErrorClass, FaultDomain } from '../domain/attempt.ts';
import type { ScopedObjective } from '../domain/objective.ts';
import { dayMs } from '../domain/time.ts';
import type { Money } from '../store/accounting.ts';
import type { DayFailures, MissedWorth, StepCounters } from '../store/objective-readings.ts';
import { countByDomain } from './objective-counts.ts';

/**
 * Why deliveries missed an objective. `delayed`: no attempt failed, they were late or still wait; `paused`: accepted
 * while the endpoint was paused; `held`: behind a dead letter of their ordering key; `unknown`: no failed attempt was
 * counted.
 */
export type SpendCause = 'delayed' | 'paused' | 'held' | 'unknown' | ErrorClass;

/** What one side spent of its budget at one endpoint for one reason, on consecutive days. */
export interface Spend {
  readonly side: FaultDomain;
  readonly endpointId: string;
  readonly cause: SpendCause;
  /** Start of the first day and of the day after the last (UTC). */
  readonly since: number;
  readonly until: number;
  readonly bad: number;
  /** Failed attempts by class on those days. */
  readonly failures: ReadonlyMap<ErrorClass, number>;
  readonly worth: readonly Money[];
}

interface DaySpend {
  readonly side: FaultDomain;
  readonly endpointId: string;
  readonly day: number;
  readonly bad: number;
  readonly cause: SpendCause;
  readonly failures: ReadonlyMap<ErrorClass, number>;
  readonly worth: readonly Money[];
}

interface DayCounts {
  bad: { sender: number; receiver: number };
  paused: number;
  held: number;
  failures: Map<ErrorClass, number>;
  worth: { sender: Money[]; receiver: Money[] };
}

const dayStart = (time: number): number => Math.floor(time / dayMs) * dayMs;

type DaysByEndpoint = ReadonlyMap<string, ReadonlyMap<number, DayCounts>>;

/** Returns what spent the budgets, by endpoint, side, main cause and consecutive days; the largest first. */
export function explainSpend(
  { eventTypes }: Pick<ScopedObjective, 'eventTypes'>,
  steps: readonly StepCounters[],
  failures: readonly DayFailures[],
  worth: readonly MissedWorth[],
): readonly Spend[] {
  const days = badDays(steps);
  for (const { endpointId, day, eventType, errorClass, count } of failures) {
    if (!subscribes(eventTypes, eventType)) continue;
    const found = days.get(endpointId)?.get(day)?.failures;
    found?.set(errorClass, (found.get(errorClass) ?? 0) + count);
  }
  for (const { endpointId, day, eventType, ofSender, ...money } of worth) {
    if (!subscribes(eventTypes, eventType)) continue;
    const found = days.get(endpointId)?.get(day)?.worth;
    if (found !== undefined) addMoney(found[ofSender ? 'sender' : 'receiver'], money);
  }
  return [...days]
    .flatMap(([endpointId, ofEndpoint]) =>
      (['sender', 'receiver'] as const).flatMap((side) => joinRuns(daySpends(endpointId, side, ofEndpoint))),
    )
    .toSorted((a, b) => b.bad - a.bad || a.since - b.since || (a.endpointId < b.endpointId ? -1 : 1));
}

/** The days on which deliveries missed the objective, with their counts. */
function badDays(steps: readonly StepCounters[]): DaysByEndpoint {
  const days = new Map<string, Map<number, DayCounts>>();
  const dayAt = (endpointId: string, at: number): DayCounts => {
    let ofEndpoint = days.get(endpointId);
    if (ofEndpoint === undefined) days.set(endpointId, (ofEndpoint = new Map()));
    const day = dayStart(at);
    let counts = ofEndpoint.get(day);
    if (counts === undefined)
      ofEndpoint.set(
        day,
        (counts = {
          bad: { sender: 0, receiver: 0 },
          paused: 0,
          held: 0,
          failures: new Map(),
          worth: { sender: [], receiver: [] },
        }),
      );
    return counts;
  };
  for (const step of steps) {
    const { badBy } = countByDomain(step);
    if (badBy.sender + badBy.receiver === 0) continue;
    const counts = dayAt(step.endpointId, step.at);
    counts.bad.sender += badBy.sender;
    counts.bad.receiver += badBy.receiver;
    counts.paused += step.suppressed;
    counts.held += step.held + step.heldLate;
  }
  return days;
}

/** What one side spent at one endpoint, day by day. */
function daySpends(endpointId: string, side: FaultDomain, days: ReadonlyMap<number, DayCounts>): DaySpend[] {
  return [...days]
    .filter(([, { bad }]) => bad[side] > 0)
    .toSorted(([a], [b]) => a - b)
    .map(([day, counts]) => ({
      side,
      endpointId,
      day,
      bad: counts.bad[side],
      cause: mainCause(side, counts),
      failures: side === 'receiver' ? counts.failures : new Map<ErrorClass, number>(),
      worth: counts.worth[side],
    }));
}

function mainCause(side: FaultDomain, { bad, paused, held, failures }: DayCounts): SpendCause {
  if (side === 'sender') return 'delayed';
  const failed = Math.max(0, bad.receiver - paused - held);
  if (failed < Math.max(paused, held)) return paused >= held ? 'paused' : 'held';
  const [most] = [...failures].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return most === undefined ? 'unknown' : most[0];
}

/** Consecutive days with the same cause are one. */
function joinRuns(days: readonly DaySpend[]): Spend[] {
  const runs: Spend[] = [];
  for (const { day, ...one } of days) {
    const last = runs.at(-1);
    if (last !== undefined && last.until === day && last.cause === one.cause)
      runs[runs.length - 1] = {
        ...last,
        until: day + dayMs,
        bad: last.bad + one.bad,
        failures: addFailures(last.failures, one.failures),
        worth: one.worth.reduce<Money[]>((sum, money) => addMoney(sum, money), [...last.worth]),
      };
    else runs.push({ ...one, since: day, until: day + dayMs });
  }
  return runs;
}

function addFailures(
  a: ReadonlyMap<ErrorClass, number>,
  b: ReadonlyMap<ErrorClass, number>,
): ReadonlyMap<ErrorClass, number> {
  const sum = new Map(a);
  for (const [key, count] of b) sum.set(key, (sum.get(key) ?? 0) + count);
  return sum;
}

/** Adds to the sum of its currency. */
function addMoney(sums: Money[], { currency, amountMinor, events }: Money): Money[] {
  const at = sums.findIndex((one) => one.currency === currency);
  if (at === -1) sums.push({ currency, amountMinor, events });
  else
    sums[at] = {
      currency,
      amountMinor: sums[at]!.amountMinor + amountMinor,
      events: sums[at]!.events + events,
    };
  return sums;
}
