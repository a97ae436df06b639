import { exponentOf } from 'posthorn/domain';
import { AuditError } from '../errors.ts';
import { type Database, name, num, numOrNull, quote, text } from '../database.ts';

import { sniff } from '../read/files.ts';
import { endpointSql } from '../read/lines.ts';
import type { LineFacts } from '../timeline/timeline.ts';
import type { AuditResult } from '../result.ts';
import { looksLikeTime, readTimes, type TimeReading, timeSql } from '../read/times.ts';

const maxColumns = 60;
/** A join that matches less than this share of the rows is not about the same events. */
const minShare = 0.01;

interface TruthTable {
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
async function readTruth(database: Database, path: string, table: string): Promise<TruthTable> {
  const { modifiedMs } = await loadTruth(database, path, table);
  const columns = (await readColumns(database, table)).slice(0, maxColumns);
  const rows = num((await database.row(`select count(*) as n from ${table}`)).n);
  if (rows === 0) throw new AuditError(`${path} does not contain any rows`);
  const best = await joiningColumn(database, table, columns);
  if (best === null || best.matched < Math.min(rows, 5000) * minShare)
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
/** The share of the values of a column that has to be in the log for the column to be part of the join. */
const minMatching = 0.5;

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

/** Within this many usual pauses before its first line, the log would contain another line with a probability of 95%. */
const linesBefore = 3;

/** Converts amounts of `unsent` to the unit of the log, if their name or their decimals show another unit. */
async function convertAmounts(
  database: Database,
  column: string | undefined,
  unit: 'minor' | 'major' | null,
): Promise<void> {
  if (column === undefined || unit === null) return;
  const { decimals } = await database.row(
    "select coalesce(bool_or(contains(amount, '.')), false) as decimals from unsent",
  );
  const theirs = decimals === true ? 'major' : /minor|cents/i.test(column) ? 'minor' : unit;
  if (theirs === unit) return;
  const rows = await database.rows("select distinct coalesce(currency, '') as currency from unsent");
  for (const row of rows) {
    const factor = 10 ** exponentOf(text(row.currency).trim().toUpperCase());
    await database.run(`update unsent set amount = cast(${
      unit === 'major'
        ? `round(try_cast(amount as decimal(30, 4)) / ${factor}, 4)`
        : `cast(round(try_cast(amount as decimal(30, 4)) * ${factor}) as hugeint)`
    } as varchar)
      where coalesce(currency, '') = ${quote(text(row.currency))}`);
  }
}

/** The columns by which a table of truth and the log are joined, as SQL. */
function joinOf(truth: TruthTable, table: string): { theirs: string[]; ours: string[]; shown: string } {
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

interface ExpectedBasis {
  /** An event that was due this shortly before the end of the log may still be sent, in ms. */
  readonly patienceMs: number;
  /** The unit of the log's amounts; null if it has none. */
  readonly unit: 'minor' | 'major' | null;
  /** The log is complete enough to show that an event was not sent. */
  readonly conclusive: boolean;
}

const amountNames = ['amount_minor', 'amount_cents', 'amount', 'value', 'total'];

/** Adds to `missing` the events that should have been sent and are not in the log at all. */
export async function compareExpected(
  database: Database,
  path: string,
  facts: LineFacts,
  { patienceMs, unit, conclusive }: ExpectedBasis,
): Promise<NonNullable<AuditResult['expected']> & { readonly unresolved: number }> {
  const truth = await readTruth(database, path, 'expected');
  const known = await readColumns(database, 'expected');
  await makeUnsent(database, truth, known);
  const amounts = known.find((one) => amountNames.includes(one.toLowerCase()));
  await convertAmounts(database, amounts, unit);
  // The log may have begun a few lines before its first one, and an event may still be sent some time after its last one.
  const usualPause = (facts.to - facts.from) / Math.max(1, facts.lines);
  const outside = `coalesce(due_at < ${facts.from - Math.max(60_000, linesBefore * usualPause)} or due_at > ${facts.to + patienceMs}, false)
    or endpoint is not null and ${truth.endpointColumn === null ? 'false' : 'endpoint not in (select endpoint from line where endpoint is not null)'}`;
  const young = conclusive ? `coalesce(due_at > ${facts.to - patienceMs}, false)` : 'true';
  const counts = await database.row(
    `select count(*) filter (not (${outside}) and not ${young}) as never, count(*) filter (not (${outside}) and ${young}) as young, count(*) filter (${outside}) as outside from unsent`,
  );
  await database.run(
    `create view lost_unsent as select * from unsent where not (${outside}) and not ${young}`,
  );
  await database.run(`insert into missing by name select id, endpoint, tenant, payment_id, 'silently_dropped' as verdict, 'unknown' as cause, due_at as last_at, 0 as attempts,
    amount, currency, event_type, due_at as first_at from lost_unsent`);
  if (unit === null && truth.logId === 'event_id' && amounts !== undefined)
    await takeTheirAmounts(database, truth, known);
  const { theirs, ours, shown } = joinOf(truth, 'expected');
  const unexpected = await database.row(
    `select count(*) as n from (select distinct ${ours.join(', ')} from line where ${truth.logId} is not null
      except select ${theirs.join(', ')} from expected where ${theirs[0]} is not null)`,
  );
  const samples = await database.rows(
    'select id from missing where attempts = 0 order by first_at, id limit 10',
  );
  return {
    file: path,
    rows: truth.rows,
    unusable: truth.unusable,
    joined_by: shown,
    never_sent: num(counts.never),
    unexpected: num(unexpected.n),
    not_covered: num(counts.outside),
    sample_ids: samples.map((row) => text(row.id)),
    unresolved: num(counts.young),
  };
}

/** SQL of a column of the expected events by one of its names; null if there is none. */
function pickColumn(known: readonly string[], names: readonly string[]): string {
  const found = known.find((one) => names.includes(one.toLowerCase()));
  return found === undefined ? 'cast(null as varchar)' : `any_value(expected.${name(found)})`;
}

const columnsOfEvent = (known: readonly string[]): string =>
  `${pickColumn(known, amountNames)} as amount, ${pickColumn(known, ['currency', 'currency_code', 'ccy'])} as currency,
   ${pickColumn(known, ['event_type', 'type', 'topic'])} as event_type, ${pickColumn(known, ['payment_id', 'order_id', 'payment', 'order'])} as payment_id`;

/** Makes `unsent`: what was expected and is not in the log, once for each receiver that the file names. */
async function makeUnsent(database: Database, truth: TruthTable, known: readonly string[]): Promise<void> {
  const time =
    truth.timeColumn === null
      ? 'cast(null as bigint)'
      : timeSql(`expected.${name(truth.timeColumn)}`, truth.times, true);
  const { theirs, ours } = joinOf(truth, 'expected');
  const endpoint =
    truth.endpointColumn === null
      ? pickColumn(known, ['endpoint', 'endpoint_id', 'url'])
      : `any_value(${endpointSql(`expected.${name(truth.endpointColumn)}`)})`;
  const tenant =
    truth.tenantColumn === null ? 'cast(null as varchar)' : `any_value(expected.${name(truth.tenantColumn)})`;
  await database.run(`create table unsent as
    select ${theirs[0]} as id, any_value(${time}) as due_at, ${columnsOfEvent(known)}, ${endpoint} as endpoint, ${tenant} as tenant
    from expected anti join (select distinct ${ours.map((our, index) => `${our} as j${index}`).join(', ')} from line where ${truth.logId} is not null) sent
      on ${theirs.map((their, index) => `${index === 0 ? their : `coalesce(${their}, '')`} = j${index}`).join(' and ')}
    where ${theirs[0]} is not null group by ${theirs.join(', ')}`);
}

/** If the log lacks amounts, those of the expected events are used for the other missing events. */
async function takeTheirAmounts(
  database: Database,
  truth: TruthTable,
  known: readonly string[],
): Promise<void> {
  const column = `expected.${name(truth.column)}`;
  await database.run(`update missing set amount = known.amount, currency = coalesce(missing.currency, known.currency),
      payment_id = coalesce(missing.payment_id, known.payment_id), event_type = coalesce(missing.event_type, known.event_type)
    from (select ${column} as id, ${columnsOfEvent(known)} from expected where ${column} in (select id from missing) group by 1) known
    where missing.id = known.id and missing.amount is null`);
}

/**
 * Adds to `missing` the events that were answered with success and that the receiver did not process; removes those that
 * the receiver did process.
 */
export async function compareReceived(
  database: Database,
  path: string,
  facts: LineFacts,
): Promise<
  NonNullable<AuditResult['received']> & {
    readonly droppedBut: number;
    readonly givenUpBut: number;
    readonly unresolvedBut: number;
    readonly lateUnprocessed: number;
  }
> {
  const truth = await readTruth(database, path, 'received');
  const { theirs, ours, shown } = joinOf(truth, 'received');
  const names = ours.map((_, index) => `j${index}`);
  await database.run(`create table processed as select distinct ${theirs.map((their, index) => `coalesce(${their}, '') as j${index}`).join(', ')}
    from received where ${theirs[0]} is not null`);
  await database.run(`create table answered as
    select key, ${ours.map((our, index) => `max(${index === 0 ? `coalesce(${our}, '')` : our}) as j${index}`).join(', ')}, coalesce(max(endpoint), '') as at_endpoint, any_value(delivery.ok) as ok, any_value(ok_at) as ok_at, any_value(first_at) as first_at
    from line join delivery using (key) group by key`);
  await database.run(
    `create table joined as select answered.*, processed.j0 is not null as processed from answered left join processed using (${names.join(', ')})`,
  );
  const covered = await coverReceipts(database, truth, facts);
  await database.run(`insert into missing by name
    select max(id) as id, max(endpoint) as endpoint, max(tenant) as tenant, max(payment_id) as payment_id,
      'acknowledged_unprocessed' as verdict, 'acknowledged_unprocessed' as cause, max(joined.ok_at) as last_at, count(*) filter (kind = 'end') as attempts,
      max(amount) as amount, max(currency) as currency, max(event_type) as event_type, max(joined.first_at) as first_at, key
    from line join joined using (key) where joined.ok and not processed and ${covered} group by key`);
  const both =
    await database.row(`select count(*) filter (verdict = 'silently_dropped') as dropped, count(*) filter (verdict = 'given_up') as given_up,
      count(*) filter (verdict = 'unresolved') as unresolved from fate join joined using (key) where processed`);
  await database.run(
    "delete from missing where verdict in ('silently_dropped', 'given_up') and key in (select key from joined where processed)",
  );
  const unprocessed = await database.row(
    `select count(*) as n, count(*) filter (last_at - first_at > 300000) as late from missing where verdict = 'acknowledged_unprocessed'`,
  );
  const samples = await database.rows(
    "select id from missing where verdict = 'acknowledged_unprocessed' order by first_at, id limit 10",
  );
  const uncovered = await database.row(
    `select count(*) filter (not (${covered})) as n from joined where ok and not processed`,
  );
  const endpoints = await database.rows(
    "select at_endpoint from covered_endpoint where not covered and at_endpoint <> '' order by 1 limit 20",
  );
  return {
    file: path,
    rows: truth.rows,
    unusable: truth.unusable,
    joined_by: shown,
    acknowledged_unprocessed: num(unprocessed.n),
    processed_all_the_same: num(both.dropped) + num(both.given_up),
    not_covered: num(uncovered.n),
    endpoints_not_covered: endpoints.map((row) => text(row.at_endpoint)),
    sample_ids: samples.map((row) => text(row.id)),
    droppedBut: num(both.dropped),
    givenUpBut: num(both.given_up),
    unresolvedBut: num(both.unresolved),
    lateUnprocessed: num(unprocessed.late),
  };
}

/**
 * Returns SQL that is true for a delivery that the receipts cover: they begin before it and end after it, and they contain at
 * least one event of its endpoint. Makes `covered_endpoint`.
 */
async function coverReceipts(database: Database, truth: TruthTable, facts: LineFacts): Promise<string> {
  await database.run(
    'create table covered_endpoint as select at_endpoint, bool_or(processed) as covered from joined where ok group by 1',
  );
  const endpoint = 'at_endpoint in (select at_endpoint from covered_endpoint where covered)';
  if (truth.timeColumn === null) return endpoint;
  const time = timeSql(`received.${name(truth.timeColumn)}`, truth.times, true);
  const span = await database.row(`select min(${time}) as first, max(${time}) as last from received`);
  const [first, last] = [numOrNull(span.first), numOrNull(span.last)];
  if (first === null || last === null) return endpoint;
  // Receipts that begin with the log cover its first lines too.
  const pause = (facts.to - facts.from) / Math.max(1, facts.lines);
  const slack = Math.max(60_000, linesBefore * pause);
  const begin = first - facts.from < 4 * slack ? facts.from : first;
  return `${endpoint} and joined.ok_at between ${begin} and ${last}`;
}

async function readColumns(database: Database, table: string): Promise<string[]> {
  const rows = await database.rows(
    `select column_name as name from information_schema.columns where table_name = ${quote(table)}`,
  );
  return rows.map((row) => text(row.name));
}
