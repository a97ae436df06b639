import { count } from 'posthorn/report';
import { num, quote, text } from '../database.ts';
import { benjaminiHochberg, fisherExact } from './statistics.ts';
import { contrast } from './evidence.ts';
import type { Look, Rule } from './rule.ts';
import { thresholds } from '../thresholds.ts';

const { minEvents, typeSignificance } = thresholds.causes;

const maxTypes = 200;

/**
 * Returns the types of events that the receiver cannot read: most of their events fail, nearly always with the same
 * answer, and more of the failed ones are lost than of other types (Fisher for each type, Benjamini and Hochberg over all).
 */
async function unreadable({ database }: Look): Promise<readonly string[]> {
  const rows = await database.rows(`with failures as (
      select event_type, verdict = 'silently_dropped' as lost, fate.key, mode(attempt.status_code) as code from fate join attempt using (key)
      where not attempt.ok and event_type is not null group by all)
    select event_type, count(*) as failed, count(*) filter (lost) as lost, mode(code) as code, count(*) filter (code = theirs) as same
    from (select *, mode(code) over (partition by event_type) as theirs from failures) group by 1 order by lost desc limit ${maxTypes}`);
  const all = {
    failed: rows.reduce((sum, row) => sum + num(row.failed), 0),
    lost: rows.reduce((sum, row) => sum + num(row.lost), 0),
  };
  const suspects = rows.filter(
    (row) => num(row.lost) >= minEvents && num(row.code) >= 400 && num(row.same) >= 0.8 * num(row.failed),
  );
  if (suspects.length === 0 || rows.length < 2) return [];
  const arrived = new Map(
    (
      await database.rows(
        `select event_type, count(*) as n from line where ok and event_type in (${suspects.map((row) => quote(text(row.event_type))).join(', ')}) group by 1`,
      )
    ).map((row) => [text(row.event_type), num(row.n)] as const),
  );
  const p = benjaminiHochberg(
    suspects.map((row) => {
      const lost = num(row.lost);
      const fine = num(row.failed) - lost;
      const otherLost = all.lost - lost;
      return fisherExact([
        [lost, fine],
        [otherLost, all.failed - all.lost - fine],
      ]);
    }),
  );
  return suspects
    .filter((row, index) => {
      const type = text(row.event_type);
      return p[index]! < typeSignificance && num(row.failed) > (arrived.get(type) ?? 0);
    })
    .map((row) => text(row.event_type));
}

/** The receiver cannot read the event: the same answer each time, while the endpoint's other events get through. */
export const poison: Rule = {
  sign: 'poison',
  cause: 'poison',
  kind: 'support',
  shows: async (look) => {
    const types = await unreadable(look);
    const ofType = types.length === 0 ? '' : ` or event_type in (${types.map(quote).join(', ')})`;
    return `not in_outage and error_class in ('client_error', 'server_error')
      and (failures >= 2 and one_failure and answered or failed_code in (400, 415, 422)${ofType})`;
  },
  describe: (e) =>
    `${count(e.events)} lost events failed in the same way each time${e.statusCode === null ? '' : ` (mostly ${e.statusCode})`}${e.eventType === null ? '' : `, all of type ${e.eventType}`}, while other events of the same endpoints got through.${contrast(e)}`,
};
