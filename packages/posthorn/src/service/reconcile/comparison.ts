import type { Answer } from '../../contract/table.ts';
import { deliveryStates, type DeliveryState } from '../../domain/delivery.ts';
import { deliveryId } from '../../domain/ids.ts';
import { exactMinor } from '../../domain/money.ts';
import { isoOrNull } from '../../domain/time.ts';
import type { Money } from '../../store/accounting.ts';
import type { EventHeading, Reconciling, SentCursor, SentDelivery, SentWindow } from '../../store/store.ts';
import { wireMoney } from '../wire.ts';
import type { ReceivedIds } from './received.ts';

/** Deliveries that the store reads in one call: about 10 ms of its time. */
const pageSize = 10_000;

type Reconciliation = Answer<'reconcile.run'>;
export type Totals = Omit<Reconciliation, 'missing' | 'unexpected' | 'next_cursor'>;

/** A delivery that the receiver does not have, and its position in the walk. */
export interface Missing {
  readonly at: SentCursor;
  readonly wire: Reconciliation['missing'][number];
}

/** The walk over what was sent in a window, beside what the receiver has. */
export class Comparison {
  readonly #store: Reconciling;
  readonly #window: SentWindow;
  readonly #received: ReceivedIds;
  readonly #states: Record<DeliveryState, number> = {
    pending: 0,
    delivered: 0,
    dead: 0,
    cancelled: 0,
    suppressed: 0,
  };
  readonly #values = new Map<string, { amountMinor: bigint; events: number }>();
  #sent = 0;
  #delivered = 0;
  #matched = 0;

  constructor(store: Reconciling, window: SentWindow, received: ReceivedIds) {
    this.#store = store;
    this.#window = window;
    this.#received = received;
  }

  /** What is missing, page by page, always in the same order. */
  async *missing(): AsyncGenerator<readonly Missing[]> {
    for (let after: SentCursor | null = null; ;) {
      const { deliveries, next } = await this.#store.sentDeliveries(this.#window, after, pageSize);
      const shard = after?.shard ?? 0;
      const missing = await this.#missingOf(deliveries, shard);
      if (missing.length > 0) yield missing;
      if (next === null) return;
      after = next;
    }
  }

  async #missingOf(deliveries: readonly SentDelivery[], shard: number): Promise<readonly Missing[]> {
    const missing = deliveries.filter(({ eventNumber }) => !this.#received.has(eventNumber));
    const headings =
      missing.length === 0
        ? []
        : await this.#store.eventHeadings([...new Set(missing.map(({ eventNumber }) => eventNumber))]);
    const headingOf = new Map(headings.map((heading) => [heading.number, heading]));
    // What retention has deleted meanwhile is no longer missing.
    const left = missing.filter(({ eventNumber }) => headingOf.has(eventNumber));
    this.#sent += deliveries.length - missing.length + left.length;
    this.#matched += deliveries.length - missing.length;
    this.#delivered += deliveries.filter(
      ({ state, eventNumber }) =>
        state === 'delivered' && (this.#received.has(eventNumber) || headingOf.has(eventNumber)),
    ).length;
    return left.map((delivery) => this.#take(delivery, headingOf.get(delivery.eventNumber)!, shard));
  }

  #take({ number, state, settledAt }: SentDelivery, { id, value }: EventHeading, shard: number): Missing {
    this.#states[state]++;
    if (value !== null) {
      const sum = this.#values.get(value.currency) ?? { amountMinor: 0n, events: 0 };
      sum.amountMinor += value.amountMinor;
      sum.events++;
      this.#values.set(value.currency, sum);
    }
    return {
      at: { shard, number },
      wire: {
        event_id: id,
        delivery_id: deliveryId(number),
        state,
        settled_at: isoOrNull(settledAt),
        value:
          value === null ? null : { currency: value.currency, amount_minor: exactMinor(value.amountMinor) },
      },
    };
  }

  /** Complete when the walk has ended. */
  totals(): Totals {
    const { received, outside, unexpected } = this.#received.counts;
    const values: Money[] = [...this.#values].map(([currency, sum]) => ({ currency, ...sum }));
    return {
      sent: this.#sent,
      delivered: this.#delivered,
      received,
      matched: this.#matched,
      outside,
      missing_count: deliveryStates.reduce((sum, state) => sum + this.#states[state], 0),
      missing_by_state: { ...this.#states },
      missing_value: values.toSorted((a, b) => b.events - a.events).map(wireMoney),
      unexpected_count: unexpected,
    };
  }
}
