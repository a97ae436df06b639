import pg from 'pg';
import type { Clock } from '../runtime/clock.ts';
import { Arrival } from './arrival.ts';
import {
  bodyFrom,
  clientOptions,
  columnType,
  faultFrom,
  formats,
  quoted,
  tableName,
  textFrom,
} from './postgres-table.ts';
import type { Message, Source } from './source.ts';

export interface OutboxOptions {
  readonly databaseUrl: string;
  /** A table, with its schema or without. */
  readonly table: string;
  /** The column that identifies a row and orders them. */
  readonly keyColumn: string;
  /** The column that becomes the data. */
  readonly dataColumn: string;
  /** A timestamp that is set in accepted rows; null: they are deleted. */
  readonly markColumn: string | null;
  readonly pollMs: number;
  readonly batch: number;
}

interface OutboxRow extends Message {
  /** The key as PostgreSQL writes it. */
  readonly id: string;
}

type Row = Readonly<Record<string, string | null>>;

/** The count of waiting rows stops here: it must not read a table of millions. */
const maxCounted = 100_000;
/** First part of the advisory lock's key, the same for every outbox; the second is the table. */
const lockClass = 1_886_351_214;

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number) => (text: string) => textFrom(oid, text),
};

/**
 * A table that an application writes in its own transactions. One process at a time reads it, under an advisory lock, and
 * others wait to take over: two would hand the events of one key over out of order. No transaction stays open while events
 * are published, so an absence of Posthorn does not hold vacuum back.
 */
class OutboxSource implements Source<OutboxRow> {
  readonly #client: pg.Client;
  readonly #options: OutboxOptions;
  readonly #table: string;
  readonly #arrival: Arrival;
  readonly #isBytes: boolean;
  #hasLock = false;

  constructor(client: pg.Client, options: OutboxOptions, isBytes: boolean, clock: Clock) {
    this.#client = client;
    this.#options = options;
    this.#isBytes = isBytes;
    this.#table = tableName(options.table);
    this.#arrival = new Arrival(clock);
    client.on('error', (error) => this.#arrival.fail(error));
    client.on('end', () => this.#arrival.fail(new Error('the connection to PostgreSQL ended')));
  }

  async read(signal: AbortSignal): Promise<readonly OutboxRow[]> {
    if (await this.#demandLock()) {
      const { keyColumn, markColumn, batch } = this.#options;
      const { rows } = await this.#client.query<Row>({
        text: `SELECT * FROM ${this.#table} ${markColumn === null ? '' : `WHERE ${quoted(markColumn)} IS NULL`} ORDER BY ${quoted(keyColumn)} LIMIT $1`,
        values: [batch],
        types,
      });
      if (rows.length > 0) return rows.map((row) => this.#rowFrom(row));
    }
    await this.#arrival.wait(this.#options.pollMs, signal);
    return [];
  }

  async #demandLock(): Promise<boolean> {
    if (this.#hasLock) return true;
    const { rows } = await this.#client.query<{ locked: boolean }>(
      'SELECT pg_try_advisory_lock($1, hashtext($2::regclass::oid::text)) AS locked',
      [lockClass, this.#table],
    );
    this.#hasLock = rows[0]!.locked;
    return this.#hasLock;
  }

  #rowFrom(row: Row): OutboxRow {
    const { keyColumn, dataColumn, table } = this.#options;
    const id = row[keyColumn]!;
    const data = row[dataColumn] ?? null;
    return {
      id,
      position: `${table}/${id}`,
      body: bodyFrom(data, this.#isBytes),
      key: null,
      subject: table,
      at: null,
      fields: () =>
        Object.entries(row).flatMap(([name, value]) =>
          value === null || name === dataColumn ? [] : [[name, value] as const],
        ),
    };
  }

  async commit(rows: readonly OutboxRow[]): Promise<void> {
    const { keyColumn, markColumn } = this.#options;
    const change =
      markColumn === null
        ? `DELETE FROM ${this.#table}`
        : `UPDATE ${this.#table} SET ${quoted(markColumn)} = now()`;
    await this.#client.query(
      // The column's own type, so that its index serves.
      `${change} WHERE ${quoted(keyColumn)} = ANY (($1::text)::${await this.#keyType()}[])`,
      [arrayText(rows.map(({ id }) => id))],
    );
  }

  #type: string | null = null;

  async #keyType(): Promise<string> {
    this.#type ??= await columnType(this.#client, this.#table, this.#options.keyColumn);
    return this.#type;
  }

  async lag(): Promise<number | null> {
    const { markColumn } = this.#options;
    const where = markColumn === null ? '' : `WHERE ${quoted(markColumn)} IS NULL`;
    const { rows } = await this.#client.query<{ n: string }>(
      `SELECT count(*) AS n FROM (SELECT 1 FROM ${this.#table} ${where} LIMIT ${maxCounted}) AS waiting`,
    );
    return Number(rows[0]!.n);
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}

/** Text of an array of these texts, as PostgreSQL reads it. */
const arrayText = (texts: readonly string[]): string =>
  `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, (sign) => `\\${sign}`)}"`).join(',')}}`;

export async function openOutbox(options: OutboxOptions, clock: Clock): Promise<Source<OutboxRow>> {
  const client = new pg.Client(clientOptions(options.databaseUrl));
  // Without a listener, a lost connection would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    for (const [name, value] of Object.entries(formats)) await client.query(`SET ${name} = '${value}'`);
    const table = tableName(options.table);
    for (const column of [options.keyColumn, options.markColumn])
      if (column !== null) await columnType(client, table, column);
    const dataType = await columnType(client, table, options.dataColumn);
    return new OutboxSource(client, options, dataType === 'bytea', clock);
  } catch (error) {
    await client.end().catch(() => {});
    throw faultFrom(error);
  }
}
