import { defaults } from '../config/defaults.ts';
import type { NodeClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Accounting } from '../store/accounting.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { IdempotencyKeys } from '../store/idempotency.ts';
import type { Sessions } from '../store/sessions.ts';
import type { DeliveryPath } from '../store/store.ts';
import { dayMs } from '../domain/time.ts';

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

/** Works in small batches, each its own transaction, with a pause after each: history never holds up delivery. */
export function startHousekeeping(options: {
  readonly store: Pick<DeliveryPath, 'prune' | 'cancelOrphans'> &
    Pick<Accounting, 'fold'> &
    Pick<IdempotencyKeys, 'pruneKeyedRequests'> &
    Pick<AuditLog, 'pruneAuditLog' | 'auditChain'> &
    Pick<Sessions, 'pruneSessions'>;
  readonly clock: NodeClock;
  readonly logger: Logger;
  readonly retention: Retention;
  /** Whether nodes share the store, and its clock. */
  readonly shared: boolean;
  /** Whether this node is the one that does it: two at it would only be in each other's way. */
  readonly mine: () => boolean;
}): { stop(): void } {
  const { store, clock, logger, retention, shared, mine } = options;
  let stopped = false;
  let cancel = (): void => {};
  let after = -1;
  let foldedAt = Number.NEGATIVE_INFINITY;
  let shownAt = Number.NEGATIVE_INFINITY;
  let shownHead = -1;

  const round = async (): Promise<void> => {
    let more = false;
    if (mine()) more = await work();
    if (!stopped) cancel = clock.after(more ? 20 : everyMs, () => void round(), 'poll');
  };
  const work = async (): Promise<boolean> => {
    try {
      // What a leap of the clock has not lived through is not old, and not folded.
      const ages = { ...clock.ages(), shared };
      const { lived } = ages;
      const pruned = await store.prune({
        ages,
        settledBefore: lived - retention.settledMs,
        deadBefore: lived - retention.deadMs,
        limit: batch,
        after,
      });
      after = pruned.next ?? -1;
      const cancelled = await store.cancelOrphans(batch, ages.now);
      const expired = await store.pruneKeyedRequests(ages, batch);
      const forgotten = await store.pruneAuditLog(ages, retention.auditMs, batch);
      const ended = await store.pruneSessions(lived, batch);
      let unfolded = false;
      if (clock.monotonic() - foldedAt >= foldEveryMs) {
        unfolded = await store.fold(lived);
        if (!unfolded) foldedAt = clock.monotonic();
      }
      if (clock.monotonic() - shownAt >= showHeadEveryMs) await showHead();
      const full = [cancelled, expired, forgotten, ended].some((count) => count >= batch);
      return pruned.next !== null || full || unfolded;
    } catch (error) {
      logger.warn(
        { code: 'housekeeping_failed', error: (error as Error).message },
        'housekeeping failed; it will be tried again',
      );
      return false;
    }
  };

  /** Who can write the database cannot take back what stands in the log of this process. */
  const showHead = async (): Promise<void> => {
    const { head } = await store.auditChain(Number.MAX_SAFE_INTEGER, 1);
    shownAt = clock.monotonic();
    if (head === null || head.sequence === shownHead) return;
    shownHead = head.sequence;
    logger.info(
      { code: 'audit_log_head', sequence: head.sequence, hash: head.hash },
      'last entry of the audit log',
    );
  };

  cancel = clock.after(1000, () => void round());
  return {
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}
