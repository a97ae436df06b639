import { shardOfNumber } from '../../domain/ids.ts';
import { withChange } from '../audit-log.ts';
import { deletedDigest } from '../digest.ts';
import type { DataDeletion, OperationWrites } from '../operations.ts';
import { writeAudit } from './audit-log.ts';
import { blocksKeys } from './blocking.ts';
import { findEvents } from './events.ts';
import { type Cold, erasing } from './methods.ts';
import { forUpdate, inList, isAnyOf, isNumbered, limit as limited, table } from './pieces.ts';
import { per, raw, type Sql, sql } from './sql.ts';
import { changes, row, rows, type Steps } from './steps.ts';

// How the data of an event are deleted. Whatever could make a delivery of it pending locks the event's row first, as this does.

const [events, deliveries, endpoints] = [table('events'), table('deliveries'), table('endpoints')];

/** Deliveries that the refusal counts. */
const maxCounted = 1000;

/** How an attempt went over the wire, without the headers of the answer. */
const wireWithoutHeaders: Sql = per(({ name }) =>
  raw(
    name === 'sqlite'
      ? "json_set(wire, '$.headers', json('[]'))"
      : "CAST(jsonb_set(CAST(wire AS jsonb), '{headers}', '[]') AS text)",
  ),
);

interface Locked {
  readonly number: number;
  readonly deletedAt: number | null;
}

function* lockEvent(tenant: string, id: string): Steps<Locked | null> {
  const number = (yield* findEvents([{ tenant, id }]))[0] ?? null;
  if (number === null) return null;
  const found = yield* row(
    sql`SELECT e.data_deleted_at FROM ${events} e WHERE ${isNumbered('e', 'number', number)} ${forUpdate('e')}`,
  );
  return found === undefined ? null : { number, deletedAt: found[0] as number | null };
}

/** What an event still owes: also what its fan-out is to create, which is looked at first because it becomes deliveries. */
function* readUnfinished(
  number: number,
): Steps<{ readonly pending: number; readonly blocking: number } | null> {
  const fanOut = yield* row(
    sql`SELECT f.remaining FROM ${table('fan_out_events')} f WHERE f.event_number = ${number}`,
  );
  const isOfEvent = isNumbered('d', 'event_number', number);
  const counted = (from: Sql): Sql =>
    sql`SELECT count(*) FROM (SELECT 1 FROM ${from} ${limited(maxCounted)}) d`;
  const [pending] = (yield* row(counted(sql`${deliveries} d WHERE ${isOfEvent} AND d.state = 0`))) as [
    number,
  ];
  const [blocking] = (yield* row(
    counted(
      sql`${deliveries} d JOIN ${endpoints} p ON p.num = d.endpoint
        WHERE ${isOfEvent} AND d.state = 2 AND d.order_key IS NOT NULL AND ${blocksKeys}`,
    ),
  )) as [number];
  const owed = pending + ((fanOut?.[0] as number | undefined) ?? 0);
  return owed + blocking === 0 ? null : { pending: owed, blocking };
}

/** Clears what the attempts of a page of deliveries have recorded of the answers; returns where the next page begins. */
function* clearAnswers(number: number, after: number, limit: number): Steps<number | null> {
  const page = yield* rows(
    sql`SELECT d.number FROM ${deliveries} d WHERE ${isNumbered('d', 'event_number', number)} AND d.number > ${after}
      ORDER BY d.number ${limited(limit)}`,
  );
  const numbers = page.map(([one]) => one as number);
  const shard = shardOfNumber(number);
  yield* changes(
    sql`UPDATE ${table('attempts')} AS a SET message = NULL, response_excerpt = NULL, wire = ${wireWithoutHeaders}
      WHERE ${inList('a', shard)} AND ${isAnyOf('a.delivery', numbers, 'bigint')}`,
  );
  yield* changes(
    sql`UPDATE ${deliveries} AS d SET message = NULL
      WHERE ${inList('d', shard)} AND ${isAnyOf('d.number', numbers, 'bigint')} AND d.message IS NOT NULL`,
  );
  return numbers.length < limit ? null : numbers.at(-1)!;
}

export const eventDataWrites: Cold<Pick<OperationWrites, 'deleteEventData'>> = {
  deleteEventData: erasing(function* (
    { tenant, eventId, after, limit, now },
    audit = null,
  ): Steps<DataDeletion> {
    const event = yield* lockEvent(tenant, eventId);
    if (event === null) return { result: 'not_found' };
    if (event.deletedAt === null) {
      const unfinished = yield* readUnfinished(event.number);
      if (unfinished !== null) return { result: 'unfinished', ...unfinished };
      // Text that is JSON: whatever reads stored data goes on working, and finds nothing in them.
      yield* changes(
        sql`UPDATE ${events} AS e SET data = 'null', digest = ${deletedDigest}, data_deleted_at = ${now}
          WHERE ${isNumbered('e', 'number', event.number)}`,
      );
    }
    const next = yield* clearAnswers(event.number, after, limit);
    if (event.deletedAt === null)
      yield* writeAudit([withChange(audit, null, { data_deleted_at: new Date(now).toISOString() })]);
    return { result: 'deleted', next };
  }),
};
