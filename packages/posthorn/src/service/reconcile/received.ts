import { hash } from 'node:crypto';
import { maxReceivedIds } from '../../contract/reconcile.ts';
import { PosthornError } from '../../domain/errors.ts';
import type { Reconciling, SentWindow } from '../../store/store.ts';
import { NumberSet } from './number-set.ts';

/** Ids that are looked up at a time. */
const lookupSize = 500;

/** The unexpected ids to list: `limit` of them, after the first `skip`. */
export interface UnexpectedPage {
  readonly skip: number;
  readonly limit: number;
}

/** What a receiver has of the deliveries to one endpoint. Only a number is kept for each id, however many there are. */
export class ReceivedIds {
  readonly unexpected: string[] = [];
  #unexpectedCount = 0;
  #outside = 0;
  #given = 0;
  readonly #events = new NumberSet();
  /** Prefixes of the digests of unexpected ids: each counts once. */
  readonly #unknown = new NumberSet();
  readonly #store: Reconciling;
  readonly #window: SentWindow;
  readonly #tenant: string;
  readonly #page: UnexpectedPage;

  constructor(store: Reconciling, window: SentWindow, tenant: string, page: UnexpectedPage) {
    this.#store = store;
    this.#window = window;
    this.#tenant = tenant;
    this.#page = page;
  }

  get counts(): { readonly received: number; readonly outside: number; readonly unexpected: number } {
    return {
      received: this.#events.size + this.#unexpectedCount,
      outside: this.#outside,
      unexpected: this.#unexpectedCount,
    };
  }

  has(eventNumber: number): boolean {
    return this.#events.has(eventNumber);
  }

  async add(ids: readonly string[]): Promise<void> {
    this.#given += ids.length;
    if (this.#given > maxReceivedIds)
      throw new PosthornError(
        'too_large',
        `One request compares at most ${maxReceivedIds} ids. Compare a shorter window.`,
      );
    for (let at = 0; at < ids.length; at += lookupSize) {
      const asked = ids.slice(at, at + lookupSize);
      const events = await this.#store.sentEvents(this.#window, this.#tenant, asked);
      for (const [place, event] of events.entries()) {
        if (event === null) this.#addUnknown(asked[place]!);
        else if (this.#events.add(event.number) && !event.isInWindow) this.#outside++;
      }
    }
  }

  #addUnknown(id: string): void {
    if (!this.#unknown.add(Number.parseInt(hash('sha256', id).slice(0, 13), 16))) return;
    const { skip, limit } = this.#page;
    if (this.#unexpectedCount >= skip && this.unexpected.length < limit) this.unexpected.push(id);
    this.#unexpectedCount++;
  }
}
