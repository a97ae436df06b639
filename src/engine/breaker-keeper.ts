import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { BreakerChange, Breakers } from '../store/store.ts';

/** However often breakers open and close, a node writes them down this often at most, all together. */
const paceMs = 1000;

/**
 * Brings what this node found out about its endpoints into their rows: only openings and closings, never an attempt.
 * Nothing depends on it arriving: a node that does not hear of a broken endpoint finds out by itself.
 */
export class BreakerKeeper {
  readonly #store: Breakers;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #changes = new Map<string, BreakerChange>();
  #cancel: (() => void) | null = null;
  #writing: Promise<void> | null = null;
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(options: { store: Breakers; clock: Clock; logger: Logger }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** The newest change of an endpoint is the one that is written. */
  note(change: BreakerChange): void {
    this.#changes.set(change.endpointId, change);
    this.#schedule();
  }

  /** Writes what is left; what cannot be written now is left to others to find out. */
  async stop(): Promise<void> {
    this.#cancel?.();
    await this.#writing;
    await this.#write();
    this.#cancel?.();
  }

  #schedule(): void {
    if (this.#cancel !== null || this.#writing !== null || this.#changes.size === 0) return;
    this.#cancel = this.#clock.after(Math.max(0, this.#nextAt - this.#clock.monotonic()), () => {
      this.#cancel = null;
      this.#writing = this.#write().finally(() => {
        this.#writing = null;
        this.#schedule();
      });
    });
  }

  async #write(): Promise<void> {
    const changes = [...this.#changes.values()];
    if (changes.length === 0) return;
    this.#changes.clear();
    this.#nextAt = this.#clock.monotonic() + paceMs;
    try {
      await this.#store.saveBreakers(changes);
    } catch (error) {
      this.#logger.warn(
        { error: (error as Error).message, endpoints: changes.length },
        'could not note which endpoints are broken; trying again',
      );
      for (const change of changes) {
        if (!this.#changes.has(change.endpointId)) this.#changes.set(change.endpointId, change);
      }
    }
  }
}
