import type { Caller } from '../domain/caller.ts';
import { Sharing } from '../runtime/sharing.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Utilization } from '../runtime/utilization.ts';
import { PublishPace } from './publish-pace.ts';

/**
 * Bytes of bodies that one tenant may have between parsing and answer while several tenants publish; it may always have
 * one body. Six small events: with 64 of them a turn of the thread took 6 ms, which everyone waits for.
 */
const maxBytes = 16 * 1024;
/** A tenant may use at once what it has not used of its pace for this long, in ms: timers are that accurate. */
const maxSavedMs = 5;
/** Cost of a request besides its body, in the same bytes. */
const requestCost = 1024;

interface Publishing {
  used: number;
  /** By the monotonic clock: none of its requests begins before. */
  pausedUntil: number;
  /** Ends the pause for those that wait. */
  cancel: (() => void) | null;
  readonly waiting: { readonly cost: number; readonly begin: () => void }[];
}

const noTurn = { turn: null, end: (): void => {} };

/**
 * Limits how much one tenant publishes at a time, so that the parsing, the commits and the first attempts of others
 * find the thread free (G8). A single tenant is not limited here.
 */
export class PublishTurns {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>;
  readonly #sharing: Sharing;
  readonly #pace: PublishPace;
  readonly #tenants = new Map<string, Publishing>();

  constructor(clock: Pick<Clock, 'monotonic' | 'after'>, utilization: Utilization) {
    this.#clock = clock;
    this.#sharing = new Sharing(clock);
    this.#pace = new PublishPace(clock, utilization);
  }

  /** `turn` is null if it may be parsed now. Call `end` once its answer is sent, or its connection closed. */
  begin(
    { tenant, id }: Pick<Caller, 'tenant' | 'id'>,
    bytes: number,
  ): { readonly turn: Promise<void> | null; readonly end: () => void } {
    // Neither names of tenants nor ids contain a space.
    const group = tenant ?? ` ${id}`;
    this.#sharing.note(group);
    if (!this.#sharing.isShared) return noTurn;
    let publishing = this.#tenants.get(group);
    if (publishing === undefined)
      this.#tenants.set(group, (publishing = { used: 0, pausedUntil: 0, cancel: null, waiting: [] }));
    return this.#take(group, publishing, requestCost + bytes);
  }

  #take(
    group: string,
    publishing: Publishing,
    cost: number,
  ): { readonly turn: Promise<void> | null; readonly end: () => void } {
    const end = (): void => this.#give(group, publishing, cost);
    if (publishing.waiting.length === 0 && this.#fits(publishing, cost)) {
      this.#begun(group, publishing, cost);
      return { turn: null, end };
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    let hasBegun = false;
    const entry = {
      cost,
      begin: () => {
        hasBegun = true;
        this.#begun(group, publishing, cost);
        resolve();
      },
    };
    publishing.waiting.push(entry);
    this.#goOn(group, publishing);
    return {
      turn: promise,
      end: () => {
        if (hasBegun) return end();
        // Its connection was closed before its turn: it continues in order to notice that, and holds nothing.
        publishing.waiting.splice(publishing.waiting.indexOf(entry), 1);
        resolve();
      },
    };
  }

  #begun(group: string, publishing: Publishing, cost: number): void {
    publishing.used += cost;
    const now = this.#clock.monotonic();
    const pauseMs = this.#pace.take(group, cost);
    publishing.pausedUntil = Math.max(now - maxSavedMs, publishing.pausedUntil) + pauseMs;
  }

  #fits({ used, pausedUntil }: Publishing, cost: number): boolean {
    return (used === 0 || used + cost <= maxBytes) && pausedUntil <= this.#clock.monotonic();
  }

  #give(group: string, publishing: Publishing, cost: number): void {
    publishing.used -= cost;
    this.#goOn(group, publishing);
  }

  /** Begins what has waited long enough. */
  #goOn(group: string, publishing: Publishing): void {
    for (let next = publishing.waiting[0]; next !== undefined; next = publishing.waiting[0]) {
      if (!this.#fits(publishing, next.cost)) break;
      publishing.waiting.shift();
      next.begin();
    }
    const pauseMs = publishing.pausedUntil - this.#clock.monotonic();
    if (pauseMs > 0) {
      publishing.cancel ??= this.#clock.after(Math.ceil(pauseMs), () => {
        publishing.cancel = null;
        this.#goOn(group, publishing);
      });
    } else if (publishing.used === 0 && publishing.waiting.length === 0) {
      publishing.cancel?.();
      this.#tenants.delete(group);
    }
  }
}
