import { subscribes } from '../domain/endpoint.ts';
import type { FaultDomain } from '../domain/attempt.ts';
import type { ScopedObjective } from '../domain/objective.ts';
import type { TypeCounters } from '../store/accounting.ts';
import { type Counts } from './counts.ts';
import { minuteMs } from '../domain/time.ts';
import type { StoreRead } from '../store/store.ts';

/** An outcome is in the counters after this long, at the latest. */
const settleLagMs = 5000;
/** Endpoints per read, so that deliveries do not wait long for it. */
export const endpointsAtOnce = 20;

/** Outcomes of a window's deliveries whose deadline has passed. */
export interface DomainCounts extends Counts {
  /**
   * Bad deliveries by fault. Receiver: it failed the first attempt, its endpoint was paused, or a dead letter blocked
   * the delivery. Sender: all others.
   */
  readonly badBy: Readonly<Record<FaultDomain, number>>;
}

export const noCounts: DomainCounts = { due: 0, bad: 0, badBy: { sender: 0, receiver: 0 } };

export function addCounts(a: DomainCounts, b: DomainCounts): DomainCounts {
  return {
    due: a.due + b.due,
    bad: a.bad + b.bad,
    badBy: { sender: a.badBy.sender + b.badBy.sender, receiver: a.badBy.receiver + b.badBy.receiver },
  };
}

/**
 * Converts counters to good and bad. All of it is past its deadline, so what is not delivered in time is bad: late,
 * dead, suppressed, or still pending. Cancelled deliveries were stopped by an operator and are neither.
 */
export function countByDomain(outcomes: TypeCounters): DomainCounts {
  const due = Math.max(0, outcomes.accepted - outcomes.cancelled);
  const bad = Math.max(0, due - (outcomes.delivered - outcomes.late));
  // Failed at the first attempt and not on time in the end. A replay's first attempt is neither, hence the bounds.
  const failed =
    outcomes.firstAttempts - outcomes.firstAttemptDelivered - outcomes.recovered + outcomes.suppressed;
  // What a dead letter of its key blocks, or blocked until it was late, waits for the receiver.
  const held = outcomes.heldLate + outcomes.held;
  const receiver = Math.min(bad, Math.max(0, failed) + held);
  return { due, bad, badBy: { sender: bad - receiver, receiver } };
}

/** Windows of one objective that end now; each endpoint's is shifted back by its own deadline. */
export interface ObjectiveWindows {
  /** Counts over the last `lengthMs`, one of the lengths that were read. */
  window(lengthMs: number): DomainCounts;
  /** The same by endpoint. */
  byEndpoint(lengthMs: number): ReadonlyMap<string, DomainCounts>;
}

/** What was accepted before this is past its deadline and counted, at `now`: a whole minute. */
export function dueUntil(now: number, deliverWithinMs: number): number {
  return Math.floor((now - deliverWithinMs - settleLagMs) / minuteMs) * minuteMs;
}

/** The patterns of all of them. */
const typesOf = (objectives: readonly ScopedObjective[]): readonly string[] => [
  ...new Set(objectives.flatMap(({ eventTypes }) => eventTypes)),
];

/** What passed its deadline between two times, by objective. Summable: nothing is in two such spans. */
export async function readProgress(
  store: Pick<StoreRead, 'counters'>,
  objectives: readonly ScopedObjective[],
  from: number,
  to: number,
): Promise<ReadonlyMap<string, DomainCounts>> {
  const asked = objectives.flatMap(({ name, eventTypes, endpoints }) =>
    endpoints.map(({ id, deliverWithinMs }) => ({
      name,
      eventTypes,
      range: {
        endpointId: id,
        since: dueUntil(from, deliverWithinMs),
        until: dueUntil(to, deliverWithinMs),
      },
    })),
  );
  const answers = await store.counters(
    asked.map(({ range }) => range),
    typesOf(objectives),
  );
  const progress = new Map(objectives.map(({ name }) => [name, noCounts]));
  for (const [index, { name, eventTypes }] of asked.entries())
    for (const outcomes of answers[index]!)
      if (subscribes(eventTypes, outcomes.eventType))
        progress.set(name, addCounts(progress.get(name)!, countByDomain(outcomes)));
  return progress;
}

/** Reads the windows of these lengths for every objective, each endpoint once. */
export async function readWindows(
  store: Pick<StoreRead, 'counters'>,
  objectives: readonly ScopedObjective[],
  lengthsMs: readonly number[],
  now: number,
): Promise<ReadonlyMap<string, ObjectiveWindows>> {
  const lengths = [...new Set(lengthsMs)].toSorted((a, b) => a - b);
  const endpoints = [
    ...new Map(objectives.flatMap(({ endpoints: list }) => list.map((one) => [one.id, one]))).values(),
  ];
  // For each endpoint, the spans between one length and the next, so that no minute is read twice.
  const spans = new Map<string, readonly (readonly TypeCounters[])[]>();
  for (let at = 0; at < endpoints.length; at += endpointsAtOnce) {
    const some = endpoints.slice(at, at + endpointsAtOnce);
    const counters = await store.counters(
      some.flatMap(({ id, deliverWithinMs }) => {
        const end = dueUntil(now, deliverWithinMs);
        return lengths.map((length, index) => ({
          endpointId: id,
          since: end - length,
          until: end - (lengths[index - 1] ?? 0),
        }));
      }),
      typesOf(objectives),
    );
    for (const [index, { id }] of some.entries())
      spans.set(id, counters.slice(index * lengths.length, (index + 1) * lengths.length));
  }
  return new Map(
    objectives.map(({ name, eventTypes, endpoints: list }) => {
      // For each endpoint, the counts of each length, which are those of the length before and of the span between them.
      const counts = new Map(
        list.map(({ id }) => {
          let sum = noCounts;
          return [
            id,
            spans.get(id)!.map((span) => {
              for (const outcomes of span)
                if (subscribes(eventTypes, outcomes.eventType)) sum = addCounts(sum, countByDomain(outcomes));
              return sum;
            }),
          ] as const;
        }),
      );
      const sums = lengths.map((_, at) =>
        [...counts.values()].reduce((sum, ofEndpoint) => addCounts(sum, ofEndpoint[at]!), noCounts),
      );
      return [
        name,
        {
          byEndpoint: (lengthMs) => {
            const at = lengths.indexOf(lengthMs);
            return new Map([...counts].map(([id, ofEndpoint]) => [id, ofEndpoint[at]!]));
          },
          window: (lengthMs) => sums[lengths.indexOf(lengthMs)]!,
        },
      ];
    }),
  );
}
