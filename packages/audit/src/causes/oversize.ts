import { count } from 'posthorn/report';
import { num, numOrNull } from '../database.ts';
import { findStep, trend } from './statistics.ts';
import { contrast } from './evidence.ts';
import type { Look, Rule } from './rule.ts';
import { thresholds } from '../thresholds.ts';

const { minEvents, stepSignificance } = thresholds.causes;

/** Bins of payload sizes for each doubling. */
const perDoubling = 4;

/**
 * Returns the size from which events are lost, if the log records sizes. It tests first whether larger events are lost
 * more often at all (Cochran and Armitage), then where the rate steps up most (likelihood ratio, by permutation). Returns
 * null if there is no such size: most larger events have to be lost.
 */
async function threshold({ database, random }: Look): Promise<number | null> {
  const [present] = await database.rows('select 1 from raw where bytes > 0 limit 1');
  if (present === undefined) return null;
  const bin = `cast(floor(${perDoubling} * log2(bytes)) as integer)`;
  const rows =
    await database.rows(`with lines as (select ${bin} as bin, count(*) as n from raw where bytes > 0 group by 1),
    lost as (select ${bin} as bin, count(*) as k, min(bytes) as least from fate where verdict = 'silently_dropped' and bytes > 0 group by 1)
    select n, coalesce(k, 0) as k, least from lines left join lost using (bin) order by bin`);
  const bins = rows.map((row) => ({
    n: Math.max(num(row.n), num(row.k)),
    k: num(row.k),
    least: numOrNull(row.least),
  }));
  if (bins.reduce((sum, { k }) => sum + k, 0) < minEvents || trend(bins).p > stepSignificance) return null;
  const step = findStep(bins, random, true);
  if (step === null || step.p > stepSignificance || step.after.k < minEvents) return null;
  const beyond = bins.slice(step.at).flatMap(({ least }) => least ?? []);
  // Lines of retries count too: a quarter of the lines above the size is at least a quarter of the events.
  return step.after.k < step.after.n / 4 ? null : Math.min(...beyond);
}

/** The event was refused for its size, or is larger than any that still gets through. */
export const oversize: Rule = {
  sign: 'oversize',
  cause: 'oversize',
  kind: 'support',
  shows: async (look) => {
    const bytes = await threshold(look);
    return bytes === null ? "error_class = 'oversize'" : `error_class = 'oversize' or bytes >= ${bytes}`;
  },
  describe: (e) =>
    `${count(e.events)} lost events were refused for their size, or are larger than any event that gets through${e.minBytes === null ? '' : ` (${count(e.minBytes)} bytes or more)`}.${contrast(e)}`,
};
