import { exponentOf } from 'posthorn/domain';
import { AuditError } from './errors.ts';
import { type Database, name, num, numOrNull, quote, text } from './database.ts';

import { sniff } from './files.ts';
import type { LineFacts } from './timeline.ts';
import type { AuditResult } from './result.ts';
import { looksLikeTime, readTimes, type TimeReading, timeSql } from './times.ts';

const maxColumns = 60;
/** A join that matches less than this share of the rows is not about the same events. */
const minShare = 0.01;

interface TruthTable {
  readonly rows: number;
  readonly unusable: number;
  /** The column of the file, and the id of the log that it matches. */
  readonly column: string;
  readonly logId: 'event_id' | 'payment_id' | 'delivery_id';
  readonly timeColumn: string | null;
  readonly times: TimeReading;
}

/** Reads a list of ids into a table, and finds which column matches which id of the log. */
async function readTruth(database: Database, path: string, table: string): Promise<TruthTable> {
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
  const columns = (
    await database.rows(
      `select column_name as name from information_schema.columns where table_name = ${quote(table)}`,
    )
  )
    .map((row) => text(row.name))
    .slice(0, maxColumns);
  const rows = num((await database.row(`select count(*) as n from ${table}`)).n);
  if (rows === 0) throw new AuditError(`${path} does not contain any rows`);
  const ids = ['event_id', 'payment_id', 'delivery_id'] as const;
  let best: { column: string; logId: (typeof ids)[number]; matched: number } | null = null;
  for (const logId of ids) {
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
  if (best === null || best.matched < Math.min(rows, 5000) * minShare)
    throw new AuditError(
      `${path}: none of its columns (${columns.join(', ')}) has ids that are in the log: it needs event ids, or payment ids with --map payment_id=…`,
    );
  const samples = await database.rows(`select * from ${table} limit 50`);
  const timeColumn = columns.find((column) => {
    const texts = samples.flatMap((row) => (row[column] === null ? [] : [text(row[column])]));
    return (
      texts.length > 0 &&
      /at$|time|date|^ts$|created|processed|received/i.test(column) &&
      texts.every(looksLikeTime)
    );
  });
  const { n: withoutId } = await database.row(
    `select count(*) as n from ${table} where coalesce(trim(${name(best.column)}), '') = ''`,
  );
  const unusable = num(withoutId) + (await rejectedRows(database, table));
  const times = readTimes(
    timeColumn === undefined ? [] : samples.flatMap((row) => (row[timeColumn] === null ? [] : [text(row[timeColumn])])),
    { modifiedMs: file.modifiedMs },
  );
  return { rows, unusable, column: best.column, logId: best.logId, timeColumn: timeColumn ?? null, times };
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

/** Adds to `missing` the events that should have been sent and are not in the log at all. */
export async function compareExpected(
  database: Database,
  path: string,
  facts: LineFacts,
  /** An event that was due this shortly before the end of the log may still be sent, in ms. */
  patienceMs: number,
  /** The unit of the log's amounts; null if it has none. */
  unit: 'minor' | 'major' | null,
): Promise<NonNullable<AuditResult['expected']> & { readonly unresolved: number }> {
  const truth = await readTruth(database, path, 'expected');
  const column = `expected.${name(truth.column)}`;
  const time =
    truth.timeColumn === null
      ? 'cast(null as bigint)'
      : timeSql(`expected.${name(truth.timeColumn)}`, truth.times, true);
  const known = await readColumns(database, 'expected');
  const find = (names: readonly string[]): string | undefined =>
    known.find((one) => names.includes(one.toLowerCase()));
  const pick = (names: readonly string[]): string => {
    const found = find(names);
    return found === undefined ? 'cast(null as varchar)' : `any_value(expected.${name(found)})`;
  };
  const amounts = ['amount_minor', 'amount_cents', 'amount', 'value', 'total'];
  const currencies = ['currency', 'currency_code', 'ccy'];
  const types = ['event_type', 'type', 'topic'];
  const payments = ['payment_id', 'order_id', 'payment', 'order'];
  // Events that were due before the log begins, or may still be sent, are undecided.
  await database.run(`create table unsent as
    select ${column} as id, any_value(${time}) as due_at,
      ${pick(amounts)} as amount, ${pick(currencies)} as currency,
      ${pick(types)} as event_type, ${pick(payments)} as payment_id, ${pick(['endpoint', 'endpoint_id', 'url'])} as endpoint
    from expected where ${column} is not null and ${column} not in (select ${truth.logId} from usable where ${truth.logId} is not null) group by 1`);
  await convertAmounts(database, find(amounts), unit);
  // The log may have begun a few lines before its first one.
  const usualPause = (facts.to - facts.from) / Math.max(1, facts.lines);
  const outside = `coalesce(due_at < ${facts.from - Math.max(60_000, linesBefore * usualPause)}, false)`;
  const young = `coalesce(due_at > ${facts.to - patienceMs}, false)`;
  const counts = await database.row(
    `select count(*) filter (not ${outside} and not ${young}) as never, count(*) filter (${young}) as young from unsent`,
  );
  await database.run(`create view lost_unsent as select * from unsent where not ${outside} and not ${young}`);
  await database.run(`insert into missing by name select id, endpoint, payment_id, 'silently_dropped' as verdict, 'unknown' as cause, due_at as last_at, 0 as attempts,
    amount, currency, event_type, due_at as first_at from lost_unsent`);
  // If the log lacks amounts, those of the expected events are used for the other missing events.
  if (unit === null && truth.logId === 'event_id' && find(amounts) !== undefined)
    await database.run(`update missing set amount = known.amount, currency = coalesce(missing.currency, known.currency),
        payment_id = coalesce(missing.payment_id, known.payment_id), event_type = coalesce(missing.event_type, known.event_type)
      from (select ${column} as id, ${pick(amounts)} as amount, ${pick(currencies)} as currency, ${pick(payments)} as payment_id, ${pick(types)} as event_type
        from expected where ${column} in (select id from missing) group by 1) known
      where missing.id = known.id and missing.amount is null`);
  const unexpected = await database.row(
    `select count(distinct ${truth.logId}) as n from usable where ${truth.logId} is not null and ${truth.logId} not in (select ${column} from expected where ${column} is not null)`,
  );
  const samples = await database.rows(
    'select id from missing where attempts = 0 order by first_at, id limit 10',
  );
  return {
    file: path,
    rows: truth.rows,
    unusable: truth.unusable,
    joined_by: `${truth.column} = ${truth.logId}`,
    never_sent: num(counts.never),
    unexpected: num(unexpected.n),
    sample_ids: samples.map((row) => text(row.id)),
    unresolved: num(counts.young),
  };
}

/**
 * Adds to `missing` the events that were answered with success and that the receiver did not process; removes those that
 * the receiver did process.
 */
export async function compareReceived(
  database: Database,
  path: string,
): Promise<
  NonNullable<AuditResult['received']> & {
    readonly droppedBut: number;
    readonly givenUpBut: number;
    readonly lateUnprocessed: number;
  }
> {
  const truth = await readTruth(database, path, 'received');
  const column = `received.${name(truth.column)}`;
  const last =
    truth.timeColumn === null
      ? null
      : numOrNull(
          (
            await database.row(
              `select max(${timeSql(`received.${name(truth.timeColumn)}`, truth.times, true)}) as t from received`,
            )
          ).t,
        );
  await database.run(
    `create table processed as select distinct ${column} as id from received where ${column} is not null`,
  );
  const logId = truth.logId;
  // Receipts that end before the log cannot contain later deliveries.
  const seenByThen = last === null ? 'true' : `ok_at <= ${last}`;
  await database.run(`insert into missing by name
    select max(id) as id, max(endpoint) as endpoint, max(tenant) as tenant, max(payment_id) as payment_id,
      'acknowledged_unprocessed' as verdict, 'acknowledged_unprocessed' as cause, max(ok_at) as last_at, count(*) filter (kind = 'end') as attempts,
      max(amount) as amount, max(currency) as currency, max(event_type) as event_type, max(first_at) as first_at, key
    from line join delivery using (key)
    where delivery.ok and ${seenByThen} and ${logId} not in (select id from processed) group by key`);
  const both =
    await database.row(`select count(*) filter (verdict = 'silently_dropped') as dropped, count(*) filter (verdict = 'given_up') as given_up
    from missing where ${logId === 'event_id' ? 'id' : logId === 'payment_id' ? 'payment_id' : 'id'} in (select id from processed)`);
  await database.run(
    `delete from missing where verdict in ('silently_dropped', 'given_up') and ${logId === 'payment_id' ? 'payment_id' : 'id'} in (select id from processed)`,
  );
  const unprocessed = await database.row(
    `select count(*) as n, count(*) filter (last_at - first_at > 300000) as late from missing where verdict = 'acknowledged_unprocessed'`,
  );
  const samples = await database.rows(
    "select id from missing where verdict = 'acknowledged_unprocessed' order by first_at, id limit 10",
  );
  return {
    file: path,
    rows: truth.rows,
    unusable: truth.unusable,
    joined_by: `${truth.column} = ${logId}`,
    acknowledged_unprocessed: num(unprocessed.n),
    processed_all_the_same: num(both.dropped) + num(both.given_up),
    sample_ids: samples.map((row) => text(row.id)),
    droppedBut: num(both.dropped),
    givenUpBut: num(both.given_up),
    lateUnprocessed: num(unprocessed.late),
  };
}

async function readColumns(database: Database, table: string): Promise<string[]> {
  const rows = await database.rows(
    `select column_name as name from information_schema.columns where table_name = ${quote(table)}`,
  );
  return rows.map((row) => text(row.name));
}
