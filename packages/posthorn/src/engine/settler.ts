import { UnavailableError } from '../domain/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Settlement, StoreWrite } from '../store/store.ts';
import type { Sharing } from '../runtime/sharing.ts';
import type { Share } from './fair-budget.ts';
import type { Outcomes, SettledListener } from './outcomes.ts';
import type { StoreHealth } from './store-health.ts';

/** At most this many outcomes go into one transaction. */
const maxBatch = 1000;
/** While several tenants are active: 2 to 3 ms of SQLite, for which the events of all wait. */
const maxShared = 128;
/**
 * No publisher waits for an outcome's commit, so under load one begins this long after the beginning of the one
 * before it, and takes all that came in meanwhile. Measured: a tenth less time for each delivery.
 */
const paceMs = 5;
/**
 * Where a commit takes longer, as over a network, the next one waits for as long again, up to this: larger batches cost
 * less. Measured on PostgreSQL: a twentieth less time for each delivery.
 */
const maxPaceMs = 25;
const firstRetryMs = 50;
const maxRetryMs = 2000;

export interface SettlerOptions {
  readonly store: Pick<StoreWrite, 'settle'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sharing: Pick<Sharing, 'isShared'>;
  readonly health: Pick<StoreHealth, 'report'>;
}

interface Waiting {
  readonly settlement: Settlement;
  readonly share: Share | undefined;
}

/**
 * Group commit of outcomes (G4): one transaction at a time, each taking all that came in meanwhile.
 * While the store refuses, outcomes are kept and tried again; the fence makes trying twice harmless (G3).
 */
export class Settler implements Outcomes {
  readonly #o: SettlerOptions;
  readonly #listeners: SettledListener[] = [];
  #queue: Waiting[] = [];
  #running = false;
  #abandoned = false;
  #unsettled = 0;
  #lastBegan = Number.NEGATIVE_INFINITY;
  #took = 0;
  #idle: (() => void)[] = [];

  constructor(options: SettlerOptions) {
    this.#o = options;
  }

  /** Listeners are called in the order in which they subscribed. */
  subscribe(listener: SettledListener): void {
    this.#listeners.push(listener);
  }

  /** How many outcomes are not yet on disk. */
  get unsettled(): number {
    return this.#unsettled;
  }

  push(settlement: Settlement, share?: Share): void {
    this.#queue.push({ settlement, share });
    this.#unsettled++;
    if (!this.#running) void this.#run();
  }

  /** The clock has gone back: what waits to be settled comes due after as long as it would have. */
  move(byMs: number): void {
    if (byMs >= 0) return;
    this.#queue = this.#queue.map(({ settlement, share }) => ({
      share,
      settlement: {
        ...settlement,
        now: settlement.now + byMs,
        dueAt: settlement.dueAt === null ? null : settlement.dueAt + byMs,
      },
    }));
  }

  /** Resolves when nothing is left to settle. */
  async drained(): Promise<void> {
    if (this.#unsettled > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Ends without what is left, because its time is over: those deliveries come due again (G2). Returns how many. */
  abandon(): number {
    this.#abandoned = true;
    const left = this.#unsettled;
    this.#queue = [];
    this.#unsettled = 0;
    for (const resolve of this.#idle.splice(0)) resolve();
    return left;
  }

  #remove(batch: readonly Waiting[]): void {
    if (this.#abandoned) return;
    this.#queue = this.#queue.slice(batch.length);
    this.#unsettled -= batch.length;
    for (const { share } of batch) share?.give(1);
  }

  async #run(): Promise<void> {
    this.#running = true;
    let waitMs = firstRetryMs;
    let size = maxBatch;
    // Lets the outcomes of one turn of the event loop come together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      await this.#pace();
      const batch = this.#queue.slice(0, Math.min(size, this.#maxBatch));
      const result = await this.#settle(batch);
      if (result === 'settled') {
        waitMs = firstRetryMs;
        size = maxBatch;
      } else if (result === 'defect') size = 1;
      else {
        await this.#wait(waitMs);
        waitMs = Math.min(waitMs * 2, maxRetryMs);
      }
    }
    this.#running = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  get #maxBatch(): number {
    return this.#o.sharing.isShared ? maxShared : maxBatch;
  }

  /** Waits until the next commit is to begin. */
  async #pace(): Promise<void> {
    const pace = Math.min(maxPaceMs, Math.max(paceMs, 2 * this.#took));
    const early = this.#lastBegan + pace - this.#o.clock.monotonic();
    if (early > 0 && this.#queue.length < this.#maxBatch) await this.#wait(early);
    this.#lastBegan = this.#o.clock.monotonic();
  }

  async #wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#o.clock.after(ms, resolve));
  }

  async #settle(batch: readonly Waiting[]): Promise<'settled' | 'unavailable' | 'defect'> {
    const { store, clock, logger, health } = this.#o;
    try {
      const answers = await store.settle(batch.map(({ settlement }) => settlement));
      this.#took = clock.monotonic() - this.#lastBegan;
      this.#remove(batch);
      health.report('outcomes', true);
      for (const [index, { settlement }] of batch.entries())
        for (const listener of this.#listeners) listener.settled(settlement, answers[index]!);
      return 'settled';
    } catch (error) {
      const { message } = error as Error;
      if (error instanceof UnavailableError) {
        health.report('outcomes', false);
        logger.error(
          { code: 'settle_unavailable', error: message, outcomes: batch.length },
          'cannot settle outcomes; trying again',
        );
        return 'unavailable';
      }
      // A defect, not a disk: find the one outcome by settling singly, and let its delivery come due again (G2).
      if (batch.length === 1) {
        this.#remove(batch);
        logger.error(
          { code: 'settle_failed', error: message },
          'an outcome cannot be settled; its delivery will be tried again',
        );
      }
      return 'defect';
    }
  }
}
