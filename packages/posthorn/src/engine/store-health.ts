import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { type Repeated, repeat } from '../runtime/repeat.ts';
import type { StoreWrite } from '../store/store.ts';
import type { EngineObserver } from './port.ts';

const probeMs = 1000;
const probeSize = 256 * 1024;

/** What the store was asked to take. */
export type StoreWork = 'events' | 'outcomes' | 'heartbeats';

export interface StoreHealthOptions {
  readonly store: Pick<StoreWrite, 'saveSetting'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: EngineObserver | undefined;
}

/**
 * Whether the store takes what this node writes. A small outcome may still fit on a disk where no event does, so each
 * kind of work counts by itself.
 */
export class StoreHealth {
  readonly #o: StoreHealthOptions;
  readonly #refused = new Set<StoreWork>();
  #probe: Repeated | null = null;
  #isStopped = false;

  constructor(options: StoreHealthOptions) {
    this.#o = options;
  }

  get isReady(): boolean {
    return this.#refused.size === 0;
  }

  /** The store has taken this work, or has refused it. */
  report(work: StoreWork, isTaken: boolean, error?: Error): void {
    if (isTaken !== this.#refused.has(work)) return;
    const { logger, observer } = this.#o;
    if (isTaken) {
      this.#refused.delete(work);
      logger.info({ code: 'store_accepts', work }, 'the store accepts writes again');
      return;
    }
    this.#refused.add(work);
    observer?.storeFailed();
    logger.error(
      { code: 'store_refuses', work, ...(error === undefined ? {} : { error: error.message }) },
      'the store refuses writes; readyz is false until it accepts them',
    );
    if (work === 'events') this.#startProbe();
  }

  stop(): void {
    this.#isStopped = true;
    this.#endProbe();
  }

  /**
   * Perhaps no publisher tries again when the disk has space, so a write of this node, as large as an event, finds out.
   */
  #startProbe(): void {
    if (this.#isStopped) return;
    const { store, clock } = this.#o;
    const probe = async (): Promise<void> => {
      if (this.#refused.has('events'))
        await store.saveSetting('probe', `${clock.now()}${' '.repeat(probeSize)}`);
      this.report('events', true);
      this.#endProbe();
    };
    this.#probe ??= repeat(clock, probe, { everyMs: probeMs, onError: () => {} });
  }

  #endProbe(): void {
    void this.#probe?.stop();
    this.#probe = null;
  }
}
