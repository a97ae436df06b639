import { type Database, name, num, numOrNull, text } from '../database.ts';
import { timeSql } from '../read/times.ts';
import type { LineFacts } from '../timeline/timeline.ts';
import { edgeMs, joinOf, readTruth, type TruthTable } from './file.ts';

/** What the receivers processed, joined with the log. */
export interface Received {
  readonly file: string;
  readonly truth: TruthTable;
  readonly joinedBy: string;
  /** Delivered by the log, but outside what the receipts cover. */
  readonly notCovered: number;
  readonly endpointsNotCovered: readonly string[];
}

/** Makes `receipt` for an audit without receipts: nothing is known of any delivery. */
export async function withoutReceipts(database: Database): Promise<null> {
  await database.run(
    'create table receipt (key ubigint, processed boolean, unprocessed boolean, covered_to bigint)',
  );
  return null;
}

/**
 * Makes `receipt`, one row for each delivery: whether the receiver `processed` it, whether it is `unprocessed` although the sender saw a
 * success, and up to when the receipts would contain it (null if they do not cover it).
 */
export async function readReceived(database: Database, path: string, facts: LineFacts): Promise<Received> {
  const truth = await readTruth(database, path, 'received');
  const { theirs, ours, shown } = joinOf(truth, 'received');
  const names = ours.map((_, index) => `j${index}`);
  await database.run(`create table processed as select distinct ${theirs.map((their, index) => `coalesce(${their}, '') as j${index}`).join(', ')}
    from received where ${theirs[0]} is not null`);
  await database.run(`create table answered as
    select key, ${ours.map((our, index) => `max(${index === 0 ? `coalesce(${our}, '')` : our}) as j${index}`).join(', ')}, coalesce(max(endpoint), '') as at_endpoint, any_value(delivery.ok) as ok, coalesce(any_value(ok_at), max(t)) as ended_at
    from line join delivery using (key) group by key`);
  await database.run(
    `create table joined as select answered.*, processed.j0 is not null as processed from answered left join processed using (${names.join(', ')})`,
  );
  await database.run(
    'create table covered_endpoint as select at_endpoint, bool_or(processed) as covered, bool_or(ok) as answered from joined group by 1',
  );
  const { covered, to } = await coverage(database, truth, facts);
  await database.run(`create table receipt as select key, processed, ok and not processed and ${covered} as unprocessed,
      case when ${covered} then ${to} end as covered_to from joined`);
  const uncovered = await database.row(
    `select count(*) as n from receipt join joined using (key) where ok and not joined.processed and covered_to is null`,
  );
  const endpoints = await database.rows(
    "select at_endpoint from covered_endpoint where answered and not covered and at_endpoint <> '' order by 1 limit 20",
  );
  return {
    file: path,
    truth,
    joinedBy: shown,
    notCovered: num(uncovered.n),
    endpointsNotCovered: endpoints.map((row) => text(row.at_endpoint)),
  };
}

/**
 * SQL that is true for a delivery that the receipts cover: they begin before it and end after it, and they contain at least one event of
 * its endpoint; and the time to which they reach.
 */
async function coverage(
  database: Database,
  truth: TruthTable,
  facts: LineFacts,
): Promise<{ readonly covered: string; readonly to: number }> {
  const endpoint = 'at_endpoint in (select at_endpoint from covered_endpoint where covered)';
  // Receipts without times are taken to be of the time of the log.
  const whole = { covered: endpoint, to: facts.to };
  if (truth.timeColumn === null) return whole;
  const time = timeSql(`received.${name(truth.timeColumn)}`, truth.times, true);
  const span = await database.row(`select min(${time}) as first, max(${time}) as last from received`);
  const [first, last] = [numOrNull(span.first), numOrNull(span.last)];
  if (first === null || last === null) return whole;
  // Receipts that begin with the log cover its first lines too.
  const begin = first - facts.from < 4 * edgeMs(facts) ? facts.from : first;
  return { covered: `${endpoint} and ended_at between ${begin} and ${last}`, to: last };
}
