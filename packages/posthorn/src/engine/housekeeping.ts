import { defaults } from '../config/defaults.ts';
import type { ClusterRole } from '../domain/shard.ts';
import { dayMs } from '../domain/time.ts';
import type { NodeClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { type Repeated, repeat } from '../runtime/repeat.ts';
import type { StorePart } from '../store/store.ts';
import type { Timekeeper } from './timekeeper.ts';

export interface Retention {
  /** How long finished deliveries and their events are kept, in ms. */
  readonly settledMs: number;
  /** How long dead letters are kept, in ms. */
  readonly deadMs: number;
  /** How long entries of the audit log are kept, in ms. */
  readonly auditMs: number;
}

export const defaultRetention: Retention = {
  settledMs: defaults.retentionDays * dayMs,
  deadMs: defaults.deadRetentionDays * dayMs,
  auditMs: defaults.auditRetentionDays * dayMs,
};

const everyMs = 10_000;
const foldEveryMs = 60_000;
const batch = 500;
const showHeadEveryMs = 60_000;

/** The pause after a full batch, and after the start. */
const moreMs = 20;
const firstMs = 1000;

export interface HousekeepingOptions {
  readonly store: StorePart<
    'prune' | 'cancelOrphans' | 'fold' | 'pruneKeyedRequests' | 'pruneAuditLog' | 'pruneSessions',
    'auditChain'
  >;
  readonly clock: NodeClock;
  readonly logger: Logger;
  readonly retention: Retention;
  /** Whether nodes share the store, and its clock. */
  readonly shared: boolean;
  /** Only the coordinator keeps house: two nodes would only be in each other's way. */
  readonly role: ClusterRole;
  /** A node that does not know what time it is deletes nothing (G7). */
  readonly timekeeper: Pick<Timekeeper, 'isCurrent'>;
}

/** Works in small batches, each its own transaction, with a pause after each: history never holds up delivery. */
export class Housekeeping {
  readonly #o: HousekeepingOptions;
  #rounds: Repeated | null = null;
  /** Where the next batch begins. */
  #after = -1;
  #foldedAt = Number.NEGATIVE_INFINITY;
  #shownAt = Number.NEGATIVE_INFINITY;
  #shownHead = -1;

  constructor(options: HousekeepingOptions) {
    this.#o = options;
  }

  start(): void {
    const { clock, logger, role, timekeeper } = this.#o;
    const round = async (): Promise<number> => {
      if (!role.isCoordinator || !timekeeper.isCurrent) return everyMs;
      return (await this.#work()) ? moreMs : everyMs;
    };
    this.#rounds = repeat(clock, round, {
      everyMs,
      firstMs,
      kind: 'poll',
      onError: (error) =>
        logger.warn(
          { code: 'housekeeping_failed', error: error.message },
          'housekeeping failed; it will be tried again',
        ),
    });
  }

  stop(): void {
    void this.#rounds?.stop();
  }

  /** Returns whether there is more to do. */
  async #work(): Promise<boolean> {
    const { store, clock, retention, shared } = this.#o;
    // What a leap of the clock has not lived through is not old, and not folded.
    const ages = { ...clock.ages(), shared };
    const { lived } = ages;
    const pruned = await store.write.prune({
      ages,
      settledBefore: lived - retention.settledMs,
      deadBefore: lived - retention.deadMs,
      limit: batch,
      after: this.#after,
    });
    this.#after = pruned.next ?? -1;
    const counts = [
      await store.write.cancelOrphans(batch, ages.now),
      await store.write.pruneKeyedRequests(ages, batch),
      await store.write.pruneAuditLog(ages, retention.auditMs, batch),
      await store.write.pruneSessions(lived, batch),
    ];
    const isFolded = await this.#fold(lived);
    if (clock.monotonic() - this.#shownAt >= showHeadEveryMs) await this.#showHead();
    return pruned.next !== null || counts.some((count) => count >= batch) || !isFolded;
  }

  /** Returns whether nothing is left to fold. */
  async #fold(lived: number): Promise<boolean> {
    const { store, clock } = this.#o;
    if (clock.monotonic() - this.#foldedAt < foldEveryMs) return true;
    if (await store.write.fold(lived)) return false;
    this.#foldedAt = clock.monotonic();
    return true;
  }

  /** An intruder that can write the database cannot take back what is in the log of this process. */
  async #showHead(): Promise<void> {
    const { store, clock, logger } = this.#o;
    const { head } = await store.read.auditChain(Number.MAX_SAFE_INTEGER, 1);
    this.#shownAt = clock.monotonic();
    if (head === null || head.sequence === this.#shownHead) return;
    this.#shownHead = head.sequence;
    logger.info(
      { code: 'audit_log_head', sequence: head.sequence, hash: head.hash },
      'last entry of the audit log',
    );
  }
}
