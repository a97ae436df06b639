import { hourMs } from '../../domain/time.ts';
import { moneyOf } from '../rows.ts';
import { riskMoney, type ValueAtRisk, type ValueRequest } from '../value-at-risk.ts';
import { riskSumOf, worthColumns } from '../worth.ts';
import { ofEndpoints, ofTypes, sums } from './counters.ts';
import { all, inOrder, isAnyOf, limit, sameShard, table } from './pieces.ts';
import { sql } from './sql.ts';
import { rows, type Steps } from './steps.ts';

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
  const count = worth.reduce((sum, { dead, suppressed }) => sum + dead.count + suppressed.count, 0);
  if (count > maxRows && eventTypes === null)
    return { money: riskMoney(worth), by: 'delivery', isComplete: true };
  // `state >= 2` is the condition of the index, which has them by state and endpoint.
  const money = yield* rows(
    sql`SELECT currency, CAST(sum(amount_minor) AS text), count(*) FROM (
        SELECT DISTINCT e.number, e.currency, e.amount_minor FROM (
          SELECT d.shard, d.event_number FROM ${table('deliveries')} d
          WHERE d.state >= 2 AND d.state IN (2, 4) AND ${isAnyOf('d.endpoint', endpoints, 'int')}
            AND d.created_at >= ${from * hourMs} AND d.created_at < ${(to + 1) * hourMs} ${limit(maxRows)}) r
        ${inOrder} ${table('events')} e ON ${sameShard('e', 'r')}e.number = r.event_number
        WHERE ${all([sql`e.currency IS NOT NULL`, ofTypes('e.type', eventTypes)])}) m
      GROUP BY currency`,
  );
  return { money: moneyOf(money, 0), by: 'event', isComplete: count <= maxRows };
}
