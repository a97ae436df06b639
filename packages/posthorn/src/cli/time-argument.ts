import { InvalidArgumentError } from 'commander';
import { dayMs, hourMs, iso, minuteMs, secondMs } from '../domain/time.ts';
import { systemClock } from '../runtime/clock.ts';

const unitMs = { s: secondMs, m: minuteMs, h: hourMs, d: dayMs, w: 7 * dayMs } as const;
const relative = /^(\d{1,6})\s*(s|m|h|d|w)(?:\s+ago)?$/;
const date = String.raw`(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)`;
const time = String.raw`(?<hour>\d\d?):(?<minute>\d\d)(?::(?<second>\d\d)(?<fraction>\.\d{1,9})?)?`;
const absolute = new RegExp(
  String.raw`^(?:${date}|(?<word>today|yesterday))?(?:(?:^|[T ]\s*)${time})?(?<zone>\s*Z|\s*[+-]\d\d:?\d\d|\s+[A-Za-z][\w/+-]*)?$`,
);

const timeExamples =
  '2h (ago), yesterday, 14:30, 2026-01-31, "2026-01-31 14:30 Europe/Berlin", 2026-01-31T14:30:00Z';

interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** What a wall clock in this zone shows. Throws RangeError if the zone does not exist. */
function wallClock(at: number, zone: string | undefined): Parts {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const of = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  return {
    year: of('year'),
    month: of('month'),
    day: of('day'),
    hour: of('hour'),
    minute: of('minute'),
    second: of('second'),
  };
}

const asUtc = ({ year, month, day, hour, minute, second }: Parts): number =>
  Date.UTC(year, month - 1, day, hour, minute, second);

/**
 * The moment at which a clock in this zone shows this. If it shows it twice, the first; if it skips it, later by as
 * much as it skips (Temporal's rule `compatible`).
 */
function toMoment(shown: Parts, zone: string | undefined): number {
  const wanted = asUtc(shown);
  // The zone's offset from UTC a day before and after: one of them applies unless the clock skips this time.
  const offsets = [wanted - unitMs.d, wanted + unitMs.d].map((at) => asUtc(wallClock(at, zone)) - at);
  const fits = offsets
    .map((offset) => wanted - offset)
    .filter((at) => asUtc(wallClock(at, zone)) === wanted)
    .toSorted((a, b) => a - b);
  return fits[0] ?? wanted - offsets[0]!;
}

/** The day of `parts`, moved by whole days. */
function moved(parts: Parts, days: number): Parts {
  const to = new Date(asUtc(parts) + days * unitMs.d);
  return { ...parts, year: to.getUTCFullYear(), month: to.getUTCMonth() + 1, day: to.getUTCDate() };
}

function offsetMs(zone: string): number | null {
  if (zone === 'Z' || zone === 'UTC') return 0;
  const fixed = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  if (fixed === null) return null;
  return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * unitMs.h + Number(fixed[3]) * unitMs.m);
}

/**
 * Parses a time as people write it, in milliseconds since the epoch; null if it is invalid. Without a zone it is in the
 * machine's own zone (the variable TZ); a day alone is its first moment.
 */
export function parseTime(text: string, now: number, localZone?: string): number | null {
  const trimmed = text.trim();
  if (trimmed === 'now') return now;
  const ago = relative.exec(trimmed);
  if (ago !== null) return now - Number(ago[1]) * unitMs[ago[2] as keyof typeof unitMs];
  const groups = absolute.exec(trimmed)?.groups;
  if (groups === undefined || (groups['year'] ?? groups['word'] ?? groups['hour']) === undefined) return null;
  const zone = groups['zone']?.trim();
  const number = (name: string): number => Number(groups[name] ?? 0);
  const clock = { hour: number('hour'), minute: number('minute'), second: number('second') };
  if (clock.hour > 23 || clock.minute > 59 || clock.second > 59) return null;
  try {
    const fixed = zone === undefined ? null : offsetMs(zone);
    const named = fixed === null ? (zone ?? localZone) : 'UTC';
    const today = wallClock(now + (fixed ?? 0), named);
    const day =
      groups['year'] === undefined
        ? moved({ ...today, ...clock }, groups['word'] === 'yesterday' ? -1 : 0)
        : { year: number('year'), month: number('month'), day: number('day'), ...clock };
    // The 31st of February does not exist.
    const check = new Date(asUtc(day));
    if (check.getUTCMonth() + 1 !== day.month || check.getUTCDate() !== day.day) return null;
    const at = fixed === null ? toMoment(day, named) : asUtc(day) - fixed;
    return at + Math.trunc(Number(groups['fraction'] ?? 0) * 1000);
  } catch (error) {
    // The zone does not exist.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Parses the time of an option, for the API. */
export function apiTime(text: string): string {
  const at = parseTime(text, systemClock.now());
  if (at === null) throw new InvalidArgumentError(`takes a time, such as ${timeExamples}`);
  return iso(at);
}

/** Parses a future time: `2h` means in two hours. */
export function futureTime(text: string): string {
  const now = systemClock.now();
  const ahead = relative.exec(text.trim());
  if (ahead !== null && !text.trim().endsWith('ago'))
    return iso(now + Number(ahead[1]) * unitMs[ahead[2] as keyof typeof unitMs]);
  return apiTime(text);
}
