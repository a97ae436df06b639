import { exponentOf } from 'posthorn/domain';
import { type Database, name, num, quote, text } from '../database.ts';
import { endpointSql } from '../read/lines.ts';
import { timeSql } from '../read/times.ts';
import type { LineFacts } from '../timeline/timeline.ts';
import type { Received } from './received.ts';
import { edgeMs, joinOf, readColumns, readTruth, type TruthTable } from './file.ts';

/** What should have been sent, compared with the log. */
export interface Expected {
  readonly file: string;
  readonly truth: TruthTable;
  /** The columns of the file. */
  readonly columns: readonly string[];
  readonly joinedBy: string;
  /** Events in the log that the file does not list. */
  readonly unexpected: number;
  /** The verdicts cover a window of the log, which has sharp ends. */
  readonly isWindow: boolean;
}

const amountNames = ['amount_minor', 'amount_cents', 'amount', 'value', 'total'];
const amountColumn = (columns: readonly string[]): string | undefined =>
  columns.find((one) => amountNames.includes(one.toLowerCase()));

/** Makes `unsent` for an audit without a list of what should have been sent. */
export async function withoutExpected(database: Database): Promise<null> {
  await database.run(`create table unsent (id varchar, due_at bigint, amount varchar, currency varchar, event_type varchar,
    payment_id varchar, endpoint varchar, tenant varchar, verdict varchar)`);
  return null;
}

/** Makes `unsent`: what was expected and is not in the log; `verdict` is null until `decideUnsent`. */
export async function readExpected(
  database: Database,
  path: string,
  /** Verdicts cover only a window of the log: what was sent before or after it was sent. */
  isWindow: boolean,
): Promise<Expected> {
  const truth = await readTruth(database, path, 'expected');
  const columns = await readColumns(database, 'expected');
  await makeUnsent(database, truth, columns, isWindow ? 'line_of_all' : 'line');
  const { theirs, ours, shown } = joinOf(truth, 'expected');
  const { n } = await database.row(
    `select count(*) as n from (select distinct ${ours.join(', ')} from line where ${truth.logId} is not null
      except select ${theirs.join(', ')} from expected where ${theirs[0]} is not null)`,
  );
  return { file: path, truth, columns, joinedBy: shown, unexpected: num(n), isWindow };
}

/**
 * Decides what became of the events in `unsent`: `delivered` if the receiver has them, `not_covered` if the log does not show their time or their endpoint, `unresolved` if they
 * may still be sent or the log cannot show that they were not, and `silently_dropped` otherwise.
 */
export async function decideUnsent(
  database: Database,
  { truth, isWindow }: Expected,
  received: Received | null,
  facts: LineFacts,
  {
    patienceMs,
    conclusive,
  }: {
    /** An event that was due this shortly before the end of the log may still be sent. */
    readonly patienceMs: number;
    readonly conclusive: boolean;
  },
): Promise<void> {
  const elsewhere =
    truth.endpointColumn === null
      ? 'false'
      : 'endpoint not in (select endpoint from line where endpoint is not null)';
  const edge = isWindow ? 0 : edgeMs(facts);
  const patience = isWindow ? 0 : patienceMs;
  await database.run(`update unsent set verdict = case
      when ${processedSql(truth, received)} then 'delivered'
      when due_at < ${facts.from - edge} or due_at > ${facts.to + patience} or endpoint is not null and ${elsewhere} then 'not_covered'
      when ${conclusive ? `due_at > ${facts.to - patienceMs}` : 'true'} then 'unresolved'
      else 'silently_dropped' end`);
}

/** SQL: the receiver has an event of which the log does not have a line, so a line is missing, and not the event. */
function processedSql(truth: TruthTable, received: Received | null): string {
  if (received === null || received.truth.logId !== truth.logId) return 'false';
  const endpoint =
    received.truth.endpointColumn === null ? '' : ' and (endpoint is null or processed.j1 = unsent.endpoint)';
  return `exists(select 1 from processed where processed.j0 = unsent.id${endpoint})`;
}

/** Makes `unsent`: what was expected and is not in the log, once for each receiver that the file names. */
async function makeUnsent(
  database: Database,
  truth: TruthTable,
  known: readonly string[],
  lines: string,
): Promise<void> {
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
    select ${theirs[0]} as id, any_value(${time}) as due_at, ${columnsOfEvent(known)}, ${endpoint} as endpoint, ${tenant} as tenant, cast(null as varchar) as verdict
    from expected anti join (select distinct ${ours.map((our, index) => `${our} as j${index}`).join(', ')} from ${lines} where ${truth.logId} is not null) sent
      on ${theirs.map((their, index) => `${index === 0 ? their : `coalesce(${their}, '')`} = j${index}`).join(' and ')}
    where ${theirs[0]} is not null group by ${theirs.join(', ')}`);
}

/** Converts amounts of `unsent` to the unit of the log, if their name or their decimals show another unit. */
export async function convertAmounts(
  database: Database,
  { columns }: Expected,
  unit: 'minor' | 'major',
): Promise<void> {
  const column = amountColumn(columns);
  if (column === undefined) return;
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

/** SQL of a column of the expected events by one of its names; null if there is none. */
function pickColumn(known: readonly string[], names: readonly string[]): string {
  const found = known.find((one) => names.includes(one.toLowerCase()));
  return found === undefined ? 'cast(null as varchar)' : `any_value(expected.${name(found)})`;
}

const columnsOfEvent = (known: readonly string[]): string =>
  `${pickColumn(known, amountNames)} as amount, ${pickColumn(known, ['currency', 'currency_code', 'ccy'])} as currency,
   ${pickColumn(known, ['event_type', 'type', 'topic'])} as event_type, ${pickColumn(known, ['payment_id', 'order_id', 'payment', 'order'])} as payment_id`;

/** If the log lacks amounts, those of the expected events are used for the other missing events. */
export async function takeTheirAmounts(database: Database, { truth, columns }: Expected): Promise<void> {
  if (truth.logId !== 'event_id' || amountColumn(columns) === undefined) return;
  const column = `expected.${name(truth.column)}`;
  await database.run(`update missing set amount = known.amount, currency = coalesce(missing.currency, known.currency),
      payment_id = coalesce(missing.payment_id, known.payment_id), event_type = coalesce(missing.event_type, known.event_type)
    from (select ${column} as id, ${columnsOfEvent(columns)} from expected where ${column} in (select id from missing) group by 1) known
    where missing.id = known.id and missing.amount is null`);
}
