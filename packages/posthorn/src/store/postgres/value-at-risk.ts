import { hourMs } from '../../domain/time.ts';
import { moneyOf } from '../rows.ts';
import { riskMoney, type ValueAtRisk, type ValueRequest } from '../value-at-risk.ts';
import { riskSumOf, worthColumns } from '../worth.ts';
import type { Connection } from './database.ts';
import { counted, typeMatches, typeValues } from './type-filter.ts';

/** What the chosen endpoints have at risk of what was accepted in these hours. The caller holds the snapshot. */
export async function readValueAtRisk(connection: Connection, request: ValueRequest): Promise<ValueAtRisk> {
  const { endpoints, from, to, eventTypes, maxRows } = request;
  const rows = await connection.query(
    'accounting_worth',
    `SELECT l.currency, ${worthColumns.map((name) => `sum(l.${name})::bigint`).join(', ')} FROM posthorn.worth l
     WHERE ${counted(connection)} AND l.endpoint = ANY ($1::int[]) AND l.hour BETWEEN $2 AND $3 GROUP BY l.currency`,
    [endpoints, from, to],
  );
  const sums = rows.map((row) => ({
    currency: row[0] as string,
    dead: riskSumOf(row, 1),
    suppressed: riskSumOf(row, 4),
  }));
  const count = sums.reduce((sum, { dead, suppressed }) => sum + dead.count + suppressed.count, 0);
  if (count > maxRows && eventTypes === null)
    return { money: riskMoney(sums), by: 'delivery', isComplete: true };
  const money = await connection.query(
    'accounting_money',
    `SELECT currency, sum(amount_minor)::text, count(*) FROM (
       SELECT DISTINCT e.number, e.currency, e.amount_minor
       FROM (SELECT d.shard, d.event_number FROM posthorn.deliveries d
         WHERE d.state IN (2, 4) AND d.endpoint = ANY ($1::int[]) AND d.created_at >= $2::bigint * ${hourMs}
           AND d.created_at < ($3::bigint + 1) * ${hourMs} LIMIT $4) r
       JOIN posthorn.events e ON e.shard = r.shard AND e.number = r.event_number
       WHERE e.currency IS NOT NULL AND ${typeMatches('e.type', 5)}) m GROUP BY currency`,
    [endpoints, from, to, maxRows, ...typeValues(eventTypes)],
  );
  return { money: moneyOf(money, 0), by: 'event', isComplete: count <= maxRows };
}
