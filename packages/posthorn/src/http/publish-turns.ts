import type { Caller } from '../domain/caller.ts';
import { Sharing } from '../runtime/sharing.ts';
import type { Clock } from '../runtime/clock.ts';

/**
 * Bytes of bodies that one tenant may have between their parsing and their answer while several tenants publish; one body it may
 * have in any case. About 200 small events: a commit and a half.
 */
const maxBytes = 256 * 1024;
/** A request beside its body, in the same bytes. */
const requestCost = 1024;

interface Publishing {
  used: number;
  readonly waiting: { readonly cost: number; readonly begin: () => void }[];
}

const noTurn = { turn: null, end: (): void => {} };

/**
 * How much one tenant publishes at a time, so that the parsing, the commits and the first attempts of others find the
 * thread free (G8). A tenant alone has no limit here.
 */
export class PublishTurns {
  readonly #sharing: Sharing;
  readonly #tenants = new Map<string, Publishing>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#sharing = new Sharing(clock);
  }

  /** `turn` is null if it may be parsed now. `end` is to be called once its answer is sent, or its connection closed. */
  begin(
    { tenant, id }: Pick<Caller, 'tenant' | 'id'>,
    bytes: number,
  ): { readonly turn: Promise<void> | null; readonly end: () => void } {
    // Neither names of tenants nor ids have a space.
    const group = tenant ?? ` ${id}`;
    this.#sharing.note(group);
    if (!this.#sharing.isShared) return noTurn;
    let publishing = this.#tenants.get(group);
    if (publishing === undefined) this.#tenants.set(group, (publishing = { used: 0, waiting: [] }));
    return this.#take(group, publishing, requestCost + bytes);
  }

  #take(
    group: string,
    publishing: Publishing,
    cost: number,
  ): { readonly turn: Promise<void> | null; readonly end: () => void } {
    const end = (): void => this.#give(group, publishing, cost);
    if (publishing.waiting.length === 0 && fits(publishing, cost)) {
      publishing.used += cost;
      return { turn: null, end };
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    let hasBegun = false;
    const entry = {
      cost,
      begin: () => {
        hasBegun = true;
        publishing.used += cost;
        resolve();
      },
    };
    publishing.waiting.push(entry);
    return {
      turn: promise,
      end: () => {
        if (hasBegun) return end();
        // Its connection was closed before its turn: it goes on to find that out, and holds nothing.
        publishing.waiting.splice(publishing.waiting.indexOf(entry), 1);
        resolve();
      },
    };
  }

  #give(group: string, publishing: Publishing, cost: number): void {
    publishing.used -= cost;
    for (let next = publishing.waiting[0]; next !== undefined; next = publishing.waiting[0]) {
      if (!fits(publishing, next.cost)) return;
      publishing.waiting.shift();
      next.begin();
    }
    if (publishing.used === 0) this.#tenants.delete(group);
  }
}

function fits({ used }: Publishing, cost: number): boolean {
  return used === 0 || used + cost <= maxBytes;
}
