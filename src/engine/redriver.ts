import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Operations, RedriveRecord } from '../store/store.ts';

const stepMost = 500;
const retryMs = 1000;

/**
 * Runs bulk redrives step by step. Progress is stored with each step, so a restart goes on where the last
 * one committed; with a rate, each step takes as many as a tenth of a second allows.
 */
export class Redriver {
  readonly #store: Pick<Operations, 'runningRedrives' | 'stepRedrive'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #due: (endpointIds: readonly string[]) => void;
  readonly #mine: () => boolean;
  #running = false;
  #again = false;
  #stopped = false;

  constructor(options: {
    store: Pick<Operations, 'runningRedrives' | 'stepRedrive'>;
    clock: Clock;
    logger: Logger;
    due: (endpointIds: readonly string[]) => void;
    /** Whether this node is the one that runs them: two would take twice the rate. */
    mine: () => boolean;
  }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#due = options.due;
    this.#mine = options.mine;
  }

  /** There may be a new job. */
  wake(): void {
    this.#again = true;
    if (!this.#running && !this.#stopped && this.#mine()) void this.#run();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        for (const job of await this.#store.runningRedrives()) await this.#finish(job);
      } catch (error) {
        this.#logger.warn({ error: (error as Error).message }, 'a redrive stopped short; it will go on');
        await this.#pause(retryMs);
        this.#again = true;
      }
    }
    this.#running = false;
  }

  async #finish(job: RedriveRecord): Promise<void> {
    const perStep =
      job.ratePerS === null ? stepMost : Math.min(stepMost, Math.max(1, Math.floor(job.ratePerS / 10)));
    for (let state = job.state; state === 'running' && !this.#stopped && this.#mine();) {
      const { redrive, endpointIds } = await this.#store.stepRedrive(job.id, perStep, this.#clock.now());
      this.#due(endpointIds);
      state = redrive.state;
      if (state === 'running') await this.#pause(job.ratePerS === null ? 5 : (perStep / job.ratePerS) * 1000);
    }
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.after(ms, resolve));
  }
}
