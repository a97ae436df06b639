import { hourMs } from '../../domain/time.ts';
import { moneyOf } from '../rows.ts';
import { riskMoney, type ValueAtRisk, type ValueRequest } from '../value-at-risk.ts';
import { type RiskSum, riskSumOf, worthColumns } from '../worth.ts';
import { ofEndpoints, ofTypes, sum, sums } from './counters.ts';
import { all, inOrder, isAnyOf, limit, sameShard, shardColumn, table } from './pieces.ts';
import { type Sql, sql } from './sql.ts';
import { rows, type Steps } from './steps.ts';

/** The events of what is at risk, once for each delivery. `state >= 2` is the condition of the index, which has all of this. */
const eventsAtRisk = ({ endpoints, from, to, maxRows }: ValueRequest): Sql =>
  sql`(SELECT ${shardColumn('d')}d.event_number FROM ${table('deliveries')} d
    WHERE d.state >= 2 AND d.state IN (2, 4) AND ${isAnyOf('d.endpoint', endpoints, 'int')}
      AND d.created_at >= ${from * hourMs} AND d.created_at < ${(to + 1) * hourMs} ${limit(maxRows)}) r`;

/** By currency, what counters have more than once: an event with several such deliveries counts for each of them. */
function* readRepeated(request: ValueRequest): Steps<ReadonlyMap<string, RiskSum>> {
  const found = yield* rows(
    sql`SELECT e.currency, ${sum('m.more')}, ${sum('(e.amount_minor >> 32) * m.more')}, ${sum('(e.amount_minor & 4294967295) * m.more')}
      FROM (SELECT ${shardColumn('r')}r.event_number, count(*) - 1 AS more FROM ${eventsAtRisk(request)}
        GROUP BY ${shardColumn('r')}r.event_number HAVING count(*) > 1) m
      ${inOrder} ${table('events')} e ON ${sameShard('e', 'm')}e.number = m.event_number
      WHERE e.currency IS NOT NULL GROUP BY e.currency`,
  );
  return new Map(found.map((row) => [row[0] as string, riskSumOf(row, 1)]));
}

/** The worth of chosen types, from the events themselves: counters of worth have no types. */
function* readOfTypes(request: ValueRequest): Steps<ValueAtRisk['money']> {
  const money = yield* rows(
    sql`SELECT currency, CAST(sum(amount_minor) AS text), count(*) FROM (
        SELECT DISTINCT e.number, e.currency, e.amount_minor FROM ${eventsAtRisk(request)}
        ${inOrder} ${table('events')} e ON ${sameShard('e', 'r')}e.number = r.event_number
        WHERE ${all([sql`e.currency IS NOT NULL`, ofTypes('e.type', request.eventTypes)])}) m
      GROUP BY currency`,
  );
  return moneyOf(money, 0);
}

/** What the chosen endpoints have at risk of what was accepted in these hours. The caller holds the snapshot. */
export function* readValueAtRisk(request: ValueRequest): Steps<ValueAtRisk> {
  const { endpoints, from, to, eventTypes, maxRows } = request;
  const counted = yield* rows(
    sql`SELECT l.currency, ${sums(worthColumns)} FROM ${table('worth')} l
      WHERE ${ofEndpoints(endpoints)} AND l.hour BETWEEN ${from} AND ${to} GROUP BY l.currency`,
  );
  const worth = counted.map((row) => ({
    currency: row[0] as string,
    dead: riskSumOf(row, 1),
    suppressed: riskSumOf(row, 4),
  }));
  const count = worth.reduce((total, { dead, suppressed }) => total + dead.count + suppressed.count, 0);
  const isComplete = count <= maxRows;
  if (eventTypes !== null) return { money: yield* readOfTypes(request), by: 'event', isComplete };
  const money = riskMoney(worth);
  if (!isComplete) return { money, by: 'delivery', isComplete: true };
  const repeated = yield* readRepeated(request);
  return {
    money: money.map(({ currency, amountMinor, events }) => {
      const more = repeated.get(currency);
      return {
        currency,
        amountMinor: amountMinor - (more?.amountMinor ?? 0n),
        events: events - (more?.count ?? 0),
      };
    }),
    by: 'event',
    isComplete,
  };
}
