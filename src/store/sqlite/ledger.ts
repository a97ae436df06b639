import type { Database } from './database.ts';

const columns = [
  'accepted',
  'delivered',
  'dead',
  'cancelled',
  'suppressed',
  'late',
  'superseded',
  'first_attempts',
  'first_delivered',
  'pruned_delivered',
  'pruned_dead',
  'pruned_cancelled',
  'pruned_suppressed',
] as const;
export type Counter = (typeof columns)[number];

const places = Object.fromEntries(columns.map((name, place) => [name, place])) as Record<Counter, number>;
const upsert = `INSERT INTO ledger (shard, endpoint, hour, ${columns.join(', ')})
  VALUES (0, ?, ?, ${columns.map(() => '?').join(', ')})
  ON CONFLICT DO UPDATE SET ${columns.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')}`;

const hourMs = 3_600_000;

export function hourOf(time: number): number {
  return Math.floor(time / hourMs);
}

/** Counter changes of one transaction, summed in memory and written once, inside it (G4). */
export class LedgerChanges {
  readonly #rows = new Map<string, { endpoint: number; hour: number; by: number[] }>();
  readonly #latency = new Map<string, { endpoint: number; hour: number; bucket: number; count: number }>();
  readonly #events = new Map<string, { tenant: string; hour: number; events: number; unmatched: number }>();

  add(endpoint: number, acceptedAt: number, counter: Counter, by = 1): void {
    const hour = hourOf(acceptedAt);
    const key = `${endpoint}:${hour}`;
    let row = this.#rows.get(key);
    if (row === undefined) this.#rows.set(key, (row = { endpoint, hour, by: columns.map(() => 0) }));
    row.by[places[counter]]! += by;
  }

  addLatency(endpoint: number, acceptedAt: number, bucket: number): void {
    const hour = hourOf(acceptedAt);
    const key = `${endpoint}:${hour}:${bucket}`;
    const row = this.#latency.get(key);
    if (row === undefined) this.#latency.set(key, { endpoint, hour, bucket, count: 1 });
    else row.count++;
  }

  addEvent(tenant: string, acceptedAt: number, matched: boolean): void {
    const hour = hourOf(acceptedAt);
    const key = `${hour}:${tenant}`;
    let row = this.#events.get(key);
    if (row === undefined) this.#events.set(key, (row = { tenant, hour, events: 0, unmatched: 0 }));
    row.events++;
    if (!matched) row.unmatched++;
  }

  write(db: Database): void {
    for (const { endpoint, hour, by } of this.#rows.values()) db.run(upsert, endpoint, hour, ...by);
    for (const { endpoint, hour, bucket, count } of this.#latency.values()) {
      db.run(
        `INSERT INTO latency (shard, endpoint, hour, bucket, count) VALUES (0, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET count = count + excluded.count`,
        endpoint,
        hour,
        bucket,
        count,
      );
    }
    for (const { tenant, hour, events, unmatched } of this.#events.values()) {
      db.run(
        `INSERT INTO event_ledger (shard, tenant, hour, events, unmatched) VALUES (0, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET events = events + excluded.events, unmatched = unmatched + excluded.unmatched`,
        tenant,
        hour,
        events,
        unmatched,
      );
    }
  }
}
