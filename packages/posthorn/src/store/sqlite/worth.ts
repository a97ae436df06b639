import { type AtRisk, worthColumns } from '../worth.ts';
import type { Database } from './database.ts';

const amount = (state: 2 | 4): string => `sum(d.state = ${state}),
    sum(iif(d.state = ${state}, coalesce(e.amount_minor, 0) >> 32, 0)), sum(iif(d.state = ${state}, coalesce(e.amount_minor, 0) & 4294967295, 0))`;

/** A migration: what is at risk already is counted from rows. The currency of an event without a value is ''. */
export const worthTable = `
  CREATE TABLE worth (
    shard INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    currency TEXT NOT NULL,
    ${worthColumns.map((name) => `${name} INTEGER NOT NULL`).join(', ')},
    PRIMARY KEY (shard, endpoint, hour, currency)
  ) WITHOUT ROWID;
  CREATE INDEX worth_fine ON worth (hour) WHERE hour % 24 <> 0;
  INSERT INTO worth SELECT 0, d.endpoint, d.created_at / 3600000, coalesce(e.currency, ''), ${amount(2)}, ${amount(4)}
    FROM deliveries d LEFT JOIN events e ON e.number = d.event_number
    WHERE d.state >= 2 AND d.state IN (2, 4) GROUP BY 2, 3, 4;
`;

const upsert = `INSERT INTO worth (shard, endpoint, hour, currency, ${worthColumns.join(', ')})
  VALUES (0, ?, ?, ?, ${worthColumns.map(() => '?').join(', ')})
  ON CONFLICT DO UPDATE SET ${worthColumns.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')}`;
const ofDelivery = `SELECT coalesce(e.currency, ''), coalesce(e.amount_minor, 0) >> 32, coalesce(e.amount_minor, 0) & 4294967295
  FROM deliveries d LEFT JOIN events e ON e.number = d.event_number WHERE d.number = ?`;

interface Worth {
  readonly endpoint: number;
  readonly hour: number;
  readonly currency: string;
  readonly by: number[];
}

/** Changes of one transaction, summed in memory and written once, inside it. */
export class WorthChanges {
  readonly #rows = new Map<string, Worth>();

  /** Reads what the delivery's event is worth; the row is still there, or already. */
  add(
    db: Database,
    of: { readonly number: number; readonly endpoint: number; readonly hour: number },
    state: AtRisk,
    by: 1 | -1,
  ): void {
    const [currency, hi, lo] = (db.get(ofDelivery, of.number) ?? ['', 0, 0]) as [string, number, number];
    const key = `${of.endpoint}:${of.hour}:${currency}`;
    let row = this.#rows.get(key);
    if (row === undefined)
      this.#rows.set(
        key,
        (row = { endpoint: of.endpoint, hour: of.hour, currency, by: worthColumns.map(() => 0) }),
      );
    const at = state === 'dead' ? 0 : 3;
    row.by[at]! += by;
    row.by[at + 1]! += by * hi;
    row.by[at + 2]! += by * lo;
  }

  write(db: Database): void {
    for (const { endpoint, hour, currency, by } of this.#rows.values())
      db.run(upsert, endpoint, hour, currency, ...by);
  }
}
