import type { Preferences } from '../preferences.ts';
import { locale } from './number.ts';

type Zone = Preferences['zone'];
/** How exactly a time is said: in tables of deliveries by the second, of attempts by the millisecond. */
export type Precision = 'day' | 'minute' | 'second' | 'millisecond';

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: Zone, precision: Precision, part: 'time' | 'date' | 'both'): Intl.DateTimeFormat {
  const key = `${zone} ${precision} ${part}`;
  let found = formats.get(key);
  if (found === undefined) {
    const date: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short' };
    const time: Intl.DateTimeFormatOptions = {
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      ...(precision === 'minute' ? {} : { second: '2-digit' }),
      ...(precision === 'millisecond' ? { fractionalSecondDigits: 3 } : {}),
    };
    found = new Intl.DateTimeFormat('en-GB', {
      ...(part === 'time' ? {} : date),
      ...(part === 'date' || precision === 'day' ? {} : time),
      ...(zone === 'utc' ? { timeZone: 'UTC' } : {}),
    });
    formats.set(key, found);
  }
  return found;
}

const dayOf = (ms: number, zone: Zone): string => format(zone, 'day', 'date').format(ms);

/** `09:41:07` of today, else `23 Nov, 09:41:07`; of another year with it. */
export function timeText(ms: number, zone: Zone, precision: Precision, nowMs: number): string {
  const date = new Date(ms);
  const year = zone === 'utc' ? date.getUTCFullYear() : date.getFullYear();
  const thisYear = zone === 'utc' ? new Date(nowMs).getUTCFullYear() : new Date(nowMs).getFullYear();
  if (year !== thisYear) return `${format(zone, precision, 'both').format(ms)} ${year}`;
  if (precision !== 'day' && dayOf(ms, zone) === dayOf(nowMs, zone))
    return format(zone, precision, 'time').format(ms);
  return format(zone, precision, 'both').format(ms);
}

/** The same with its date, whatever today is. */
export const fullTimeText = (ms: number, zone: Zone, precision: Precision = 'second'): string => {
  const year = zone === 'utc' ? new Date(ms).getUTCFullYear() : new Date(ms).getFullYear();
  const name = zone === 'utc' ? 'UTC' : localZoneName(ms);
  return `${format(zone, precision, 'both').format(ms).replace(',', ` ${year},`)} ${name}`;
};

/** Made once: to make one took a third of the time of scrolling a long list. */
const zoneFormat = new Intl.DateTimeFormat(locale, { timeZoneName: 'short' });

const localZoneName = (ms: number): string =>
  zoneFormat.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? 'local';

const units: readonly (readonly [ms: number, name: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
];

/** A length of time with its two largest units: `2 min 42 s`, `18 min`, `3 h 12 min`, `184 ms`. */
export function durationText(ms: number): string {
  const length = Math.abs(ms);
  if (length < 1000) return `${Math.round(length)} ms`;
  if (length < 10_000) return `${(Math.floor(length / 100) / 10).toFixed(1).replace(/\.0$/, '')} s`;
  const at = units.findIndex(([unit]) => length >= unit);
  const [unit, name] = units[at]!;
  const whole = Math.floor(length / unit);
  const next = units[at + 1];
  const rest = next === undefined ? 0 : Math.floor((length - whole * unit) / next[0]);
  return rest === 0 || next === undefined ? `${whole} ${name}` : `${whole} ${name} ${rest} ${next[1]}`;
}

/** `12 s ago`, `in 41 s`, `now`. One unit: it ticks. */
export function relativeText(ms: number, nowMs: number): string {
  const difference = ms - nowMs;
  const length = Math.abs(difference);
  if (length < 1000) return 'now';
  const [unit, name] = units.find(([its]) => length >= its)!;
  const text = `${Math.floor(length / unit)} ${name}`;
  return difference < 0 ? `${text} ago` : `in ${text}`;
}
