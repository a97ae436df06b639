import { SeededRandom } from '../../../packages/posthorn/src/runtime/seeded-random.ts';
import { inject } from './causes.ts';
import type { GeneratedEvent, GeneratedLog, Recipe, Row } from './model.ts';
import { healthyTraffic } from './traffic.ts';
import { through } from './worlds.ts';

/** Cuts an event at the end of the log: what would have come later is not known. */
function cutAt(event: GeneratedEvent, until: number): GeneratedEvent {
  const rows = event.rows.filter(
    ({ startedAt, endedAt }) => startedAt <= until && (endedAt ?? startedAt) <= until,
  );
  if (rows.length === event.rows.length) return event;
  return { ...event, rows, fate: 'unresolved', received: false };
}

/** A log whose truth is known. The same recipe gives the same log. */
export function generate(recipe: Recipe): GeneratedLog {
  const { events, markers } = inject(healthyTraffic(recipe), recipe);
  const until = events.at(-1)!.acceptedAt + 5000;
  // What was due before the log's first line may have been before the log: nothing in it says that it was lost.
  const firstLine = events.find(({ rows }) => rows.length > 0)!.acceptedAt;
  return through({
    recipe,
    // An event without any line by then was not dropped: the log ended first.
    events: events
      .map((event) => cutAt(event, until))
      .map((event) =>
        event.rows.length === 0 && event.acceptedAt < firstLine
          ? { ...event, fate: 'unknowable' as const }
          : event,
      )
      .filter(({ rows, cause }) => rows.length > 0 || cause !== null),
    from: events[0]!.acceptedAt,
    until,
    markers,
  });
}

/** The rows of a log in the order in which a sender writes them: when each ended. */
export function rowsInOrder(events: readonly GeneratedEvent[]): { event: GeneratedEvent; row: Row }[] {
  return events
    .flatMap((event) => event.rows.map((row) => ({ event, row })))
    .toSorted((a, b) => (a.row.endedAt ?? a.row.startedAt) - (b.row.endedAt ?? b.row.startedAt));
}

/** The recipe's own stream, for what a format adds of its own. */
export const formatRandom = ({ seed }: Recipe, format: string): SeededRandom =>
  new SeededRandom(seed, `format ${format}`);
