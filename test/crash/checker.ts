// Checks a history in the form of Jepsen's total-queue: what went in, what came out, and what explains the rest.

export interface Arrival {
  readonly endpointId: string;
  readonly eventId: string;
  readonly attempt: number;
  readonly at: number;
}

export interface LoggedAttempt {
  readonly endpointId: string;
  readonly eventId: string;
  readonly attempt: number;
  readonly outcome: string;
  readonly errorClass: string | null;
}

export interface History {
  readonly endpointIds: readonly string[];
  /** Every id that was ever sent to a node, answered or not. */
  readonly attempted: ReadonlySet<string>;
  /** Those that a node answered with 202. */
  readonly acknowledged: ReadonlySet<string>;
  readonly arrivals: readonly Arrival[];
  readonly log: readonly LoggedAttempt[];
  /** Only such as can take an outcome with them: neither a receiver's faults nor a wrong clock do. */
  readonly faults: readonly { readonly kind: string; readonly at: number; readonly until: number }[];
}

export interface Verdict {
  readonly attempted: number;
  readonly acknowledged: number;
  /** Unique (event, endpoint) pairs that arrived. */
  readonly delivered: number;
  readonly lost: readonly string[];
  readonly unexpected: readonly string[];
  /** Events that were delivered although their acceptance was not acknowledged. */
  readonly recovered: number;
  /** Repeated arrivals by what explains them. */
  readonly duplicated: Readonly<Record<string, number>>;
  readonly unexplained: readonly string[];
}

/** An outcome that is nowhere may have died with its node so long after the request arrived. */
const maxOutcomeMs = 90_000;

export function checkHistory(history: History): Verdict {
  const keyOf = (endpointId: string, eventId: string): string => `${endpointId} ${eventId}`;
  const byPair = new Map<string, Arrival[]>();
  for (const arrival of history.arrivals) {
    const key = keyOf(arrival.endpointId, arrival.eventId);
    const list = byPair.get(key);
    if (list === undefined) byPair.set(key, [arrival]);
    else list.push(arrival);
  }
  const logged = new Map(history.log.map((l) => [`${keyOf(l.endpointId, l.eventId)} ${l.attempt}`, l]));

  const lost = [...history.acknowledged].flatMap((id) =>
    history.endpointIds.map((endpoint) => keyOf(endpoint, id)).filter((key) => !byPair.has(key)),
  );
  const duplicated: Record<string, number> = {};
  const unexplained: string[] = [];
  const explain = (cause: string): void => {
    duplicated[cause] = (duplicated[cause] ?? 0) + 1;
  };
  for (const [key, arrivals] of byPair) {
    if (arrivals.length === 1) continue;
    const numbers = new Set(arrivals.map(({ attempt }) => attempt));
    if (numbers.size < arrivals.length) unexplained.push(`${key}: one attempt arrived twice`);
    // One arrival is the delivery; every other one needs a reason of its own.
    let deliveries = 0;
    const reasons: string[] = [];
    for (const { attempt, at } of arrivals) {
      const entry = logged.get(`${key} ${attempt}`);
      if (entry?.outcome === 'delivered') deliveries++;
      else if (entry?.outcome === 'superseded') reasons.push('superseded: its claim had been taken over');
      else if (entry?.outcome === 'retry' || entry?.outcome === 'dead')
        reasons.push(`the answer was lost: ${entry.errorClass}`);
      else {
        const fault = history.faults.find(
          ({ at: began, until }) => until >= at - 1000 && began <= at + maxOutcomeMs,
        );
        if (fault === undefined)
          unexplained.push(`${key}: attempt ${attempt} left no outcome, and nothing failed`);
        else reasons.push(`the outcome died: ${fault.kind}`);
      }
    }
    if (deliveries > 1) unexplained.push(`${key}: delivered ${deliveries} times over`);
    // If none of the arrivals is the delivery, the last one counts.
    for (const reason of deliveries === 0 ? reasons.slice(1) : reasons) explain(reason);
  }
  const arrivedIds = new Set(history.arrivals.map(({ eventId }) => eventId));
  return {
    attempted: history.attempted.size,
    acknowledged: history.acknowledged.size,
    delivered: byPair.size,
    lost,
    unexpected: [...arrivedIds].filter((id) => !history.attempted.has(id)),
    recovered: [...arrivedIds].filter((id) => history.attempted.has(id) && !history.acknowledged.has(id))
      .length,
    duplicated,
    unexplained,
  };
}
