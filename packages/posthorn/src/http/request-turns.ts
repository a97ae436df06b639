import type { Caller } from '../domain/caller.ts';
import { nextTurn } from '../runtime/turn.ts';
import { Turns } from '../runtime/turns.ts';

/** What requests that begin in one turn of the event loop cost together at most: about 2 ms of work. */
const maxCost = 20;
/** Bytes of a body whose reading and checking take as long as a small request. */
const bytesPerCost = 4096;

interface Waiting {
  readonly cost: number;
  readonly begin: () => void;
}

/**
 * How many requests begin in one turn of the event loop: beyond, tenants take turns, and the callers of a tenant among
 * themselves, so that a request waits for no flood of another's, and nobody gains by having many keys or sessions (G8). Where fewer arrive, nothing waits, and it costs a comparison. Connections are bounded, and each has
 * one request at a time, so what waits is bounded too.
 */
export class RequestTurns {
  readonly #nextTurn: () => Promise<void>;
  readonly #tenants = new Map<string, Turns<Waiting>>();
  #begun = 0;
  #isArmed = false;

  constructor(next: () => Promise<void> = nextTurn) {
    this.#nextTurn = next;
  }

  /** Null: it may begin now. Of a caller of no tenant it is the caller itself. */
  admit(
    { tenant, id }: Pick<Caller, 'tenant' | 'id'>,
    contentLength: string | undefined,
  ): Promise<void> | null {
    const bytes = Number(contentLength ?? 0);
    const cost = 1 + (Number.isFinite(bytes) ? Math.min(maxCost, Math.floor(bytes / bytesPerCost)) : 0);
    if (this.#tenants.size === 0 && this.#begun < maxCost) {
      this.#count(cost);
      return null;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    // Neither names of tenants nor ids have a space.
    const group = tenant ?? ` ${id}`;
    let waiting = this.#tenants.get(group);
    if (waiting === undefined) this.#tenants.set(group, (waiting = new Turns()));
    waiting.add(id, { cost, begin: resolve });
    return promise;
  }

  #take(): Waiting | undefined {
    const next = this.#tenants.entries().next();
    if (next.done === true) return undefined;
    const [group, waiting] = next.value;
    const taken = waiting.take();
    // Behind all others, if it has more.
    this.#tenants.delete(group);
    if (waiting.size > 0) this.#tenants.set(group, waiting);
    return taken;
  }

  #count(cost: number): void {
    this.#begun += cost;
    if (this.#isArmed) return;
    this.#isArmed = true;
    void this.#nextTurn().then(() => this.#turn());
  }

  #turn(): void {
    this.#isArmed = false;
    this.#begun = 0;
    while (this.#begun < maxCost) {
      const next = this.#take();
      if (next === undefined) return;
      this.#count(next.cost);
      next.begin();
    }
  }
}
