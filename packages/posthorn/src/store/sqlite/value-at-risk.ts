import { hourMs } from '../../domain/time.ts';
import { moneyOf } from '../rows.ts';
import { riskMoney, type ValueAtRisk, type ValueRequest } from '../value-at-risk.ts';
import { riskSumOf, worthColumns } from '../worth.ts';
import type { Database } from './database.ts';
import { typeMatches, typeValues } from './type-filter.ts';

/** What the chosen endpoints have at risk of what was accepted in these hours. The caller holds the snapshot. */
export function readValueAtRisk(db: Database, request: ValueRequest): ValueAtRisk {
  const { endpoints, from, to, eventTypes, maxRows } = request;
  const nums = JSON.stringify(endpoints);
  const sums = db
    .all(
      `SELECT l.currency, ${worthColumns.map((name) => `sum(l.${name})`).join(', ')} FROM json_each(?1) n
       CROSS JOIN worth l ON l.shard = 0 AND l.endpoint = n.value AND l.hour BETWEEN ?2 AND ?3 GROUP BY l.currency`,
      nums,
      from,
      to,
    )
    .map((row) => ({ currency: row[0] as string, dead: riskSumOf(row, 1), suppressed: riskSumOf(row, 4) }));
  const count = sums.reduce((sum, { dead, suppressed }) => sum + dead.count + suppressed.count, 0);
  if (count > maxRows && eventTypes === null)
    return { money: riskMoney(sums), by: 'delivery', isComplete: true };
  const money = db.all(
    `SELECT currency, CAST(sum(amount_minor) AS TEXT), count(*) FROM (
       SELECT DISTINCT e.number, e.currency, e.amount_minor
       FROM (SELECT d.event_number FROM json_each(?1) n CROSS JOIN (VALUES (2), (4)) s
         CROSS JOIN deliveries d ON d.state = s.column1 AND d.state >= 2 AND d.endpoint = n.value
         WHERE d.created_at >= ?2 * ${hourMs} AND d.created_at < (?3 + 1) * ${hourMs} LIMIT +?4) r
       CROSS JOIN events e ON e.number = r.event_number
       WHERE e.currency IS NOT NULL AND ${typeMatches('e.type', 5)})
     GROUP BY currency`,
    nums,
    from,
    to,
    maxRows,
    ...typeValues(eventTypes),
  );
  return { money: moneyOf(money, 0), by: 'event', isComplete: count <= maxRows };
}
