import { shardOfNumber } from '../../domain/ids.ts';
import { dueNums, fanOutBlockEvents, type FanOutEvent, nextBlock, targetsFrom } from '../fan-out.ts';
import type { FanOutRequest, FanOutStep } from '../store.ts';
import { insertOneDelivery } from './accept.ts';
import type { Database } from './database.ts';
import { countFanOut } from './fan-out-plan.ts';
import { LedgerChanges } from './ledger.ts';
import type { Sequences } from './sequences.ts';

/** The first fan-out of the tenant behind `after`, or of the first tenant. */
const head = `SELECT id, tenant, accepted_at, targets FROM fan_outs WHERE id = (SELECT min(id) FROM fan_outs WHERE tenant =
  coalesce((SELECT min(tenant) FROM fan_outs WHERE tenant > ?), (SELECT min(tenant) FROM fan_outs)))`;

export function stepFanOut(
  db: Database,
  sequences: Sequences,
  { now, limit, after }: FanOutRequest,
): FanOutStep {
  return db.transaction(() => {
    const row = db.get(head, after ?? '');
    if (row === undefined) return { tenant: null, made: 0, endpointIds: [] };
    const [id, tenant, acceptedAt, targets] = row as [number, string, number, string];
    const events = db
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
    if (events.length === 0) {
      db.run('DELETE FROM fan_outs WHERE id = ?', id);
      return { tenant, made: 0, endpointIds: [] };
    }
    const block = nextBlock(targetsFrom(targets), events, limit);
    const ledger = new LedgerChanges();
    const placement = { sequences, ledger, now: acceptedAt };
    for (const { event, target } of block.deliveries)
      insertOneDelivery(db, placement, { ...event, shard: shardOfNumber(event.number) }, target, null);
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
    ledger.write(db);
    const ids = db.all(
      'SELECT id FROM endpoints WHERE num IN (SELECT value FROM json_each(?))',
      JSON.stringify(dueNums(block)),
    );
    return { tenant, made: block.deliveries.length, endpointIds: ids.map(([one]) => one as string) };
  });
}
