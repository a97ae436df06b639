import { StoreFaultError } from '../domain/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { type Repeated, repeat } from '../runtime/repeat.ts';
import type { StoreRead } from '../store/store.ts';

const everyMs = 1000;

export interface StoreWatchOptions {
  readonly store: Pick<StoreRead, 'checkFiles'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Null: the fault is over. */
  readonly onFault: (fault: StoreFaultError | null) => void;
}

/**
 * Checks once a second that the store's files are still those that were opened, and not known to be damaged: while no
 * publisher is active, nothing else would notice.
 */
export class StoreWatch {
  readonly #o: StoreWatchOptions;
  #fault: StoreFaultError | null = null;
  #answers = true;
  #stopped = false;
  #checks: Repeated | null = null;

  constructor(options: StoreWatchOptions) {
    this.#o = options;
  }

  /** What is wrong with the store's files now; null if nothing was found. */
  get fault(): StoreFaultError | null {
    return this.#fault;
  }

  /** Whether the store answered the last check. */
  get answers(): boolean {
    return this.#answers;
  }

  start(): void {
    this.#checks = repeat(this.#o.clock, () => this.#check(), {
      everyMs,
      kind: 'poll',
      onError: (error) => this.#failed(error),
    });
  }

  stop(): void {
    this.#stopped = true;
    void this.#checks?.stop();
  }

  async #check(): Promise<void> {
    await this.#o.store.checkFiles({ everyPage: false });
    this.#answers = true;
    this.#found(null);
  }

  #failed(error: Error): void {
    this.#answers = error instanceof StoreFaultError;
    if (error instanceof StoreFaultError) this.#found(error);
    else if (!this.#stopped)
      this.#o.logger.error({ code: 'store_away', error: error.message }, 'the store does not answer');
  }

  #found(fault: StoreFaultError | null): void {
    if (this.#stopped || fault?.message === this.#fault?.message) return;
    this.#fault = fault;
    const { logger, onFault } = this.#o;
    if (fault === null) logger.info({ code: 'store_restored' }, 'the files of the store are back');
    else
      logger.error(
        { code: 'store_fault', fault: fault.fault, error: fault.message },
        'the store cannot be trusted: readyz is false and nothing is accepted',
      );
    onFault(fault);
  }
}
