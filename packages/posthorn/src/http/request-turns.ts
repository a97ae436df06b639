import type { Caller } from '../domain/caller.ts';
import { nextTurn } from '../runtime/turn.ts';
import { Turns } from '../runtime/turns.ts';

/** Total cost of requests that begin in one turn of the event loop: about 2 ms of work. */
const maxCost = 20;
/** Bytes of a body whose reading and checking take as long as a small request. */
const bytesPerCost = 4096;

interface Waiting {
  readonly cost: number;
  readonly begin: () => void;
}

/**
 * Limits how many requests begin in one turn of the event loop: beyond, tenants take turns, and the callers of a tenant
 * among themselves, so that no request waits for another tenant's flood, and many keys or sessions bring no advantage
 * (G8). With fewer requests nothing waits, and it costs a comparison. Connections are limited, and each has one request
 * at a time, so the queue is limited too.
 */
export class RequestTurns {
  readonly #nextTurn: () => Promise<void>;
  readonly #tenants = new Map<string, Turns<Waiting>>();
  #begun = 0;
  #isArmed = false;

  constructor(next: () => Promise<void> = nextTurn) {
    this.#nextTurn = next;
  }

  /** Null: it may begin now. For a caller without a tenant, the caller itself counts as the tenant. */
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
    // Neither names of tenants nor ids contain a space.
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
