import { UnavailableError } from '../domain/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { DeliveryPath, SettleAnswer, Settlement } from '../store/store.ts';
import type { Share } from './fair-budget.ts';
import type { Sharing } from '../runtime/sharing.ts';

/** At most this many outcomes go into one transaction. */
const maxBatch = 1000;
/** While several tenants are active: 2 to 3 ms of SQLite, for which the events of all wait. */
const maxShared = 128;
/**
 * Nobody waits for an outcome's commit, so under load one begins this long after the beginning of the one
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

interface Waiting {
  readonly settlement: Settlement;
  readonly share: Share | undefined;
}

/**
 * Group commit of outcomes (G4): one transaction at a time, each taking all that came in meanwhile.
 * While the store refuses, outcomes are kept and tried again; the fence makes trying twice harmless (G3).
 */
export class Settler {
  readonly #store: Pick<DeliveryPath, 'settle'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #sharing: Pick<Sharing, 'isShared'>;
  readonly #settled: (settlement: Settlement, answer: SettleAnswer) => void;
  readonly #onHealth: (healthy: boolean) => void;
  #queue: Waiting[] = [];
  #running = false;
  #abandoned = false;
  #unsettled = 0;
  #lastBegan = Number.NEGATIVE_INFINITY;
  #took = 0;
  #idle: (() => void)[] = [];

  constructor(options: {
    store: Pick<DeliveryPath, 'settle'>;
    clock: Clock;
    logger: Logger;
    sharing: Pick<Sharing, 'isShared'>;
    settled: (settlement: Settlement, answer: SettleAnswer) => void;
    onHealth: (healthy: boolean) => void;
  }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#sharing = options.sharing;
    this.#settled = options.settled;
    this.#onHealth = options.onHealth;
  }

  /** How many outcomes are not yet on disk. */
  get unsettled(): number {
    return this.#unsettled;
  }

  /** `share` is what the outcome holds of the budget of outcomes, until it is on disk. */
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
    let wait = firstRetryMs;
    let size = maxBatch;
    // Lets the outcomes of one turn of the event loop come together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const pace = Math.min(maxPaceMs, Math.max(paceMs, 2 * this.#took));
      const early = this.#lastBegan + pace - this.#clock.monotonic();
      const most = this.#sharing.isShared ? maxShared : maxBatch;
      if (early > 0 && this.#queue.length < most)
        await new Promise<void>((resolve) => this.#clock.after(early, resolve));
      this.#lastBegan = this.#clock.monotonic();
      const batch = this.#queue.slice(0, Math.min(size, most));
      try {
        const answers = await this.#store.settle(batch.map(({ settlement }) => settlement));
        this.#took = this.#clock.monotonic() - this.#lastBegan;
        this.#remove(batch);
        wait = firstRetryMs;
        size = maxBatch;
        this.#onHealth(true);
        for (const [index, { settlement }] of batch.entries()) this.#settled(settlement, answers[index]!);
      } catch (error) {
        if (!(error instanceof UnavailableError)) {
          // A defect, not a disk: find the one outcome by settling singly, and let its delivery come due again (G2).
          if (batch.length === 1) {
            this.#remove(batch);
            this.#logger.error(
              { code: 'settle_failed', error: (error as Error).message },
              'an outcome cannot be settled; its delivery will be tried again',
            );
          }
          size = 1;
          continue;
        }
        this.#onHealth(false);
        this.#logger.error(
          { code: 'settle_unavailable', error: (error as Error).message, outcomes: batch.length },
          'cannot settle outcomes; trying again',
        );
        await new Promise<void>((resolve) => this.#clock.after(wait, resolve));
        wait = Math.min(wait * 2, maxRetryMs);
      }
    }
    this.#running = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
