import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';

/** However often what is known of endpoints changes, a node writes it down this often at most, all together. */
const defaultPaceMs = 1000;

/**
 * Writes what this node learned of its endpoints (breakers, throttles) into their rows: only changes, never an attempt.
 * Nothing depends on a change being written: a node that does not read it learns it by itself.
 */
export class ChangeKeeper<Change extends { readonly endpointId: string }> {
  readonly #save: (changes: readonly Change[]) => Promise<void>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #paceMs: number;
  readonly #maxChanges: number;
  readonly #changes = new Map<string, Change>();
  /** What is being written now. */
  #inWrite: readonly Change[] = [];
  #cancel: (() => void) | null = null;
  #writing: Promise<unknown> | null = null;
  #stopped = false;
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(options: {
    save: (changes: readonly Change[]) => Promise<void>;
    clock: Clock;
    logger: Logger;
    paceMs?: number;
    /** So many at once; the others wait for the next time, the longest first. */
    maxChanges?: number;
  }) {
    this.#save = options.save;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#paceMs = options.paceMs ?? defaultPaceMs;
    this.#maxChanges = options.maxChanges ?? Number.POSITIVE_INFINITY;
  }

  /** The newest change of an endpoint is the one that is written. */
  note(change: Change): void {
    this.#changes.set(change.endpointId, change);
    this.#schedule();
  }

  /** Whether the endpoint's row does not yet say what this node knows. */
  isUnsaved(endpointId: string): boolean {
    return this.#changes.has(endpointId) || this.#inWrite.some((change) => change.endpointId === endpointId);
  }

  /** What was noted of this endpoint is true no more. */
  forget(endpointId: string): void {
    this.#changes.delete(endpointId);
    this.#inWrite = this.#inWrite.filter((change) => change.endpointId !== endpointId);
  }

  /** Writes what is left; what cannot be written now is left to others to find out. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#writing;
    while (this.#changes.size > 0) if (!(await this.#write())) return;
  }

  #schedule(): void {
    if (this.#stopped || this.#cancel !== null || this.#writing !== null || this.#changes.size === 0) return;
    this.#cancel = this.#clock.after(Math.max(0, this.#nextAt - this.#clock.monotonic()), () => {
      this.#cancel = null;
      this.#writing = this.#write().finally(() => {
        this.#writing = null;
        this.#schedule();
      });
    });
  }

  /** Returns whether it could be written. */
  async #write(): Promise<boolean> {
    const changes = [...this.#changes.values()].slice(0, this.#maxChanges);
    if (changes.length === 0) return true;
    for (const { endpointId } of changes) this.#changes.delete(endpointId);
    this.#inWrite = changes;
    this.#nextAt = this.#clock.monotonic() + this.#paceMs;
    try {
      await this.#save(changes);
      return true;
    } catch (error) {
      this.#logger.warn(
        {
          code: 'endpoint_health_not_saved',
          error: (error as Error).message,
          endpoints: changes.length,
        },
        'cannot save breakers and throttles of endpoints; trying again',
      );
      for (const change of this.#inWrite) {
        if (!this.#changes.has(change.endpointId)) this.#changes.set(change.endpointId, change);
      }
      return false;
    } finally {
      this.#inWrite = [];
    }
  }
}
