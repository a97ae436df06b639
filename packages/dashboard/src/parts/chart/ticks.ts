import { roundTicks } from '../../../../posthorn/src/report/ticks.ts';
import type { Preferences } from '../../preferences.ts';
import { percent, shortCount } from '../number.ts';
import { durationText, timeText } from '../time.ts';

export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** What a chart's values are, which decides how they are said. */
export type Unit = 'count' | 'share' | 'ms';

/** One value as text. */
export function valueText(value: number, unit: Unit): string {
  if (unit === 'share') return percent(value);
  return unit === 'ms' ? durationText(value) : shortCount(value);
}

/** Round values from 0 to at most `max`, as text. */
export const linearTicks = (max: number, unit: Unit, count = 4): readonly Tick[] =>
  roundTicks(max, count, { wholeOnly: unit === 'count' }).map((at) => ({ at, text: valueText(at, unit) }));

/** Powers of ten between two lengths of time, for a logarithmic axis. */
export function logTicks(min: number, max: number): readonly Tick[] {
  const ticks: Tick[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++)
    ticks.push({ at: 10 ** power, text: durationText(10 ** power) });
  return ticks.filter(({ at }) => at >= min * 0.99 && at <= max * 1.01);
}

const steps: readonly number[] = [
  1, 5, 15, 60, 180, 360, 720, 1440, 2880, 4320, 10_080, 14_400, 20_160, 43_200,
].map((minutes) => minutes * 60_000);

/** Times on round steps of the zone that the reader chose, at most `count`. */
export function timeTicks(
  since: number,
  until: number,
  count: number,
  zone: Preferences['zone'],
  nowMs: number,
): readonly Tick[] {
  const step = steps.find((its) => (until - since) / its <= count) ?? steps.at(-1)!;
  const offset = zone === 'utc' ? 0 : new Date(since).getTimezoneOffset() * 60_000;
  const first = Math.ceil((since - offset) / step) * step + offset;
  const precision = step >= 86_400_000 ? 'day' : 'minute';
  const ticks: Tick[] = [];
  for (let at = first; at <= until; at += step)
    ticks.push({ at, text: timeText(at, zone, precision, nowMs) });
  return ticks;
}
