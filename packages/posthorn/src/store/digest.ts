import { hash } from 'node:crypto';
import type { EventIntegrity, NewEvent } from '../domain/event.ts';
import type { Finding } from './store.ts';

// Each event carries a digest of what is stored of it, so that a payload that changed on disk is never sent. 128 bits of
// SHA-256: 1.5 µs for 1 KiB, of which reading and joining the text is half (CRC-32: 0.7 µs, and a deliberate edit passes it).

/** Characters of base64 that are kept: 132 bits. */
const digestLength = 22;

/** In place of the digest of an event whose data were deleted: it equals no digest, so the event is never sent. */
export const deletedDigest = 'deleted';

/**
 * What the digest covers besides the data, in a fixed order, one a line. No field can hold a line break, and none that may be
 * null can be empty. `digestHeadSql` is the same in SQL. Routing keys are a line only where there are any: events from before them
 * keep their digests.
 */
function digestHead(event: Omit<NewEvent, 'callerId' | 'shard' | 'data'>, acceptedAt: number): string {
  const { tenant, id, type, orderingKey, routingKeys, occurredAt, value } = event;
  const keys = routingKeys.length === 0 ? '' : `\n${routingKeys.join(',')}`;
  return `${tenant}\n${id}\n${type}\n${orderingKey ?? ''}\n${occurredAt ?? ''}\n${acceptedAt}\n${value?.amountMinor ?? ''}\n${value?.currency ?? ''}${keys}`;
}

export function digestOf(head: string, data: string): string {
  return hash('sha256', `${head}\n${data}`, 'base64').slice(0, digestLength);
}

export function eventDigest(event: Omit<NewEvent, 'callerId' | 'shard'>, acceptedAt: number): string {
  return digestOf(digestHead(event, acceptedAt), event.data);
}

export function integrityOf(
  event: Omit<NewEvent, 'callerId' | 'shard'>,
  acceptedAt: number,
  digest: string | null,
  dataDeletedAt: number | null,
): EventIntegrity {
  // The marker and the time come together: either alone was not written by Posthorn.
  if (dataDeletedAt !== null) return digest === deletedDigest ? 'deleted' : 'corrupt';
  if (digest === null) return 'unknown';
  return eventDigest(event, acceptedAt) === digest ? 'intact' : 'corrupt';
}

/** `digestHead` of the row `e`, in the dialect of either store; `newline` is the line break as an expression. */
export function digestHeadSql(newline: string, text: (column: string) => string): string {
  const parts = [
    'e.tenant',
    'e.id',
    'e.type',
    "coalesce(e.ordering_key, '')",
    `coalesce(${text('e.occurred_at')}, '')`,
    text('e.accepted_at'),
    `coalesce(${text('e.amount_minor')}, '')`,
    "coalesce(e.currency, '')",
  ];
  return `${parts.join(` || ${newline} || `)} || coalesce(${newline} || e.routing_keys, '')`;
}

/** The digest of the row `e` of PostgreSQL, as the database computes it from what it holds. */
export const postgresDigest = `left(encode(sha256(convert_to(${digestHeadSql("E'\\n'", (column) => `${column}::text`)} || E'\\n' || e.data, 'UTF8')), 'base64'), ${digestLength})`;

const problem =
  'the stored event does not match its digest: its data or another of its fields was changed on disk';

/** A corrupt event, once for each of its deliveries [number, endpoint id], or once where it has none left. */
export function findingsOfEvent(
  eventId: string,
  deliveries: readonly (readonly [number, string | null])[],
): Finding[] {
  if (deliveries.length === 0) return [{ number: null, eventId, endpointId: null, problem }];
  return deliveries.map(([number, endpointId]) => ({ number, eventId, endpointId, problem }));
}
