import { text, textOrNull, num, withDatabase } from './database.ts';
import { AuditError } from './errors.ts';
import { readVocabulary } from './read/ingest.ts';
import { load } from './read/load.ts';
import type { AuditOptions } from './result.ts';
import { makeLines, screenLines } from './timeline/timeline.ts';

/** What a log says of one event and one endpoint. */
export interface SentEvent {
  readonly eventId: string;
  readonly endpoint: string | null;
  readonly tenant: string | null;
  readonly type: string | null;
  /** ms since the epoch. */
  readonly firstAt: number;
  /** The log has an attempt of it, or says that it was delivered: a table of deliveries lacks their attempts. */
  readonly isSent: boolean;
}

/** All of them are in memory. */
const maxEvents = 2_000_000;
const memoryMb = 1100;

/** Reads delivery logs of any kind that `audit` reads: which events were sent to which endpoint. */
export async function readSent(
  options: Pick<AuditOptions, 'files' | 'format' | 'mapping' | 'timezone' | 'signal'>,
): Promise<readonly SentEvent[]> {
  const { timezone = 'UTC', signal } = options;
  return await withDatabase({ memoryMb, timezone, signal }, async (database) => {
    const { specs } = await load(database, options);
    const vocabulary = await readVocabulary(database);
    await screenLines(database, vocabulary);
    await makeLines(database, vocabulary, specs);
    const { n } = await database.row('select count(distinct key) as n from line');
    if (num(n) > maxEvents)
      throw new AuditError(`the log has more than ${maxEvents} deliveries: compare a shorter one`);
    const rows = await database.rows(
      `select any_value(id) as id, any_value(endpoint) as endpoint, any_value(tenant) as tenant, any_value(event_type) as type,
        min(t)::double as first, bool_or(kind in ('start', 'end') or coalesce(ok, false)) as sent from line group by key`,
    );
    return rows.map(({ id, endpoint, tenant, type, first, sent }) => ({
      eventId: text(id),
      endpoint: textOrNull(endpoint),
      tenant: textOrNull(tenant),
      type: textOrNull(type),
      firstAt: num(first),
      isSent: sent === true,
    }));
  });
}
