import { dayMs, hourMs, minuteMs } from '../domain/time.ts';

// The text of an objective: one sentence for the whole, one for each side.

/** The input of an objective's sentence. */
export interface SentenceFacts {
  readonly kind: 'delivered_within' | 'accounted';
  readonly target: number;
  readonly kept: boolean;
  readonly good: number;
  readonly total: number;
  readonly windowMs: number;
  /** For how long counters have existed. */
  readonly knownMs: number;
  readonly sides: readonly SideFacts[];
}

/** One side of an objective. */
export interface SideFacts {
  readonly side: 'sender' | 'receiver';
  readonly team: string | null;
  /** 1 is all of it, below 0 it is overspent; null: nothing was due. */
  readonly budgetRemaining: number | null;
  /** The burn rate of the last hour: how many times as fast as allowed it was spent. */
  readonly pace: number;
  readonly lastsMs: number | null;
}

/** Never rounded up: less than everything is not shown as 100%. Has enough digits to tell it from 100%. */
function percentText(share: number): string {
  const gap = 1 - share;
  const digits = gap <= 0 ? 0 : Math.min(6, Math.max(1, Math.ceil(-Math.log10(gap)) - 1));
  const scale = 10 ** digits;
  // 0.999 is 0.99900000000000011 in binary, 0.29 times 100 is 28.999999999999996.
  const shown = Math.floor(share * 100 * scale + 1e-7) / scale;
  return `${String(shown)}%`;
}

/** `9 days`, `14 hours`, `40 minutes`. */
function spanText(ms: number): string {
  const [unit, name] =
    ms >= 2 * dayMs ? [dayMs, 'day'] : ms >= 2 * hourMs ? [hourMs, 'hour'] : [minuteMs, 'minute'];
  const count = Math.max(1, Math.floor(ms / unit));
  return `${count.toLocaleString('en-US')} ${name}${count === 1 ? '' : 's'}`;
}

export function objectiveSentence(facts: SentenceFacts): string {
  const { kind, target, kept, good, total } = facts;
  const young = youngText(facts);
  if (total === 0) return `Nothing was due in the last ${spanText(facts.windowMs)}.`;
  const missing = total - good;
  if (kind === 'accounted') {
    const all = total.toLocaleString('en-US');
    return kept
      ? `Kept: all ${all} deliveries are accounted for.${young}`
      : `Not kept: ${missing.toLocaleString('en-US')} of ${all} deliveries are unaccounted.${young}`;
  }
  const share = `${percentText(good / total)} delivered in time; the target is ${percentText(target)}.`;
  return kept ? `Kept: ${share}${young}` : `Not kept: ${share}${overspentText(facts.sides)}${young}`;
}

function overspentText(sides: readonly SideFacts[]): string {
  const over = sides.filter(({ budgetRemaining: left }) => left !== null && left < 0);
  if (over.length === 0) return ' Neither side has overspent its own budget, but both together have.';
  return over
    .map(({ side, team, budgetRemaining: left }) => {
      const who = team === null ? `The ${side}` : `The ${side}, ${team},`;
      return ` ${who} spent ${timesText(1 - left!)} its budget.`;
    })
    .join('');
}

function timesText(times: number): string {
  return times < 10 ? `${(Math.floor(times * 10) / 10).toFixed(1)} times` : `${Math.floor(times)} times`;
}

function youngText({ knownMs, windowMs }: SentenceFacts): string {
  // The last counted minute is always slightly in the past.
  if (knownMs >= windowMs - dayMs) return '';
  return ` Only ${spanText(Math.max(knownMs, minuteMs))} of ${spanText(windowMs)} have been counted so far.`;
}

/** What is left of a side's budget, and for how long at the current rate. */
export function sideSentence({ budgetRemaining: left, pace, lastsMs }: SideFacts, windowMs: number): string {
  if (left === null) return 'Nothing was due.';
  if (left < 0) return `Overspent: ${timesText(1 - left)} the budget is gone.`;
  if (left === 0) return 'The budget is used up.';
  if (pace === 0) return 'Nothing was spent in the last hour.';
  if (lastsMs === null || lastsMs >= windowMs)
    return 'At the rate of the last hour the budget lasts for the whole window.';
  return `At the rate of the last hour the budget lasts ${spanText(lastsMs)}.`;
}
