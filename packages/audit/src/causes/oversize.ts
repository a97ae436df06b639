import { count } from 'posthorn/report';
import { num, numOrNull } from '../database.ts';
import { findStep, trend } from '../statistics.ts';
import { contrast } from './evidence.ts';
import type { Look, Rule } from './rule.ts';

/** Bins of payload sizes, so many for each doubling. */
const perDoubling = 4;
const minLost = 5;
const significance = 0.002;

/**
 * The size from which on events are lost, where the log knows sizes: first whether the larger are lost more often at
 * all (Cochran and Armitage), then where the rate steps up most (likelihood ratio, by permutation). Null where there is
 * no such size: most of what is larger has to be lost.
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
  if (bins.reduce((sum, { k }) => sum + k, 0) < minLost || trend(bins).p > significance) return null;
  const step = findStep(bins, random, true);
  if (step === null || step.p > significance || step.after.k < minLost) return null;
  const beyond = bins.slice(step.at).flatMap(({ least }) => least ?? []);
  // Lines of retries count too: a quarter of the lines beyond it is at least as much of the events.
  return step.after.k < step.after.n / 4 ? null : Math.min(...beyond);
}

/** Refused for its size, or larger than what still arrives. */
export const oversize: Rule = {
  sign: 'oversize',
  cause: 'oversize',
  kind: 'support',
  shows: async (look) => {
    const bytes = await threshold(look);
    return bytes === null ? "error_class = 'oversize'" : `error_class = 'oversize' or bytes >= ${bytes}`;
  },
  words: (e) =>
    `${count(e.events)} lost events were refused for their size, or are larger than what arrives${e.minBytes === null ? '' : ` (${count(e.minBytes)} bytes or more)`}.${contrast(e)}`,
};
