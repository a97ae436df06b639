import { isCoordinator } from '../../domain/shard.ts';
import type { Clock } from '../../runtime/clock.ts';
import { within } from '../../runtime/within.ts';
import type { DeadLetterGroup, StoreRead } from '../../store/store.ts';
import { everything } from '../../store/accounting.ts';

/** Values that only the store knows, read at most this often, however frequent scrapes are. */
const sampleEveryMs = 15_000;
/** A scrape waits at most this long for the store: then it is answered without the missing values. */
const maxWaitMs = 2000;
/** A sample older than this is worthless: the store is away, and its gauges disappear with it. */
const freshForMs = 60_000;

export interface StoreSample {
  /** The earliest `due_at` of the deliveries in this node's shards; null if none is pending. */
  readonly oldestDueAt: number | null;
  /** Set on the coordinator. */
  readonly whole: {
    readonly pending: number;
    readonly overdue: number;
    readonly late: number;
    readonly deadLetters: readonly DeadLetterGroup[];
    readonly nodes: number;
  } | null;
}

export interface StoreSampler {
  /** A current or recent sample; null if the store does not answer. Never rejects. */
  sample(shards: readonly number[]): Promise<StoreSample | null>;
}

export function createStoreSampler(
  store: Pick<StoreRead, 'accounting' | 'deadLetters' | 'nextDue' | 'nodes'>,
  clock: Clock,
): StoreSampler {
  let last: { readonly sample: StoreSample; readonly at: number } | null = null;
  let reading: Promise<void> | null = null;

  const read = async (shards: readonly number[]): Promise<StoreSample> => {
    const due = (await store.nextDue(shards)).map(({ dueAt }) => dueAt);
    const oldestDueAt = due.length === 0 ? null : due.reduce((a, b) => Math.min(a, b));
    if (!isCoordinator(shards)) return { oldestDueAt, whole: null };
    const now = clock.now();
    const { pending, overdue, late } = await store.accounting({
      ...everything,
      now,
    });
    const deadLetters = await store.deadLetters({});
    // A store with one owner lists no nodes.
    const nodes = Math.max(1, (await store.nodes()).length);
    return { oldestDueAt, whole: { pending, overdue, late, deadLetters, nodes } };
  };

  return {
    sample: async (shards) => {
      const age = (): number => (last === null ? Number.POSITIVE_INFINITY : clock.monotonic() - last.at);
      if (age() > sampleEveryMs) {
        reading ??= read(shards)
          .then(
            (sample) => {
              last = { sample, at: clock.monotonic() };
            },
            // Its gauges are missing from the scrape, and posthorn_ready says why.
            () => {},
          )
          .finally(() => (reading = null));
        await within(clock, maxWaitMs, reading);
      }
      return age() > freshForMs ? null : last!.sample;
    },
  };
}
