import type { StoreWrite } from '../store.ts';
import type { Call } from './thread.ts';

/** No caller waits for the answer to these, and each takes a millisecond or more. */
const patient: { readonly [Method in keyof StoreWrite]?: true } = {
  claim: true,
  settle: true,
  stepFanOut: true,
  prune: true,
  fold: true,
};

const isPatient = (call: Call): boolean => call[1] === 'write' && patient[call[2]] === true;

/**
 * The order in which the thread of the store runs the calls that wait for it. Publishers wait for commits of their own, so
 * these go first; but what no caller waits for has every second turn, so that deliveries go on under any flood (G8). The order
 * is not observable: calls that depend on each other are made one after the answer of the other, as every store demands.
 */
export class CallOrder {
  readonly #urgent: Call[] = [];
  readonly #patient: Call[] = [];
  #closing: Call | null = null;
  #wasUrgent = false;

  add(call: Call): void {
    if (call.length === 1) this.#closing = call;
    else if (isPatient(call)) this.#patient.push(call);
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
