import { AuditError } from '../errors.ts';
import { type Database, name, num, quote, text } from '../database.ts';
import { sniff } from '../read/files.ts';
import { endpointSql } from '../read/lines.ts';
import { looksLikeTime, readTimes, type TimeReading } from '../read/times.ts';
import type { LineFacts } from '../timeline/timeline.ts';
import { thresholds } from '../thresholds.ts';

const { minJoined, minMatching, linesBefore } = thresholds.truth;

const maxColumns = 60;

/** A file of ids from outside the log, as a table. */
export interface TruthTable {
  readonly rows: number;
  readonly unusable: number;
  /** The column of the file, and the id of the log that it matches. */
  readonly column: string;
  readonly logId: 'event_id' | 'payment_id' | 'delivery_id';
  /** The columns that name the receiver and the tenant, if they match those of the log. */
  readonly endpointColumn: string | null;
  readonly tenantColumn: string | null;
  readonly timeColumn: string | null;
  readonly times: TimeReading;
}

/** Reads a list of ids into a table, and finds which column matches which id of the log. */
export async function readTruth(database: Database, path: string, table: string): Promise<TruthTable> {
  const { modifiedMs } = await loadTruth(database, path, table);
  const columns = (await readColumns(database, table)).slice(0, maxColumns);
  const rows = num((await database.row(`select count(*) as n from ${table}`)).n);
  if (rows === 0) throw new AuditError(`${path} does not contain any rows`);
  const best = await joiningColumn(database, table, columns);
  if (best === null || best.matched < Math.min(rows, 5000) * minJoined)
    throw new AuditError(
      `${path}: none of its columns (${columns.join(', ')}) has ids that are in the log: it needs event ids, or payment ids with --map payment_id=…`,
    );
  const samples = await database.rows(`select * from ${table} limit 3000`);
  const texts = (column: string): string[] =>
    samples.flatMap((row) => (row[column] === null || row[column] === '' ? [] : [text(row[column])]));
  const timeColumn = columns.find(
    (column) =>
      /at$|time|date|^ts$|created|processed|received/i.test(column) &&
      texts(column).length > 0 &&
      texts(column).every(looksLikeTime),
  );
  const { n: withoutId } = await database.row(
    `select count(*) as n from ${table} where coalesce(trim(${name(best.column)}), '') = ''`,
  );
  const others = columns.filter((column) => column !== best.column);
  return {
    rows,
    unusable: num(withoutId) + (await rejectedRows(database, table)),
    column: best.column,
    logId: best.logId,
    endpointColumn: await matchingColumn(database, table, others, 'endpoint', endpointNames),
    tenantColumn: await matchingColumn(database, table, others, 'tenant', tenantNames),
    timeColumn: timeColumn ?? null,
    times: readTimes(timeColumn === undefined ? [] : texts(timeColumn), { modifiedMs }),
  };
}

/** The header of a file of one column, in which no delimiter says that it is a table. */
const headerOfIds = '[a-z_ -]*(id|ids|uuid|guid|key|reference|ref)';

async function loadTruth(
  database: Database,
  path: string,
  table: string,
): Promise<{ readonly modifiedMs: number }> {
  const file = await sniff(path);
  if (file.bytes === 0) throw new AuditError(`${path} is empty`);
  const from =
    file.container === 'parquet'
      ? `read_parquet(${quote(path)})`
      : file.container === 'ndjson' || file.container === 'json'
        ? `read_json_auto(${quote(path)}, maximum_object_size=1073741824)`
        : // A file with one id per line lacks a delimiter and possibly a header; DuckDB detects that.
          `read_csv(${quote(path)}, all_varchar=true, null_padding=true, store_rejects=true, rejects_table='${table}_rejects', rejects_scan='${table}_rejects_scan'${file.container === 'csv' ? `, delim=${quote(file.delimiter)}, header=true` : ", header=false, delim='\u0001'"})`;
  await database
    .run(`create table ${table} as select columns(*)::varchar from ${from}`)
    .catch((error: Error) => {
      throw new AuditError(`${path} cannot be read: ${error.message.split('\n')[0]}`);
    });
  if (file.container === 'text')
    await database.run(
      `delete from ${table} where regexp_full_match(trim(column0), ${quote(headerOfIds)}, 'i')`,
    );
  return file;
}

interface Joining {
  readonly column: string;
  readonly logId: TruthTable['logId'];
  readonly matched: number;
}

/** Finds the column with the most ids of the log. */
async function joiningColumn(
  database: Database,
  table: string,
  columns: readonly string[],
): Promise<Joining | null> {
  let best: Joining | null = null;
  for (const logId of ['event_id', 'payment_id', 'delivery_id'] as const) {
    const there = await database.row(`select count(${logId}) as n from usable`);
    if (num(there.n) === 0) continue;
    const matches = await database.row(
      `select ${columns.map((column, index) => `count(distinct t.${name(column)}) filter (t.${name(column)} in (select ${logId} from usable)) as c${index}`).join(', ')}
       from (select * from ${table} using sample reservoir(5000 rows) repeatable (1)) t`,
    );
    for (const [index, column] of columns.entries()) {
      const matched = num(matches[`c${index}`]);
      if (matched > (best?.matched ?? 0)) best = { column, logId, matched };
    }
  }
  return best;
}

const endpointNames =
  /endpoint|^url$|_url$|target|destination|receiver|consumer|callback|subscri|hook|host|^service$/i;
const tenantNames = /tenant|account|merchant|^org|organi[sz]ation|workspace|project/i;

/** Finds the column that names the same receivers or tenants as the log. */
async function matchingColumn(
  database: Database,
  table: string,
  columns: readonly string[],
  field: 'endpoint' | 'tenant',
  named: RegExp,
): Promise<string | null> {
  for (const column of columns.filter((one) => named.test(one))) {
    const value = field === 'endpoint' ? endpointSql(name(column)) : name(column);
    const row =
      await database.row(`select count(*) as n, count(*) filter (value in (select ${field} from line)) as matched
      from (select distinct ${value} as value from ${table} where ${name(column)} is not null limit 1000)`);
    if (num(row.matched) > 0 && num(row.matched) >= num(row.n) * minMatching) return column;
  }
  return null;
}

/** Counts the rows that DuckDB could not read as CSV; other formats have none or are refused as a whole. */
async function rejectedRows(database: Database, table: string): Promise<number> {
  const { there } = await database.row(
    `select count(*) as there from information_schema.tables where table_name = ${quote(`${table}_rejects`)}`,
  );
  if (num(there) === 0) return 0;
  return num((await database.row(`select count(distinct line) as n from ${table}_rejects`)).n);
}

/** The columns by which a table of truth and the log are joined, as SQL. */
export function joinOf(
  truth: TruthTable,
  table: string,
): { theirs: string[]; ours: string[]; shown: string } {
  const parts = [
    [`${table}.${name(truth.column)}`, truth.logId as string, truth.column],
    ...(truth.endpointColumn === null
      ? []
      : [
          [
            endpointSql(`${table}.${name(truth.endpointColumn)}`),
            "coalesce(endpoint, '')",
            truth.endpointColumn,
          ],
        ]),
    ...(truth.tenantColumn === null
      ? []
      : [[`${table}.${name(truth.tenantColumn)}`, "coalesce(tenant, '')", truth.tenantColumn]]),
  ] as const;
  return {
    theirs: parts.map(([their]) => their!),
    ours: parts.map(([, our]) => our!),
    shown: parts
      .map(
        ([, our, column]) =>
          `${column} = ${
            /(\w+)[,)]|^(\w+)$/
              .exec(our!)
              ?.slice(1)
              .find((one) => one !== undefined) ?? our
          }`,
      )
      .join(', '),
  };
}

/** How far beyond its first or last line a list or a log is still taken to reach, in ms. */
export const edgeMs = ({ from, to, lines }: LineFacts): number =>
  Math.max(60_000, (linesBefore * (to - from)) / Math.max(1, lines));

/** Returns the names of the columns of a table. */
export async function readColumns(database: Database, table: string): Promise<string[]> {
  const rows = await database.rows(
    `select column_name as name from information_schema.columns where table_name = ${quote(table)}`,
  );
  return rows.map((row) => text(row.name));
}
