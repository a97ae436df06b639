import { type AttemptLine, delivered } from '../logs/attempt-line.ts';
import type { ReplayedHistory } from './backtest.ts';
import { MinuteHistory } from './counts.ts';
import { minuteMs } from '../domain/time.ts';
import type { Objective, Rule } from './rules.ts';

/** What a history needs to know of one event, in ms since the epoch. */
export interface EventOutcome {
  readonly acceptedAt: number;
  /** Null: never, as far as is known. */
  readonly deliveredAt: number | null;
  /** When a retry was due and how long it was not made; Infinity: never made. */
  readonly owed: readonly { readonly from: number; readonly until: number }[];
}

/** Collects attempts into the outcome of each event. */
export class OutcomeCollector {
  readonly #events = new Map<
    string,
    { acceptedAt: number; deliveredAt: number | null; starts: number[]; owed: number[] }
  >();

  add(line: AttemptLine): void {
    const { event_id: id, started_at: startedAt, next_retry_at: nextRetryAt } = line;
    let event = this.#events.get(id);
    if (event === undefined)
      this.#events.set(id, (event = { acceptedAt: startedAt, deliveredAt: null, starts: [], owed: [] }));
    event.acceptedAt = Math.min(event.acceptedAt, startedAt);
    if (delivered(line)) {
      const at = startedAt + (line.durationMs ?? 0);
      event.deliveredAt = event.deliveredAt === null ? at : Math.min(event.deliveredAt, at);
      return;
    }
    // Only events that were not delivered at once can owe a retry: most events cost three numbers.
    event.starts.push(startedAt);
    if (nextRetryAt !== undefined && nextRetryAt !== null) event.owed.push(nextRetryAt);
  }

  outcomes(): EventOutcome[] {
    return [...this.#events.values()].map(({ acceptedAt, deliveredAt, starts, owed }) => ({
      acceptedAt,
      deliveredAt,
      owed: [...new Set(owed)].map((from) => ({
        from,
        // A retry may come slightly early because of rounding.
        until: Math.min(
          deliveredAt ?? Number.POSITIVE_INFINITY,
          ...starts.filter((start) => start >= from - 1000),
        ),
      })),
    }));
  }
}

/** Outcomes as the rules see them: by the minute in which each event's deadline passed. */
export function toHistory(
  outcomes: readonly EventOutcome[],
  objective: Objective,
  rules: readonly Rule[],
  /** How far the history is known; later deadlines are not evaluated. */
  until: number,
): ReplayedHistory {
  const begin = outcomes.reduce(
    (least, { acceptedAt }) => Math.min(least, acceptedAt),
    Number.POSITIVE_INFINITY,
  );
  const from = Math.floor(begin / minuteMs) * minuteMs;
  const length = Math.max(1, Math.floor((until - from) / minuteMs) + 1);
  const due = new Float64Array(length);
  const bad = new Float64Array(length);
  const overdueChange = new Float64Array(length + 1);
  const grace = rules.find((rule) => rule.kind === 'overdue')?.graceMs ?? 5 * minuteMs;
  const minuteOf = (time: number): number => Math.floor((time - from) / minuteMs);
  for (const { acceptedAt, deliveredAt, owed } of outcomes) {
    const deadline = acceptedAt + objective.withinMs;
    if (deadline <= until) {
      const minute = minuteOf(deadline);
      due[minute]!++;
      if (deliveredAt === null || deliveredAt > deadline) bad[minute]!++;
    }
    for (const { from: owedFrom, until: owedUntil } of owed) {
      const overdueFrom = owedFrom + grace;
      if (overdueFrom >= owedUntil || overdueFrom > until) continue;
      overdueChange[minuteOf(overdueFrom)]!++;
      if (owedUntil <= until) overdueChange[minuteOf(owedUntil)]!--;
    }
  }
  const overdue = new Float64Array(length);
  for (let minute = 0, sum = 0; minute < length; minute++) overdue[minute] = sum += overdueChange[minute]!;
  return { minutes: new MinuteHistory(from, due, bad), overdue };
}
