import type { Store } from '../store.ts';
import type { Call } from './thread.ts';

/** Nobody waits for the answer to these, and each takes a millisecond or more. */
const patient: ReadonlySet<keyof Store> = new Set(['claim', 'settle', 'stepFanOut', 'prune', 'fold']);

/**
 * The order in which the thread of the store runs what waits for it. Publishers wait for commits of their own, so these go
 * first; but what nobody waits for has every second turn, so that deliveries go on under any flood (G8). Neither can
 * tell: calls that depend on each other are made one after the answer of the other, as every store demands.
 */
export class CallOrder {
  readonly #urgent: Call[] = [];
  readonly #patient: Call[] = [];
  #closing: Call | null = null;
  #wasUrgent = false;

  add(call: Call): void {
    if (call[1] === 'close') this.#closing = call;
    else if (patient.has(call[1])) this.#patient.push(call);
    else this.#urgent.push(call);
  }

  take(): Call | undefined {
    const isUrgent = this.#urgent.length > 0 && (!this.#wasUrgent || this.#patient.length === 0);
    this.#wasUrgent = isUrgent;
    const call = isUrgent ? this.#urgent.shift() : this.#patient.shift();
    if (call !== undefined) return call;
    const last = this.#closing ?? undefined;
    this.#closing = null;
    return last;
  }
}
