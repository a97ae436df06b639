import type { TenantLimits } from '../domain/tenant.ts';
import { PosthornError } from '../domain/errors.ts';
import { secondMs } from '../domain/time.ts';
import type { Clock } from '../runtime/clock.ts';
import type { StoreRead } from '../store/store.ts';

/** Pending deliveries of a tenant are counted at most this often, and only while it publishes. */
const countEveryMs = secondMs;

/** Events that were let in. */
export interface Admission {
  /** Call once, with the receipts, or with none if nothing was stored: their deliveries count until they are read. */
  ended(receipts: readonly { readonly tenant: string; readonly deliveries: number }[]): void;
}

/** Applies the limits of declared tenants to what is published (G8). */
export interface TenantGate {
  /**
   * Lets the events of one request in, all or none: rejects with `too_many_events` or `too_many_pending`. Null, at the
   * cost of a lookup, if none of their tenants has a limit.
   */
  admit(inputs: readonly { readonly tenant: string }[]): Promise<Admission> | null;
  /** Reads the declarations again. */
  refresh(): Promise<void>;
}

/** One tenant with a limit on what it publishes. */
class Limited {
  limits: TenantLimits;
  /** Level of the bucket; below zero after a batch that was larger than what was left. */
  #tokens: number;
  #filledAt: number;
  #pending = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  /** Deliveries that this node has accepted and the count may not have seen. */
  #since = 0;
  /** Events that are being stored; each counts as one delivery until its receipt says how many it got. */
  #underWay = 0;

  constructor(limits: TenantLimits, now: number) {
    this.limits = limits;
    this.#tokens = maxTokens(limits);
    this.#filledAt = now;
  }

  /** Whether pending deliveries must be counted before it can be decided. */
  isUncounted(now: number): boolean {
    return this.limits.pending_deliveries !== null && now - this.#countedAt >= countEveryMs;
  }

  /** Call before a count is read; the result takes it. What is accepted meanwhile may or may not be in it, and counts. */
  beginCount(): (pending: number, now: number) => void {
    const seen = this.#since;
    return (pending, now) => {
      this.#pending = pending;
      this.#countedAt = now;
      this.#since -= seen;
    };
  }

  /** Why it may not publish now, or null. */
  refusal(tenant: string, now: number): PosthornError | null {
    const { events_per_s: rate, pending_deliveries: most } = this.limits;
    if (most !== null && this.#pending + this.#since + this.#underWay >= most)
      return new PosthornError(
        'too_many_pending',
        `The tenant ${tenant} has reached its limit of ${most} pending deliveries. Publish again when some are delivered.`,
        undefined,
        countEveryMs / secondMs,
      );
    if (rate === null) return null;
    this.#fill(rate, now);
    if (this.#tokens >= 1) return null;
    return new PosthornError(
      'too_many_events',
      `The tenant ${tenant} has reached its limit of ${rate} events per second. Publish again after Retry-After.`,
      undefined,
      Math.ceil((1 - this.#tokens) / rate),
    );
  }

  take(events: number): void {
    this.#tokens -= events;
    this.#underWay += events;
  }

  ended(events: number, deliveries: number): void {
    this.#underWay -= events;
    this.#since += deliveries;
  }

  #fill(rate: number, now: number): void {
    const earned = (rate * (now - this.#filledAt)) / secondMs;
    this.#tokens = Math.min(maxTokens(this.limits), this.#tokens + earned);
    this.#filledAt = now;
  }
}

/** A bucket holds what one second fills, and at least one event. */
function maxTokens({ events_per_s: rate }: TenantLimits): number {
  return Math.max(1, rate ?? 1);
}

export function createTenantGate(
  store: Pick<StoreRead, 'documents' | 'pendingIn'>,
  clock: Pick<Clock, 'monotonic'>,
): TenantGate {
  let limited: ReadonlyMap<string, Limited> = new Map();
  let reading: Promise<void> | null = null;
  let again = false;
  const counted = countTogether(store, clock);

  const read = async (): Promise<void> => {
    do {
      again = false;
      const documents = await store.documents('tenant');
      const now = clock.monotonic();
      const next = new Map<string, Limited>();
      for (const { name, document } of documents) {
        const { limits } = document;
        if (limits.events_per_s === null && limits.pending_deliveries === null) continue;
        const known = limited.get(name) ?? new Limited(limits, now);
        known.limits = limits;
        next.set(name, known);
      }
      limited = next;
    } while (again);
  };

  const admit = async (counts: ReadonlyMap<string, number>): Promise<Admission> => {
    const before = clock.monotonic();
    const uncounted = [...counts.keys()].flatMap((tenant) => {
      const known = limited.get(tenant);
      return known?.isUncounted(before) === true ? [counted(tenant, known)] : [];
    });
    if (uncounted.length > 0) await Promise.all(uncounted);
    return takeAll(limited, counts, clock.monotonic());
  };

  return {
    admit: (inputs) => {
      if (limited.size === 0 || !inputs.some(({ tenant }) => limited.has(tenant))) return null;
      const counts = new Map<string, number>();
      for (const { tenant } of inputs) counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
      return admit(counts);
    },
    refresh: async () => {
      again = true;
      reading ??= read().finally(() => (reading = null));
      await reading;
    },
  };
}

/** Takes the events of one request from what their tenants may publish, all or none. */
function takeAll(
  limited: ReadonlyMap<string, Limited>,
  counts: ReadonlyMap<string, number>,
  now: number,
): Admission {
  const taken = new Map<string, { readonly known: Limited; readonly events: number }>();
  for (const [tenant, events] of counts) {
    const known = limited.get(tenant);
    if (known === undefined) continue;
    const refusal = known.refusal(tenant, now);
    if (refusal !== null) throw refusal;
    taken.set(tenant, { known, events });
  }
  for (const { known, events } of taken.values()) known.take(events);
  return {
    ended: (receipts) => {
      for (const [tenant, { known, events }] of taken) {
        const own = receipts.filter((receipt) => receipt.tenant === tenant);
        known.ended(
          events,
          own.reduce((sum, { deliveries }) => sum + deliveries, 0),
        );
      }
    },
  };
}

/** Returns what counts the pending deliveries of a tenant, in one read with those that are asked for at the same time. */
function countTogether(
  store: Pick<StoreRead, 'pendingIn'>,
  clock: Pick<Clock, 'monotonic'>,
): (tenant: string, known: Limited) => Promise<void> {
  /** Requests that wait for the next count, and the count. */
  let waiting = new Map<string, Limited>();
  let counting: Promise<void> | null = null;

  const count = async (): Promise<void> => {
    // Requests that were read in the same turn of the event loop come together.
    await Promise.resolve();
    const tenants = waiting;
    waiting = new Map();
    counting = null;
    const counted = [...tenants.values()].map((tenant) => tenant.beginCount());
    const pending = await store.pendingIn([...tenants.keys()]);
    const now = clock.monotonic();
    for (const [index, take] of counted.entries()) take(pending[index]!, now);
  };
  return (tenant, known) => {
    waiting.set(tenant, known);
    return (counting ??= count());
  };
}
