import pg from 'pg';
import type { Clock } from '../runtime/clock.ts';
import { Arrival } from './arrival.ts';
import type { Change, Relation } from './pgoutput.ts';
import { bodyFrom, clientOptions, faultFrom, formats, isBytesType, textFrom } from './postgres-table.ts';
import {
  createSlot,
  demandReplication,
  dropSlot,
  heldBytes,
  here,
  positionFrom,
  type SlotOptions,
  startCommand,
  type TableAt,
} from './replication-slot.ts';
import { ReplicationStream } from './replication-stream.ts';
import { type Message, type Source, SourceFault } from './source.ts';

export interface ReplicationOptions extends SlotOptions {
  readonly databaseUrl: string;
  readonly batch: number;
}

/** Rows of a transaction that are not done yet; `end` once all of it has arrived. */
interface Transaction {
  end: bigint | null;
  waiting: number;
}

interface ReplicatedRow extends Message {
  readonly transaction: Transaction;
  readonly size: number;
}

/** The outbox among the relations of the stream. */
interface Outbox {
  readonly relation: Relation;
  readonly key: number;
  readonly data: number;
}

/** What is in memory before the socket is no longer read; a row may be larger. */
const maxQueuedBytes = 8_000_000;
const waitMs = 1000;
/** Another process reads the slot. */
const inUse = '55006';

/**
 * The rows that are inserted into a table, from a logical replication slot: PostgreSQL remembers how far it was read, and reads
 * nothing but its log. A transaction is confirmed when all its rows are done, so a crash delivers the rest of it again (G1).
 */
class ReplicationSource implements Source<ReplicatedRow> {
  readonly #control: pg.Client;
  readonly #options: ReplicationOptions;
  readonly #table: TableAt;
  readonly #arrival: Arrival;
  readonly #clock: Clock;
  #client: pg.Client | null = null;
  #stream: ReplicationStream | null = null;
  readonly #outboxes = new Map<number, Outbox>();
  readonly #transactions: Transaction[] = [];
  #queue: ReplicatedRow[] = [];
  #queuedBytes = 0;
  #reached = 0n;
  /** Where the log ended when it was asked how much waits. */
  #target: bigint | null = null;

  constructor(control: pg.Client, options: ReplicationOptions, table: TableAt, clock: Clock) {
    this.#control = control;
    this.#options = options;
    this.#table = table;
    this.#clock = clock;
    this.#arrival = new Arrival(clock);
    this.#watch(control);
  }

  #watch(client: pg.Client): void {
    client.on('error', (error) => this.#arrival.fail(error));
    client.on('end', () => this.#arrival.fail(new Error('the connection to PostgreSQL ended')));
  }

  async read(signal: AbortSignal): Promise<readonly ReplicatedRow[]> {
    // Only one process may read a slot: others wait to take over.
    if (this.#stream === null && (await this.#isSlotInUse())) {
      await this.#arrival.wait(waitMs, signal);
      return [];
    }
    this.#stream ??= await this.#start();
    if (this.#queue.length === 0)
      await this.#arrival.wait(waitMs, signal).catch((error: Error) => {
        // What arrived before the failure is read first; the next call throws it.
        if (this.#queue.length === 0) throw error;
      });
    const rows = this.#queue.splice(0, this.#options.batch);
    for (const { size } of rows) this.#queuedBytes -= size;
    this.#holdIfFull();
    return rows;
  }

  async #isSlotInUse(): Promise<boolean> {
    const { rows } = await this.#control.query<{ active: boolean }>(
      'SELECT active FROM pg_replication_slots WHERE slot_name = $1',
      [this.#options.slot],
    );
    return rows[0]?.active === true;
  }

  async #start(): Promise<ReplicationStream> {
    const { databaseUrl } = this.#options;
    const settings = Object.entries(formats).map(([name, value]) => `-c ${name}=${value}`);
    // No timeouts: the stream is a statement that does not end.
    const { statement_timeout: _, query_timeout: __, ...config } = clientOptions(databaseUrl);
    const client = new pg.Client({
      ...config,
      replication: 'database',
      options: settings.join(' '),
    } as pg.ClientConfig);
    this.#watch(client);
    this.#client = client;
    await client.connect().catch((error: unknown) => {
      throw faultFrom(error);
    });
    return new ReplicationStream(client, startCommand(this.#options), this.#clock, {
      changed: (change) => this.#changed(change),
      reached: (position) => this.#reachedTo(position),
      failed: (error) => this.#failed(error),
    });
  }

  #failed(error: Error): void {
    // Another process was faster: this one reads again whether the slot is in use, on a new connection.
    const isLost = (error as Error & { readonly code?: string }).code !== inUse;
    this.#arrival.fail(isLost ? (faultFrom(error) as Error) : new Error(error.message));
  }

  #changed(change: Change): void {
    switch (change.kind) {
      case 'begin':
        this.#transactions.push({ end: null, waiting: 0 });
        break;
      case 'relation':
        this.#learn(change.relation);
        break;
      case 'insert': {
        const outbox = this.#outboxes.get(change.relationId);
        if (outbox !== undefined) this.#add(outbox, change.values);
        break;
      }
      case 'commit':
        this.#ended(change.end);
        break;
      case 'other':
        break;
    }
  }

  /** Sent before the first row of a table, and again after the table has changed. */
  #learn(relation: Relation): void {
    const { schema, name } = this.#table;
    if (relation.schema !== schema || relation.name !== name) return;
    const place = (column: string): number => {
      const at = relation.columns.findIndex((one) => one.name === column);
      if (at < 0) throw new SourceFault(`the table ${this.#options.table} has lost the column ${column}`);
      return at;
    };
    const [key, data] = [place(this.#options.keyColumn), place(this.#options.dataColumn)];
    this.#outboxes.set(relation.id, { relation, key, data });
  }

  #add({ relation, key, data }: Outbox, values: readonly (string | null)[]): void {
    const transaction = this.#transactions.at(-1)!;
    const { table } = this.#options;
    const { columns } = relation;
    const size = values.reduce((sum, value) => sum + (value?.length ?? 0), 0);
    transaction.waiting++;
    this.#queuedBytes += size;
    this.#queue.push({
      transaction,
      size,
      position: `${table}/${values[key]!}`,
      body: bodyFrom(values[data]!, isBytesType(columns[data]!.typeId)),
      key: null,
      subject: table,
      at: null,
      fields: () =>
        columns.flatMap(({ name, typeId }, index) => {
          const value = values[index] ?? null;
          return value === null || index === data ? [] : [[name, textFrom(typeId, value)] as const];
        }),
    });
    this.#holdIfFull();
    this.#arrival.notify();
  }

  #holdIfFull(): void {
    const isFull = this.#queue.length >= 2 * this.#options.batch || this.#queuedBytes >= maxQueuedBytes;
    this.#stream?.hold(isFull);
  }

  #reachedTo(position: bigint): void {
    this.#reached = position;
    // Else the writes of other tables would be kept for this slot.
    if (this.#transactions.length === 0) this.#stream?.confirm(position);
  }

  /** One without rows here is counted to the one before: many others may be written while Posthorn is away. */
  #ended(end: bigint): void {
    const isEmpty = this.#transactions.at(-1)!.waiting === 0;
    if (isEmpty && this.#transactions.length > 1) this.#transactions.pop();
    this.#transactions.at(-1)!.end = end;
    this.#confirm();
  }

  #confirm(): void {
    for (let [first] = this.#transactions; first !== undefined; [first] = this.#transactions) {
      if (first.end === null || first.waiting > 0) return;
      this.#transactions.shift();
      this.#stream?.confirm(first.end);
    }
  }

  commit(rows: readonly ReplicatedRow[]): Promise<void> {
    for (const { transaction } of rows) transaction.waiting--;
    this.#confirm();
    return Promise.resolve();
  }

  /** Rows that are here; 0 if the stream has reached where the log ended when this was last asked. */
  async lag(): Promise<number | null> {
    const waiting = this.#transactions.reduce((sum, one) => sum + one.waiting, 0);
    if (waiting > 0) return waiting;
    if (this.#stream === null) return null;
    if (this.#target !== null && this.#reached >= this.#target) {
      this.#target = null;
      return 0;
    }
    if (this.#target === null) {
      const { rows } = await this.#control.query<{ at: string }>(`SELECT (${here})::text AS at`);
      this.#target = positionFrom(rows[0]!.at);
    }
    this.#stream.ask();
    return null;
  }

  heldBytes(): Promise<number | null> {
    return heldBytes(this.#control, this.#options.slot);
  }

  async close(): Promise<void> {
    await this.#stream?.stop();
    this.#stream?.hold(false);
    await Promise.all([this.#control.end(), this.#client?.end()]);
  }
}

/** Does the work on a connection, which is left open for what the work has made of it, and closed if it fails. */
async function connected<T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(clientOptions(databaseUrl));
  // Without a listener, a lost connection would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    await client.end().catch(() => {});
    throw faultFrom(error);
  }
}

/** Does the work on a connection of its own. */
const briefly = <T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> =>
  connected(databaseUrl, async (client) => {
    const done = await work(client);
    await client.end();
    return done;
  });

export async function openReplication(
  options: ReplicationOptions,
  clock: Clock,
): Promise<Source<ReplicatedRow>> {
  return await connected(
    options.databaseUrl,
    async (control) =>
      new ReplicationSource(control, options, await demandReplication(control, options), clock),
  );
}

/** Creates what is missing of the publication and the slot; what was created. */
export const createReplication = (options: ReplicationOptions): Promise<readonly string[]> =>
  briefly(options.databaseUrl, (client) => createSlot(client, options));

/** Drops the slot; false: there is none. */
export const dropReplication = ({ databaseUrl, slot }: ReplicationOptions): Promise<boolean> =>
  briefly(databaseUrl, (client) => dropSlot(client, slot));
