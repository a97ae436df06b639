import { shardOfNumber } from '../../domain/ids.ts';
import { digestOf } from '../digest.ts';
import {
  type FanOutBlock,
  fanOutBlockEvents,
  type FanOutEvent,
  handOver,
  mayHandOver,
  nextBlock,
  targetsFrom,
} from '../fan-out.ts';
import type { FannedDelivery, FannedEvent, FanOutRequest, FanOutStep } from '../store.ts';
import { insertOneDelivery } from './accept.ts';
import { eventHead } from './claim.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { countFanOut } from './fan-out-plan.ts';
import { LedgerChanges } from './ledger.ts';
import { noteDisorder } from './search.ts';
import type { Sequences } from './sequences.ts';

/** The first fan-out of the tenant behind `after`, or of the first tenant. */
const head = `SELECT id, tenant, accepted_at, targets FROM fan_outs WHERE id = (SELECT min(id) FROM fan_outs WHERE tenant =
  coalesce((SELECT min(tenant) FROM fan_outs WHERE tenant > ?), (SELECT min(tenant) FROM fan_outs)))`;

const nothing = { made: 0, claimed: [], events: [], waiting: [] };

export function stepFanOut(
  db: Database,
  endpoints: EndpointTable,
  sequences: Sequences,
  request: FanOutRequest,
): FanOutStep {
  return db.transaction(() => {
    const row = db.get(head, request.after ?? '');
    if (row === undefined) return { tenant: null, ...nothing };
    const [id, tenant, acceptedAt, targets] = row as [number, string, number, string];
    const rows = readEvents(db, id);
    if (rows.length === 0) {
      db.run('DELETE FROM fan_outs WHERE id = ?', id);
      return { tenant, ...nothing };
    }
    const block = nextBlock(targetsFrom(targets), rows, request.limit);
    const payloads = mayHandOver(block, request) ? readPayloads(db, block) : new Map<number, FannedEvent>();
    const known = (num: number) => endpoints.index.byNum(num)?.endpoint;
    const { leases, waiting } = handOver(block, known, payloads, request);
    const ledger = new LedgerChanges();
    // The clock may have gone back since: what is new is due at once all the same (G2).
    const dueAt = Math.min(acceptedAt, request.now);
    const placement = { sequences, ledger, now: acceptedAt, dueAt };
    const places = new Map([...payloads.keys()].map((number, place) => [number, place]));
    const claimed: FannedDelivery[] = [];
    for (const [at, { event, target }] of block.deliveries.entries()) {
      const leaseUntil = leases[at]!;
      const claim = leaseUntil === null ? null : { node: request.node, leaseUntil };
      const of = { ...event, shard: shardOfNumber(event.number) };
      const number = insertOneDelivery(db, placement, of, target, claim);
      if (leaseUntil !== null)
        claimed.push({
          number,
          endpointId: known(target.num)!.id,
          leaseUntil,
          event: places.get(event.number)!,
        });
    }
    noteDisorder(db, request.now - acceptedAt);
    advance(db, id, block, request.now);
    ledger.write(db);
    const made = block.deliveries.length;
    return { tenant, made, claimed, events: claimed.length > 0 ? [...payloads.values()] : [], waiting };
  });
}

function readEvents(db: Database, id: number): FanOutEvent[] {
  return db
    .all(
      `SELECT place, event_number, type, ordering_key, wanted, cursor, remaining FROM fan_out_events
       WHERE fan_out = ? ORDER BY place LIMIT +?`,
      id,
      fanOutBlockEvents,
    )
    .map(
      ([place, number, type, orderingKey, wanted, cursor, remaining]) =>
        ({ place, number, type, orderingKey, wanted, cursor, remaining }) as FanOutEvent,
    );
}

/** The events of a block by number; one that does not match its digest is left out, and found when it is claimed. */
function readPayloads(db: Database, { deliveries }: FanOutBlock): Map<number, FannedEvent> {
  const found = new Map<number, FannedEvent>();
  for (const number of new Set(deliveries.map(({ event }) => event.number))) {
    const row = db.get(
      `SELECT e.id, e.type, e.accepted_at, coalesce(e.occurred_at, e.accepted_at), e.data, e.digest, ${eventHead}
       FROM events e WHERE e.number = ?`,
      number,
    );
    if (row === undefined) continue;
    const [id, type, acceptedAt, occurredAt, data] = row as [string, string, number, number, string];
    const [digest, digested] = row.slice(5) as [string | null, string];
    if (digest !== null && digestOf(digested, data) !== digest) continue;
    found.set(number, { id, type, acceptedAt, occurredAt, data });
  }
  return found;
}

/** Records how far the fan-out has come; what is complete goes. */
function advance(db: Database, id: number, block: FanOutBlock, now: number): void {
  for (const { place, made } of block.events) {
    if (block.done) db.run('DELETE FROM fan_out_events WHERE fan_out = ? AND place = ?', id, place);
    else
      db.run(
        'UPDATE fan_out_events SET cursor = ?, remaining = remaining - ? WHERE fan_out = ? AND place = ?',
        block.cursor,
        made,
        id,
        place,
      );
  }
  db.run('UPDATE fan_outs SET moved_at = ? WHERE id = ?', now, id);
  db.run(
    'DELETE FROM fan_outs WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM fan_out_events WHERE fan_out = ?1)',
    id,
  );
  countFanOut(db, 0, block.deliveries.length);
}
