import type { CounterChange } from '../counter-change.ts';
import { ledgerColumns, typeCounterColumns } from '../rows.ts';
import type { Database } from './database.ts';
import type { AtRisk } from '../worth.ts';
import { WorthChanges } from './worth.ts';
import { hourMs, minuteMs } from '../../domain/time.ts';

export type LedgerCounter = (typeof ledgerColumns)[number];
type TypeCounter = (typeof typeCounterColumns)[number];

/** Whose counter it is: a delivery's endpoint, its event's type, and when it was accepted (ms since the epoch). */
export interface Counted {
  readonly endpoint: number;
  readonly type: string;
  readonly acceptedAt: number;
}

const typePlaces = Object.fromEntries(typeCounterColumns.map((name, place) => [name, place])) as Record<
  string,
  number | undefined
>;
const countersUpsert = `INSERT INTO counters (shard, endpoint, minute, type, ${typeCounterColumns.join(', ')})
  VALUES (0, ?, ?, ?, ${typeCounterColumns.map(() => '?').join(', ')})
  ON CONFLICT DO UPDATE SET ${typeCounterColumns.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')}`;

const places = Object.fromEntries(ledgerColumns.map((name, place) => [name, place])) as Record<
  LedgerCounter,
  number
>;
const upsert = `INSERT INTO ledger (shard, endpoint, hour, ${ledgerColumns.join(', ')})
  VALUES (0, ?, ?, ${ledgerColumns.map(() => '?').join(', ')})
  ON CONFLICT DO UPDATE SET ${ledgerColumns.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')}`;

function hourOf(time: number): number {
  return Math.floor(time / hourMs);
}

/** LedgerCounter changes of one transaction, summed in memory and written once, inside it (G4). */
export class LedgerChanges {
  readonly #rows = new Map<string, { endpoint: number; hour: number; by: number[] }>();
  readonly #counters = new Map<string, { endpoint: number; minute: number; type: string; by: number[] }>();
  readonly #latency = new Map<
    string,
    { endpoint: number; hour: number; type: string; bucket: number; count: number }
  >();
  readonly #failures = new Map<
    string,
    { endpoint: number; hour: number; type: string; errorClass: string; count: number }
  >();
  readonly #events = new Map<
    string,
    { tenant: string; hour: number; type: string; events: number; unmatched: number }
  >();

  readonly #worth = new WorthChanges();

  /** A counter of the ledger, and the same by type and minute. */
  add(of: Counted, counter: LedgerCounter & TypeCounter, by = 1): void {
    this.addToLedger(of.endpoint, of.acceptedAt, counter, by);
    this.addByType(of, counter, by);
  }

  addToLedger(endpoint: number, acceptedAt: number, counter: LedgerCounter, by = 1): void {
    const hour = hourOf(acceptedAt);
    const key = `${endpoint}:${hour}`;
    let row = this.#rows.get(key);
    if (row === undefined) this.#rows.set(key, (row = { endpoint, hour, by: ledgerColumns.map(() => 0) }));
    row.by[places[counter]]! += by;
  }

  addByType({ endpoint, type, acceptedAt }: Counted, counter: TypeCounter, by = 1): void {
    const minute = Math.floor(acceptedAt / minuteMs);
    const key = `${endpoint}:${minute}:${type}`;
    let row = this.#counters.get(key);
    if (row === undefined)
      this.#counters.set(key, (row = { endpoint, minute, type, by: typeCounterColumns.map(() => 0) }));
    row.by[typePlaces[counter]!]! += by;
  }

  addLatency({ endpoint, type, acceptedAt }: Counted, bucket: number): void {
    const hour = hourOf(acceptedAt);
    const key = `${endpoint}:${hour}:${bucket}:${type}`;
    const row = this.#latency.get(key);
    if (row === undefined) this.#latency.set(key, { endpoint, hour, type, bucket, count: 1 });
    else row.count++;
  }

  addFailure({ endpoint, type, acceptedAt }: Counted, errorClass: string): void {
    const hour = hourOf(acceptedAt);
    const key = `${endpoint}:${hour}:${errorClass}:${type}`;
    const row = this.#failures.get(key);
    if (row === undefined) this.#failures.set(key, { endpoint, hour, type, errorClass, count: 1 });
    else row.count++;
  }

  /** A delivery that enters (1) or leaves (-1) what is at risk, and takes its worth with it. */
  addWorth(db: Database, number: number, of: Omit<Counted, 'type'>, state: AtRisk, by: 1 | -1 = 1): void {
    this.#worth.add(db, { number, endpoint: of.endpoint, hour: hourOf(of.acceptedAt) }, state, by);
  }

  addEvent(tenant: string, type: string, acceptedAt: number, matched: boolean): void {
    const hour = hourOf(acceptedAt);
    const key = `${hour}:${type}:${tenant}`;
    let row = this.#events.get(key);
    if (row === undefined) this.#events.set(key, (row = { tenant, hour, type, events: 0, unmatched: 0 }));
    row.events++;
    if (!matched) row.unmatched++;
  }

  write(db: Database): void {
    this.#worth.write(db);
    for (const { endpoint, hour, by } of this.#rows.values()) db.run(upsert, endpoint, hour, ...by);
    for (const { endpoint, minute, type, by } of this.#counters.values())
      db.run(countersUpsert, endpoint, minute, type, ...by);
    for (const { endpoint, hour, type, bucket, count } of this.#latency.values()) {
      db.run(
        `INSERT INTO latency (shard, endpoint, hour, bucket, type, count) VALUES (0, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET count = count + excluded.count`,
        endpoint,
        hour,
        bucket,
        type,
        count,
      );
    }
    for (const { endpoint, hour, type, errorClass, count } of this.#failures.values()) {
      db.run(
        `INSERT INTO failures (shard, endpoint, hour, type, class, count) VALUES (0, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET count = count + excluded.count`,
        endpoint,
        hour,
        type,
        errorClass,
        count,
      );
    }
    for (const { tenant, hour, type, events, unmatched } of this.#events.values()) {
      db.run(
        `INSERT INTO event_ledger (shard, tenant, hour, type, events, unmatched) VALUES (0, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET events = events + excluded.events, unmatched = unmatched + excluded.unmatched`,
        tenant,
        hour,
        type,
        events,
        unmatched,
      );
    }
  }
}

/** Writes the counters of changes that are written once for every database. */
export function countChanges(db: Database, changes: readonly CounterChange[]): void {
  const ledger = new LedgerChanges();
  for (const { number, endpoint, createdAt, type, counter, by } of changes) {
    const counted = { endpoint, type, acceptedAt: createdAt };
    ledger.add(counted, counter, by);
    if (counter === 'dead' || counter === 'suppressed') ledger.addWorth(db, number, counted, counter, by);
  }
  ledger.write(db);
}
