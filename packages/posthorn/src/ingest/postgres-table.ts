import pg from 'pg';
import { SourceFault } from './source.ts';

// What the two ways of reading an outbox have in common.

const statementMs = 30_000;

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const tableName = (table: string): string => table.split('.').map(quoted).join('.');

const timestamptz = 1184;
const bytea = 17;

/** Values as PostgreSQL writes them, except times, which become RFC 3339. */
export const textFrom = (typeId: number, text: string): string =>
  typeId === timestamptz ? text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00') : text;

/** The data of a row: PostgreSQL writes bytes as \x and hexadecimal digits. */
export const bodyFrom = (text: string | null, isBytes: boolean): Uint8Array | string | null =>
  text !== null && isBytes ? Buffer.from(text.slice(2), 'hex') : text;

export const isBytesType = (typeId: number): boolean => typeId === bytea;

/** How the values are written. */
export const formats = { datestyle: 'ISO', timezone: 'UTC', bytea_output: 'hex' } as const;

/** The type of a column. Throws `SourceFault` if the table lacks it. */
export async function columnType(client: pg.Client, table: string, column: string): Promise<string> {
  const { rows } = await client.query<{ type: string }>(
    `SELECT format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2 AND attnum > 0 AND NOT attisdropped`,
    [table, column],
  );
  if (rows[0] === undefined)
    throw new SourceFault(`the table ${table.replaceAll('"', '')} has no column ${column}`);
  return rows[0].type;
}

/** SQLSTATEs that another connection would not fix: authorization, missing objects, missing rights. */
const lasting = /^(?:28|3D|42)/;

/** A refusal that lasts becomes a `SourceFault`; other errors stay what they are. */
export function faultFrom(error: unknown): unknown {
  const { code = '', message } = error as Error & { readonly code?: string };
  return lasting.test(code) ? new SourceFault(`PostgreSQL refused: ${message} (${code})`) : error;
}

export const clientOptions = (databaseUrl: string): pg.ClientConfig => ({
  connectionString: databaseUrl,
  // A port that says nothing would keep the command without end.
  connectionTimeoutMillis: 30_000,
  application_name: 'posthorn ingest',
  statement_timeout: statementMs,
  query_timeout: statementMs,
  keepAlive: true,
});
