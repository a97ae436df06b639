import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { FanOutStep, StoreWrite } from '../store/store.ts';
import type { Admission } from './admission.ts';

/**
 * Deliveries in one step: 4 to 20 ms of the one writer of SQLite, for which every publisher may have to wait. Half as many
 * cost twice as much each (the commit), twice as many 20% less.
 */
const stepDeliveries = 1000;
/** Another node is at it, or the store is away. */
const retryMs = 100;
const maxRetryMs = 2000;

export interface FanOutOptions {
  readonly store: Pick<StoreWrite, 'stepFanOut'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly admission: Pick<Admission, 'reserveStep' | 'admitStep'>;
}

/**
 * Creates the deliveries of large requests, step by step. What is left to do is in the store, so a restart goes on where
 * the last step committed, and so does another node.
 */
export class FanOut {
  readonly #o: FanOutOptions;
  #running: Promise<void> | null = null;
  #again = false;
  #stopped = false;
  #cancelPause = (): void => {};

  constructor(options: FanOutOptions) {
    this.#o = options;
  }

  /** There may be something to do. */
  wake(): void {
    this.#again = true;
    if (!this.#stopped) this.#running ??= this.#run();
  }

  /** Begins no further step; resolves when the present one is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelPause();
    await this.#running;
  }

  async #run(): Promise<void> {
    let after: string | null = null;
    let failures = 0;
    while (this.#again && !this.#stopped) {
      try {
        const now = this.#o.clock.now();
        const step = await this.#o.store.stepFanOut({
          ...this.#o.admission.reserveStep(now),
          limit: stepDeliveries,
          after,
        });
        const { tenant, made }: FanOutStep = step;
        failures = 0;
        after = tenant;
        this.#again = tenant !== null;
        this.#o.admission.admitStep(step, now);
        if (tenant !== null && made === 0) await this.#pause(retryMs);
      } catch (error) {
        if (failures === 0)
          this.#o.logger.warn(
            { code: 'fan_out_failed', error: (error as Error).message },
            'a step of a fan-out failed; trying again',
          );
        await this.#pause(Math.min(maxRetryMs, retryMs * 2 ** failures++));
      }
    }
    this.#running = null;
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#o.clock.after(ms, resolve);
      this.#cancelPause = () => {
        cancel();
        resolve();
      };
    });
  }
}
