import { count } from 'posthorn/report';
import { num } from '../database.ts';
import { holm, poissonRates } from './statistics.ts';
import { contrast } from './evidence.ts';
import type { Look, Rule } from './rule.ts';
import { thresholds } from '../thresholds.ts';

const { slackMs } = thresholds.restarts;

/** How long before a restart the events that it lost may have been accepted, in ms; the log shows which one fits. */
const reaches = [15_000, 30_000, 60_000, 120_000, 300_000];

/**
 * Returns how far before a restart the last line of an event can be that was lost in memory (accepted and never attempted,
 * or an attempt without an end): the reach within which such losses are densest, by the exact test of two Poisson rates with
 * the traffic as exposure, corrected for the reaches tried (Holm). Returns the shortest if none is beyond chance.
 */
async function findReach({ database, markers }: Look): Promise<number> {
  if (markers.length === 0) return reaches[0]!;
  const within = (time: string): string =>
    reaches.map((reach) => `count(*) filter (next - ${time} <= ${reach}) as within_${reach}`).join(', ');
  const inMemory = "verdict = 'silently_dropped' and (tried = 0 or coalesce(last_open, false))";
  const row = async (from: string, time: string): Promise<Readonly<Record<string, unknown>>> =>
    await database.row(`select count(*) as n, ${within(time)}
      from (select ${time}, at_ms as next from ${from} asof left join (select distinct at_ms from marker) on ${time} - ${slackMs} <= at_ms)`);
  const lost = await row(`(select last_at from fate where ${inMemory})`, 'last_at');
  if (num(lost['n']) === 0) return reaches[0]!;
  const all = await row('delivery', 'first_at');
  const tested = reaches.map((reach) => {
    const inside = num(lost[`within_${reach}`]);
    const share = num(all[`within_${reach}`]) / Math.max(1, num(all['n']));
    return poissonRates(inside, num(lost['n']) - inside, Math.max(share, 0.5 / Math.max(1, num(all['n']))));
  });
  const corrected = holm(tested);
  const least = Math.min(...corrected);
  return least < 0.01 ? reaches[corrected.indexOf(least)]! : reaches[0]!;
}

/** The event was waiting in the sender's memory at a restart: for an answer, for its retry, or for its first attempt. */
export const restartLoss: Rule = {
  sign: 'restart_loss',
  cause: 'restart_loss',
  kind: 'support',
  shows: async (look) => {
    const { waits, graceMs } = look.habits;
    const retry =
      waits.length === 0
        ? '0'
        : `case ${waits.map(({ after, longestMs }) => `when attempts = ${after} then ${Math.round(longestMs + graceMs)}`).join(' ')} end`;
    const until = `greatest(last_at + ${await findReach(look)},
      coalesce(case when last_has_next then last_owed_at end, 0),
      case when tried > 0 and not coalesce(last_open, false) then last_ended + coalesce(${retry}, 0) else 0 end)`;
    return `passed_marker or verdict in ('silently_dropped', 'given_up')
      and exists(select 1 from marker where at_ms between last_at - ${slackMs} and ${until})`;
  },
  describe: (e) => {
    const inferred = e.markers.some(({ from }) => from === 'inferred');
    const inMemory = e.leftOpen + e.neverTried;
    return `${count(e.events)} lost events were waiting when the sender was restarted (${count(e.markers.length)} ${inferred ? 'restarts, inferred from losses that coincide' : 'deploys or restarts'}${inMemory > 0 ? `; ${count(inMemory)} of them have an attempt that never ended` : ''}).${contrast(e)}`;
  },
};
