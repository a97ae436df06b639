import { StoreFaultError } from '../domain/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Integrity } from '../store/store.ts';

const everyMs = 1000;

export interface StoreWatch {
  /** What is wrong with the store's files now; null: nothing that was found. */
  readonly fault: StoreFaultError | null;
  /** Whether the store answered the last check. */
  readonly answers: boolean;
  stop(): void;
}

/**
 * Checks once a second that the store's files are still those that were opened, and undamaged as far as anybody has seen:
 * while nobody publishes, nothing else would notice.
 */
export function watchStore(options: {
  readonly store: Pick<Integrity, 'checkFiles'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFault: (fault: StoreFaultError | null) => void;
}): StoreWatch {
  const { store, clock, logger, onFault } = options;
  let fault: StoreFaultError | null = null;
  let answers = true;
  let stopped = false;
  let cancel = (): void => {};
  const found = (now: StoreFaultError | null): void => {
    if (stopped || now?.message === fault?.message) return;
    fault = now;
    if (fault === null) logger.info({ code: 'store_restored' }, 'the files of the store are back');
    else
      logger.error(
        { code: 'store_fault', fault: fault.fault, error: fault.message },
        'the store cannot be trusted: readyz is false and nothing is accepted',
      );
    onFault(fault);
  };
  const round = async (): Promise<void> => {
    await store.checkFiles({ everyPage: false }).then(
      () => {
        answers = true;
        found(null);
      },
      (error: unknown) => {
        answers = error instanceof StoreFaultError;
        if (error instanceof StoreFaultError) found(error);
        else if (!stopped)
          logger.error({ code: 'store_away', error: (error as Error).message }, 'the store does not answer');
      },
    );
    if (!stopped) cancel = clock.after(everyMs, () => void round(), 'poll');
  };
  cancel = clock.after(everyMs, () => void round(), 'poll');
  return {
    get fault() {
      return fault;
    },
    get answers() {
      return answers;
    },
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}
