import type { Endpoint } from 'posthorn/domain';
import type { FailingChange, Settlement } from 'posthorn/store';
import type { Step } from './shared-store.ts';

interface Run {
  readonly since: number;
  readonly count: number;
}

/** Fewer failures disable nothing. */
const fewest = 5;

/**
 * Endpoints that Posthorn pauses because they only fail: by the outcomes that any node settled, nothing
 * succeeded for as long as the endpoint says, and enough failed.
 */
export class DisableChecker {
  readonly #runs = new Map<string, Run>();
  readonly #report: (message: string) => void;
  readonly #count: () => void;
  readonly #elapsed: () => number;

  constructor(options: { report: (message: string) => void; count: () => void; elapsed: () => number }) {
    this.#report = options.report;
    this.#count = options.count;
    this.#elapsed = options.elapsed;
  }

  after({ name, args, answer }: Step): void {
    if (name === 'settle')
      for (const settlement of args[0] as readonly Settlement[]) this.#settled(settlement);
    if (name !== 'pauseFailing' || answer === null) return;
    const { endpointId } = args[0] as FailingChange;
    const { disableAfterMs } = answer as Endpoint;
    this.#count();
    const run = this.#runs.get(endpointId);
    const forMs = run === undefined ? 0 : this.#elapsed() - run.since;
    // An attempt has failed before its outcome is settled.
    if (
      run === undefined ||
      run.count < fewest ||
      forMs + settleMs < (disableAfterMs ?? Number.POSITIVE_INFINITY)
    )
      this.#report(
        `${endpointId} is paused after ${run?.count ?? 0} failures in ${Math.round(forMs / 1000)} s without a success`,
      );
  }

  #settled({ endpointId, state, errorClass }: Settlement): void {
    if (state === 'delivered') this.#runs.delete(endpointId);
    else if (errorClass !== null) {
      const run = this.#runs.get(endpointId);
      this.#runs.set(endpointId, { since: run?.since ?? this.#elapsed(), count: (run?.count ?? 0) + 1 });
    }
  }
}

const settleMs = 15_000;
