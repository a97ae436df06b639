// An inbox remembers which webhooks were processed, in the same transaction as their effect: so each is processed once,
// whether the process dies, the handler throws, or two attempts of one webhook run side by side.

export type Processed<Result> =
  | { readonly outcome: 'processed'; readonly result: Result }
  /** It was processed before, by this process or another: the effect is in the database already. */
  | { readonly outcome: 'duplicate' };

export interface Inbox<Tx> {
  /**
   * Runs `handle` once per webhook id. It gets the transaction that also records the id: what it writes there and the record are
   * committed together or not at all. If it throws, both are rolled back, the error is rethrown, and the next attempt runs it again.
   * A concurrent duplicate waits for the first, and is a `duplicate` if that commits; after `waitMs` it throws `InboxBusyError`.
   */
  process<Result>(
    webhookId: string,
    handle: (tx: Tx) => Result | Promise<Result>,
  ): Promise<Processed<Result>>;
  /** Records the id in a transaction of your own; false: it is a duplicate, and its effect is there. Commit even if it is false. */
  record(tx: Tx, webhookId: string): Promise<boolean>;
  /** Deletes records older than the retention, in steps; call it once an hour. */
  prune(): Promise<Pruned>;
  /** Creates the table and its index if they do not exist. `inboxSchema` returns the same statements for your own migrations. */
  createSchema(): Promise<void>;
  counters(): InboxCounters;
}

export interface Pruned {
  readonly deleted: number;
  /** Whether older ones are left: call it again. */
  readonly hasMore: boolean;
}

/** Counts since the inbox was created, and how many calls wait now. */
export interface InboxCounters {
  readonly processed: number;
  readonly duplicates: number;
  /** Rolled back: the handler threw, or the commit failed. */
  readonly failed: number;
  readonly busy: number;
  readonly pruned: number;
  readonly waiting: number;
}

export interface InboxOptions {
  /** Who sends: ids of different senders may be equal. Default ''. */
  readonly source?: string;
  /** Default `posthorn_inbox`; on PostgreSQL it may have a schema before it. */
  readonly table?: string;
  /** How long a concurrent duplicate waits for the first. Below the sender's timeout; default 10 s. */
  readonly waitMs?: number;
  /** How long an id is remembered. At least as long as the sender retries or replays; default 30 days. */
  readonly retentionS?: number;
}

/** The webhook is being processed by another attempt that takes too long, or the database is locked: answer 503. */
export class InboxBusyError extends Error {
  override readonly name = 'InboxBusyError';
  readonly code = 'inbox_busy';
}

/** The inbox is used in a way in which it cannot keep its promise. */
export class InboxUsageError extends Error {
  override readonly name = 'InboxUsageError';
  readonly code = 'inbox_usage';
}

export const pruneRows = 1000;
/** Maximum per call: called each hour, it keeps up with 100,000 webhooks an hour. */
const pruneSteps = 100;
/** Fits an index row of PostgreSQL, whatever the encoding. */
const maxIdBytes = 2000;

export interface InboxSettings {
  readonly source: string;
  readonly table: string;
  readonly waitMs: number;
  readonly retentionS: number;
}

/** Returns the options with their defaults; throws `InboxUsageError`. */
export function settingsFrom({
  source = '',
  table = 'posthorn_inbox',
  waitMs = 10_000,
  retentionS = 30 * 86_400,
}: InboxOptions): InboxSettings {
  if (!/^[a-z_]\w{0,62}(\.[a-z_]\w{0,62})?$/i.test(table))
    throw new InboxUsageError(`Invalid table ${JSON.stringify(table)}: use letters, digits and _`);
  if (!Number.isInteger(waitMs) || waitMs < 1 || waitMs > 600_000)
    throw new InboxUsageError('Invalid waitMs: use 1 to 600,000');
  if (!Number.isFinite(retentionS) || retentionS < 1)
    throw new InboxUsageError('Invalid retentionS: use a number of seconds from 1');
  return { source: checkId('source', source, 0), table, waitMs, retentionS };
}

export function checkId(what: string, id: unknown, minBytes = 1): string {
  const bytes = typeof id === 'string' ? new TextEncoder().encode(id).length : -1;
  if (bytes < minBytes || bytes > maxIdBytes || (id as string).includes('\0'))
    throw new InboxUsageError(
      `Invalid ${what}: use a string of ${minBytes} to ${maxIdBytes} bytes without NUL`,
    );
  return id as string;
}

/** Returns the statements that create the table of an inbox, for migrations. */
export function inboxSchema(database: 'sqlite' | 'postgres', { table = 'posthorn_inbox' } = {}): string[] {
  settingsFrom({ table });
  const index = `${table.replace('.', '_')}_age`;
  const time = database === 'sqlite' ? 'integer NOT NULL' : 'timestamptz NOT NULL DEFAULT now()';
  return [
    `CREATE TABLE IF NOT EXISTS ${table} (source text NOT NULL, webhook_id text NOT NULL, processed_at ${time}, PRIMARY KEY (source, webhook_id))`,
    `CREATE INDEX IF NOT EXISTS ${index} ON ${table} (source, processed_at)`,
  ];
}

/** Deletes in steps until a step was not full. */
export async function pruneInSteps(step: () => Promise<number>): Promise<Pruned> {
  let deleted = 0;
  for (let steps = 0; steps < pruneSteps; steps++) {
    const count = await step();
    deleted += count;
    if (count < pruneRows) return { deleted, hasMore: false };
  }
  return { deleted, hasMore: true };
}

/** What an inbox counts while it works. */
export class Counts {
  processed = 0;
  duplicates = 0;
  failed = 0;
  busy = 0;
  pruned = 0;

  /** Counts the outcome of a call. */
  async track<Result>(call: () => Promise<Processed<Result>>): Promise<Processed<Result>> {
    try {
      const done = await call();
      if (done.outcome === 'processed') this.processed++;
      else this.duplicates++;
      return done;
    } catch (error) {
      if (error instanceof InboxBusyError) this.busy++;
      else if (!(error instanceof InboxUsageError)) this.failed++;
      throw error;
    }
  }
}
