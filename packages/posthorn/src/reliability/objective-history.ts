import type { FaultDomain } from '../domain/attempt.ts';
import type { ScopedObjective } from '../domain/objective.ts';
import { dayMs, hourMs, minuteMs } from '../domain/time.ts';
import { counterGrid } from '../store/folding.ts';
import type { StepCounters } from '../store/objective-readings.ts';
import {
  addCounts,
  countByDomain,
  type DomainCounts,
  endpointsAtOnce,
  noCounts,
} from './objective-counts.ts';
import { objectiveRanges, objectiveWindow, type ObjectiveWindow } from './objective-window.ts';
import type { StoreRead } from '../store/store.ts';

/** What came due of the deliveries accepted in one step. */
export interface HistoryCell extends DomainCounts {
  readonly at: number;
  readonly lengthMs: number;
}

/** The counters of an objective's window, by endpoint and step. */
export async function readSteps(
  store: Pick<StoreRead, 'counterSteps'>,
  objective: ScopedObjective,
  stepMinutes: number,
  now: number,
): Promise<readonly StepCounters[]> {
  const ranges = objectiveRanges(objective, now);
  const steps: StepCounters[] = [];
  for (let at = 0; at < ranges.length; at += endpointsAtOnce) {
    const some = ranges.slice(at, at + endpointsAtOnce);
    for (const step of await store.counterSteps(some, stepMinutes, objective.eventTypes)) steps.push(step);
  }
  return steps;
}

/**
 * Returns the steps of a window, beginning where there is something to count: as fine as requested, if counters are
 * that fine.
 */
function burnCells(
  { knownSince, until }: ObjectiveWindow,
  stepMs: number,
  now: number,
): { at: number; lengthMs: number }[] {
  const { minutesFrom, hoursFrom } = counterGrid(now);
  const cells: { at: number; lengthMs: number }[] = [];
  for (let at = knownSince; at < until;) {
    const unitMs =
      at < hoursFrom ? dayMs : at < minutesFrom ? Math.max(hourMs, stepMs) : Math.max(minuteMs, stepMs);
    // Every step ends at a multiple of its length, and none overlaps a period with finer counters.
    const begin = Math.floor(at / unitMs) * unitMs;
    const end = Math.min(begin + unitMs, until);
    cells.push({ at: begin, lengthMs: unitMs });
    at = Math.max(end, at + minuteMs);
  }
  return cells;
}

/** Counts by step, zero if nothing was due. */
export function historyCells(
  objective: ScopedObjective,
  steps: readonly StepCounters[],
  stepMs: number,
  now: number,
): readonly HistoryCell[] {
  const cells = burnCells(objectiveWindow(objective, now), stepMs, now);
  const counts = cells.map(() => noCounts);
  for (const step of steps) {
    const index = cellAt(cells, step.at);
    if (index !== null) counts[index] = addCounts(counts[index]!, countByDomain(step));
  }
  return cells.map((cell, index) => ({ ...cell, ...counts[index]! }));
}

/** Returns the step that contains a time; earlier times are in the first, so that every count is in one. */
function cellAt(cells: readonly { readonly at: number }[], time: number): number | null {
  if (cells.length === 0) return null;
  let low = 0;
  let high = cells.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (cells[middle]!.at <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** A side's budget after a step. */
export interface BudgetPoint {
  readonly bad: number;
  /** Share of the whole window's budget; null: nothing was due in it. */
  readonly remaining: number | null;
}

/**
 * Returns what was left of each side's budget after each step. The budget is that of the whole window, so the last
 * point is what is left now.
 */
export function burnDown(
  cells: readonly HistoryCell[],
  target: number,
): readonly (HistoryCell & { readonly sides: Readonly<Record<FaultDomain, BudgetPoint>> })[] {
  const due = cells.reduce((sum, cell) => sum + cell.due, 0);
  const budget = due * (1 - target);
  const spent = { sender: 0, receiver: 0 };
  return cells.map((cell) => {
    const pointOf = (side: FaultDomain): BudgetPoint => {
      spent[side] += cell.badBy[side];
      return { bad: cell.badBy[side], remaining: due === 0 ? null : 1 - spent[side] / budget };
    };
    return { ...cell, sides: { sender: pointOf('sender'), receiver: pointOf('receiver') } };
  });
}

/** Run-length encoding: [number, repetitions]. */
export function runLengths(numbers: readonly number[]): (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] === number) last[1]++;
    else runs.push([number, 1]);
  }
  return runs;
}
