import type { NewEvent } from '../../domain/event.ts';
import { targetsText } from '../fan-out.ts';
import { keyOf, type PlannedFanOut } from '../plan.ts';
import type { Connection, Database } from './database.ts';
import type { KnownEndpoint } from '../endpoint-index.ts';

/** Only a publisher with an ordering key has to know: its events go behind those that are still fanned out. */
export async function tenantsFanningOut(
  db: Database,
  groups: readonly (readonly NewEvent[])[],
): Promise<ReadonlySet<string>> {
  if (!groups.some((group) => group.some(({ orderingKey }) => orderingKey !== null))) return new Set();
  const rows = await db.hot.query('fan_out_tenants', 'SELECT DISTINCT tenant FROM posthorn.fan_outs');
  return new Set(rows.map(([tenant]) => tenant as string));
}

/** Counts what fan-outs are to create, and what they have created, in the transaction that does it (G4, G6). */
export async function countFanOut(
  connection: Connection,
  writer: string,
  planned: number,
  made: number,
): Promise<void> {
  await connection.query(
    'fan_out_count',
    `INSERT INTO posthorn.fan_out_ledger AS l (writer, planned, made) VALUES ($1, $2, $3)
     ON CONFLICT (writer) DO UPDATE SET planned = l.planned + excluded.planned, made = l.made + excluded.made`,
    [writer, planned, made],
  );
}

/** Records who gets the events of a fan-out, in the transaction that stores the events. */
export async function insertFanOut(
  connection: Connection,
  { tenant, targets, events }: PlannedFanOut<KnownEndpoint>,
  numbers: ReadonlyMap<string, number>,
  { now, node }: { readonly now: number; readonly node: string },
): Promise<void> {
  const [drawn] = await connection.query('fan_out_number', "SELECT nextval('posthorn.fan_out_numbers')");
  const id = drawn![0]!;
  await connection.query(
    'fan_out_insert',
    'INSERT INTO posthorn.fan_outs (id, tenant, accepted_at, moved_at, targets) VALUES ($1, $2, $3, $3, $4)',
    [id, tenant, now, targetsText(targets)],
  );
  const list = events.map(({ planned, wanted }) => ({ ...planned, wanted }));
  await connection.query(
    'fan_out_events_insert',
    `INSERT INTO posthorn.fan_out_events (fan_out, place, event_number, type, ordering_key, wanted, cursor, remaining)
     SELECT $1, u.place - 1, u.number, u.type, u.ordering_key, u.wanted, 0, u.remaining
     FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::int[])
       WITH ORDINALITY AS u (number, type, ordering_key, wanted, remaining, place)`,
    [
      id,
      list.map(({ event }) => numbers.get(keyOf(event))!),
      list.map(({ event }) => event.type),
      list.map(({ event }) => event.orderingKey),
      list.map(({ wanted }) => wanted),
      list.map((of) => of.count),
    ],
  );
  await countFanOut(
    connection,
    node,
    list.reduce((sum, of) => sum + of.count, 0),
    0,
  );
}
