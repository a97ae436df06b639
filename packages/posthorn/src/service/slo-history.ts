import type { Answer } from '../contract/table.ts';
import { invalid } from '../domain/errors.ts';
import { exactMinor } from '../domain/money.ts';
import type { ScopedObjective } from '../domain/objective.ts';
import { dayMs, hourMs, iso, minuteMs, secondMs } from '../domain/time.ts';
import { endpointsAtOnce } from '../reliability/objective-counts.ts';
import {
  burnDown,
  type HistoryCell,
  historyCells,
  readSteps,
  runLengths,
} from '../reliability/objective-history.ts';
import { type Spend, explainSpend } from '../reliability/objective-spend.ts';
import { objectiveRanges, objectiveWindow } from '../reliability/objective-window.ts';
import type { DayFailures } from '../store/objective-readings.ts';
import type { StoreRead } from '../store/store.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers } from './handler.ts';
import { wireWindow } from './objective-status.ts';
import { requireObjective } from './slo-status.ts';

const stepMs = { minute: minuteMs, hour: hourMs, day: dayMs };
const maxItems = 100;
const maxBacktestMs = 366 * dayMs;
/** Rows that are read for their worth: about a quarter of a second on the embedded store. */
const maxRows = 50_000;

/** The history of objectives: the budgets over time, what spent them, and counts to try alert rules on. */
export function sloHistoryService({
  store,
  clock,
}: Pick<ServiceDependencies, 'store' | 'clock'>): Handlers<'slos.history' | 'slos.minutes' | 'slos.spend'> {
  return {
    'slos.history': async ({ params: { name }, query: { step } }) => {
      const objective = await requireObjective(store, name);
      const now = clock.now();
      const points = burnDown(await readCells(store.read, objective, step, now), objective.target);
      return {
        ...budgetFigures(objective, points, now),
        points: points.map(({ at, lengthMs, due, sides: { sender, receiver } }) => ({
          at: iso(at),
          length_s: lengthMs / secondMs,
          due,
          sender: { bad: sender.bad, budget_remaining: sender.remaining },
          receiver: { bad: receiver.bad, budget_remaining: receiver.remaining },
        })),
      };
    },

    'slos.minutes': async ({ params: { name }, query: { since, until } }) => {
      const objective = await requireObjective(store, name);
      const now = clock.now();
      const to = until === undefined ? now : Date.parse(until);
      const from = since === undefined ? now - objective.windowMs : Date.parse(since);
      if (from >= to) throw invalid('/since', 'must be before until');
      const windowMs = Math.min(maxBacktestMs, Math.max(objective.windowMs, now - from));
      const wide = { ...objective, windowMs };
      const window = objectiveWindow(wide, now);
      const cells = await readCells(store.read, wide, 'minute', now);
      return {
        name: objective.name,
        target: objective.target,
        window_s: objective.windowMs / secondMs,
        within_s:
          objective.endpoints.reduce((longest, one) => Math.max(longest, one.deliverWithinMs), 0) / secondMs,
        since: iso(Math.max(from, window.since)),
        until: iso(Math.min(to, window.until)),
        known_since: iso(window.knownSince),
        segments: toSegments(cells.filter(({ at, lengthMs }) => at + lengthMs > from && at < to)),
      };
    },

    'slos.spend': async ({ params: { name } }) => {
      const objective = await requireObjective(store, name);
      return await readSpend(store.read, objective, clock.now());
    },
  };
}

async function readCells(
  read: StoreRead,
  objective: ScopedObjective,
  step: keyof typeof stepMs,
  now: number,
): Promise<readonly HistoryCell[]> {
  // An objective of kind `accounted` does not use deadlines.
  if (objective.kind === 'accounted') return [];
  const steps = await readSteps(read, objective, stepMs[step] / minuteMs, now);
  return historyCells(objective, steps, stepMs[step], now);
}

/** What spent the budget, with its failures and its worth. */
async function readSpend(
  read: StoreRead,
  objective: ScopedObjective,
  now: number,
): Promise<Answer<'slos.spend'>> {
  const steps = objective.kind === 'accounted' ? [] : await readSteps(read, objective, dayMs / minuteMs, now);
  const bad = new Set(steps.map(({ endpointId }) => endpointId));
  const ranges = objectiveRanges(objective, now).filter(({ endpointId }) => bad.has(endpointId));
  const failures: DayFailures[] = [];
  for (let at = 0; at < ranges.length; at += endpointsAtOnce)
    failures.push(...(await read.failureDays(ranges.slice(at, at + endpointsAtOnce))));
  const { worth, rowsRead, complete } = await read.missedWorth(ranges, now, maxRows);
  const spends = explainSpend(objective, steps, failures, worth);
  const budget = budgetFigures(objective, historyCells(objective, steps, dayMs, now), now);
  const rest = spends.slice(maxItems);
  return {
    ...budget,
    items: spends.slice(0, maxItems).map((spend) => wireSpend(objective, spend, budget.budget)),
    beyond: { items: rest.length, bad: rest.reduce((sum, one) => sum + one.bad, 0) },
    rows_read: rowsRead,
    complete,
  };
}

function budgetFigures(
  objective: ScopedObjective,
  cells: readonly HistoryCell[],
  now: number,
): Pick<Answer<'slos.spend'>, 'name' | 'target' | 'window' | 'due' | 'budget'> {
  const { name, target } = objective;
  const due = cells.reduce((sum, cell) => sum + cell.due, 0);
  return {
    name,
    target,
    window: wireWindow(objectiveWindow(objective, now)),
    due,
    budget: due * (1 - target),
  };
}

/** Consecutive steps of one length are one segment. */
function toSegments(cells: readonly HistoryCell[]): Answer<'slos.minutes'>['segments'] {
  const segments: HistoryCell[][] = [];
  for (const cell of cells) {
    const last = segments.at(-1);
    if (last !== undefined && last[0]!.lengthMs === cell.lengthMs) last.push(cell);
    else segments.push([cell]);
  }
  return segments.map((some) => ({
    at: iso(some[0]!.at),
    step_s: some[0]!.lengthMs / secondMs,
    due: runLengths(some.map(({ due }) => due)),
    sender: runLengths(some.map(({ badBy }) => badBy.sender)),
    receiver: runLengths(some.map(({ badBy }) => badBy.receiver)),
  }));
}

function wireSpend(
  { endpoints }: ScopedObjective,
  { side, endpointId, cause, since, until, bad, failures, worth }: Spend,
  budget: number,
): Answer<'slos.spend'>['items'][number] {
  const { name, url, owner } = endpoints.find(({ id }) => id === endpointId)!;
  return {
    side,
    endpoint: { id: endpointId, name, host: new URL(url).host, owner },
    cause,
    failures: [...failures]
      .map(([errorClass, count]) => ({ class: errorClass, count }))
      .toSorted((a, b) => b.count - a.count),
    since: iso(since),
    until: iso(until),
    bad,
    of_budget: budget === 0 ? null : bad / budget,
    worth: worth
      .map(({ currency, amountMinor, events }) => ({
        currency,
        amount_minor: exactMinor(amountMinor),
        events,
      }))
      .toSorted((a, b) => b.events - a.events),
    unknown_worth: Math.max(0, bad - worth.reduce((sum, { events }) => sum + events, 0)),
  };
}
