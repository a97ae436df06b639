import type { NewEvent } from '../../domain/event.ts';
import { targetsText } from '../fan-out.ts';
import type { PlannedFanOut } from '../plan.ts';
import type { Database } from './database.ts';
import type { KnownEndpoint } from '../endpoint-index.ts';

/** Only a publisher with an ordering key has to know: its events go behind those that are still fanned out. */
export function tenantsFanningOut(
  db: Database,
  groups: readonly (readonly NewEvent[])[],
): ReadonlySet<string> {
  if (!groups.some((group) => group.some(({ orderingKey }) => orderingKey !== null))) return new Set();
  return new Set(db.all('SELECT DISTINCT tenant FROM fan_outs').map(([tenant]) => tenant as string));
}

/** Counts what fan-outs are to create, and what they have created, in the transaction that does it (G4, G6). */
export function countFanOut(db: Database, planned: number, made: number): void {
  db.run(
    `INSERT INTO fan_out_ledger (writer, planned, made) VALUES ('', ?, ?)
     ON CONFLICT DO UPDATE SET planned = planned + excluded.planned, made = made + excluded.made`,
    planned,
    made,
  );
}

/** Records who gets the events of a fan-out, in the transaction that stores the events. */
export function insertFanOut(
  db: Database,
  { tenant, targets, events }: PlannedFanOut<KnownEndpoint>,
  numbers: ReadonlyMap<NewEvent, number>,
  now: number,
): void {
  const id = db.get(
    'INSERT INTO fan_outs (tenant, accepted_at, moved_at, targets) VALUES (?, ?, ?, ?) RETURNING id',
    tenant,
    now,
    now,
    targetsText(targets),
  )![0]!;
  let planned = 0;
  for (const [place, of] of events.entries()) {
    const { event, count: remaining } = of.planned;
    planned += remaining;
    db.run(
      `INSERT INTO fan_out_events (fan_out, place, event_number, type, ordering_key, wanted, cursor, remaining)
       VALUES (?, ?, ?, ?, ?, ?, 0, ?)`,
      id,
      place,
      numbers.get(event)!,
      event.type,
      event.orderingKey,
      of.wanted,
      remaining,
    );
  }
  countFanOut(db, planned, 0);
}
