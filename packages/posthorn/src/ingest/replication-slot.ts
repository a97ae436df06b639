import type pg from 'pg';
import { columnType, quoted, tableName } from './postgres-table.ts';
import { SourceFault } from './source.ts';

export interface SlotOptions {
  /** A table, with its schema or without. */
  readonly table: string;
  readonly keyColumn: string;
  readonly dataColumn: string;
  readonly publication: string;
  readonly slot: string;
}

/** The table as the stream names it. */
export interface TableAt {
  readonly schema: string;
  readonly name: string;
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
/** Where the log ends; on a standby, how far it is replayed. */
export const here =
  'CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END';

async function demandTable(
  client: pg.Client,
  { table, keyColumn, dataColumn }: SlotOptions,
): Promise<TableAt> {
  const { rows } = await client.query<TableAt & { wal_level: string }>(
    `SELECT nspname AS schema, relname AS name, current_setting('wal_level') AS wal_level
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::regclass`,
    [tableName(table)],
  );
  const [{ wal_level: level, ...at }] = rows as [TableAt & { wal_level: string }];
  if (level !== 'logical')
    throw new SourceFault(
      `wal_level is ${level}: set wal_level = logical and restart PostgreSQL, or use posthorn ingest outbox, which needs neither`,
    );
  for (const column of [keyColumn, dataColumn]) await columnType(client, tableName(table), column);
  const { rows: keys } = await client.query<{ not_null: boolean }>(
    'SELECT attnotnull AS not_null FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2',
    [tableName(table), keyColumn],
  );
  // The event's id is made of it.
  if (!keys[0]!.not_null)
    throw new SourceFault(`the column ${keyColumn} of ${table} may be null: use the primary key`);
  return at;
}

const createPublication = ({ publication, table }: SlotOptions): string =>
  `CREATE PUBLICATION ${quoted(publication)} FOR TABLE ${tableName(table)} WITH (publish = 'insert', publish_via_partition_root = true)`;

async function demandPublication(
  client: pg.Client,
  options: SlotOptions,
  { schema, name }: TableAt,
): Promise<void> {
  const { publication, table, keyColumn, dataColumn } = options;
  const { rows } = await client.query<{ inserts: boolean; publishes: boolean }>(
    `SELECT pubinsert AS inserts, EXISTS (SELECT 1 FROM pg_publication_tables t
       WHERE t.pubname = p.pubname AND t.schemaname = $2 AND t.tablename = $3) AS publishes
     FROM pg_publication p WHERE pubname = $1`,
    [publication, schema, name],
  );
  if (rows[0] === undefined)
    throw new SourceFault(
      `the publication ${publication} does not exist: give --create, or have the table's owner run ${createPublication(options)}`,
    );
  if (!rows[0].publishes)
    throw new SourceFault(
      `the publication ${publication} does not have the table ${table}: ALTER PUBLICATION ${quoted(publication)} ADD TABLE ${tableName(table)}`,
    );
  if (!rows[0].inserts)
    throw new SourceFault(
      `the publication ${publication} does not publish inserts: ALTER PUBLICATION ${quoted(publication)} SET (publish = 'insert')`,
    );
  const { rows: hidden } = await client.query<{ column: string }>(
    `SELECT c AS column FROM unnest($4::text[]) c WHERE EXISTS (
       SELECT 1 FROM pg_publication_tables t WHERE pubname = $1 AND schemaname = $2 AND tablename = $3
         AND to_jsonb(t) ->> 'attnames' IS NOT NULL AND NOT to_jsonb(t) -> 'attnames' ? c)`,
    [publication, schema, name, [keyColumn, dataColumn]],
  );
  if (hidden[0] !== undefined)
    throw new SourceFault(`the publication ${publication} leaves out the column ${hidden[0].column}`);
}

interface SlotRow {
  readonly plugin: string | null;
  readonly is_here: boolean;
  readonly wal_status: string | null;
}

async function slotRow(client: pg.Client, slot: string): Promise<SlotRow | undefined> {
  const { rows } = await client.query<SlotRow>(
    `SELECT plugin, database IS NOT DISTINCT FROM current_database() AS is_here, wal_status FROM pg_replication_slots WHERE slot_name = $1`,
    [slot],
  );
  return rows[0];
}

async function demandSlot(client: pg.Client, { slot }: SlotOptions): Promise<void> {
  const found = await slotRow(client, slot);
  if (found === undefined)
    throw new SourceFault(
      `the replication slot ${slot} does not exist: --create makes one. From then on PostgreSQL keeps its log on disk until this command has read it`,
    );
  if (found.plugin !== 'pgoutput' || !found.is_here)
    throw new SourceFault(
      `the replication slot ${slot} is of another database or for another plugin: name another with --slot`,
    );
  if (found.wal_status === 'lost')
    throw new SourceFault(
      `the replication slot ${slot} is lost: it held back more log than max_slot_wal_keep_size allows, and rows were not read. Run --drop and --create, then publish the rows of the table with posthorn ingest outbox: they get the same ids`,
    );
}

/** Creates what is missing of the publication and the slot; what was created. */
export async function createSlot(client: pg.Client, options: SlotOptions): Promise<readonly string[]> {
  const { publication, slot } = options;
  const at = await demandTable(client, options);
  const created: string[] = [];
  const { rowCount } = await client.query('SELECT 1 FROM pg_publication WHERE pubname = $1', [publication]);
  if (rowCount === 0) {
    await client.query(createPublication(options));
    created.push(`publication ${publication}`);
  }
  await demandPublication(client, options, at);
  // After the publication: the stream looks it up as it was at the time of each row.
  if ((await slotRow(client, slot)) === undefined) {
    await client.query('SELECT pg_create_logical_replication_slot($1, $2)', [slot, 'pgoutput']);
    created.push(`replication slot ${slot}`);
  }
  return created;
}

/** Drops the slot, and with it the log that it holds back; false: there is none. */
export async function dropSlot(client: pg.Client, slot: string): Promise<boolean> {
  const { rowCount } = await client.query(
    'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
    [slot],
  );
  return (rowCount ?? 0) > 0;
}

/** Throws `SourceFault` unless the slot can be read. */
export async function demandReplication(client: pg.Client, options: SlotOptions): Promise<TableAt> {
  const at = await demandTable(client, options);
  await demandPublication(client, options, at);
  await demandSlot(client, options);
  return at;
}

/** Bytes of the log that PostgreSQL keeps for the slot; null: it is gone. */
export async function heldBytes(client: pg.Client, slot: string): Promise<number | null> {
  const { rows } = await client.query<{ bytes: string | null }>(
    `SELECT pg_wal_lsn_diff(${here}, restart_lsn) AS bytes FROM pg_replication_slots WHERE slot_name = $1`,
    [slot],
  );
  const bytes = rows[0]?.bytes ?? null;
  return bytes === null ? null : Math.max(0, Number(bytes));
}

/** Positions as PostgreSQL writes them: two hexadecimal halves. */
export function positionFrom(text: string): bigint {
  const [high, low] = text.split('/') as [string, string];
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export const startCommand = ({ slot, publication }: SlotOptions): string =>
  `START_REPLICATION SLOT ${quoted(slot)} LOGICAL 0/0 (proto_version '1', publication_names ${literal(quoted(publication))})`;
