import type { Database } from '../database.ts';
import { detectAmountUnit } from '../report/money.ts';
import { convertAmounts, type Expected, takeTheirAmounts } from '../truth/expected.ts';

/**
 * Makes `missing`: the events that did not arrive, with what is known of their payments; those that were never sent, or that the receiver did
 * not process, too. Returns the unit of the log's amounts.
 */
export async function makeMissing(
  database: Database,
  /** The unit that the fields of the log declare; undefined if it lacks amounts. */
  declared: 'minor' | 'major' | undefined,
  expected: Expected | null,
): Promise<'minor' | 'major'> {
  await database.run(`create table missing as
    select lost.id, lost.endpoint, lost.tenant, paid.payment_id, lost.verdict, lost.cause, lost.last_at, lost.tried as attempts,
      paid.amount, paid.currency, lost.event_type, lost.first_at, lost.key
    from lost join (select key, max(payment_id) as payment_id, max(amount) as amount, max(currency) as currency
      from seen where key in (select key from lost) group by key) paid on paid.key = lost.key`);
  await database.run(`insert into missing by name
    select max(id) as id, max(endpoint) as endpoint, max(tenant) as tenant, max(payment_id) as payment_id,
      'acknowledged_unprocessed' as verdict, 'acknowledged_unprocessed' as cause, max(ok_at) as last_at, count(*) filter (kind = 'end') as attempts,
      max(amount) as amount, max(currency) as currency, max(event_type) as event_type, max(first_at) as first_at, key
    from line semi join (select key from receipt where unprocessed) using (key) join (select key, ok_at, first_at from delivery) using (key) group by key`);
  const ownUnit = await detectAmountUnit(database, declared);
  if (expected !== null && declared !== undefined) await convertAmounts(database, expected, ownUnit);
  await database.run(`insert into missing by name select id, endpoint, tenant, payment_id, verdict, 'unknown' as cause, due_at as last_at, 0 as attempts,
    amount, currency, event_type, due_at as first_at from unsent where verdict = 'silently_dropped'`);
  if (expected !== null && declared === undefined) await takeTheirAmounts(database, expected);
  return declared === undefined ? await detectAmountUnit(database, undefined) : ownUnit;
}
