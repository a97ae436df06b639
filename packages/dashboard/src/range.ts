import type { Search } from './url.ts';

// `last=24h` moves with the clock; `since` and `until` stand still. A copied link turns the first into the second.

/** A window of time as calls take it. */
export interface Range {
  readonly since: string;
  readonly until?: string;
  /** As it was asked for; null: fixed times. */
  readonly last: string | null;
}

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
export const presets = ['1h', '24h', '7d', '30d'] as const;
export const presetWords: Readonly<Record<(typeof presets)[number], string>> = {
  '1h': 'last hour',
  '24h': 'last 24 hours',
  '7d': 'last 7 days',
  '30d': 'last 30 days',
};

/** The length of `24h` in milliseconds; null: it is none. */
export function lastMs(text: string): number | null {
  const [, count, unit] = /^([1-9]\d{0,3})([mhd])$/.exec(text) ?? [];
  return count === undefined ? null : Number(count) * unitMs[unit!]!;
}

const isTime = (text: string | undefined): text is string =>
  text !== undefined && !Number.isNaN(Date.parse(text));

/**
 * The window that a page's query names. Its beginning is rounded down to the minute, so that what is asked for stays the same
 * while nothing happens, and the cache is of use.
 */
export function rangeFrom(search: Search, nowMs: number, usual = '24h'): Range {
  if (isTime(search['since']))
    return {
      since: new Date(search['since']).toISOString(),
      ...(isTime(search['until']) ? { until: new Date(search['until']).toISOString() } : {}),
      last: null,
    };
  const last = search['last'] ?? usual;
  const ms = lastMs(last) ?? lastMs(usual)!;
  return { since: new Date(Math.floor((nowMs - ms) / 60_000) * 60_000).toISOString(), last };
}

/** Pasted times: `2026-11-24 02:00..03:00`, or two ISO times. Without a zone they are UTC. Null: neither. */
export function pastedRange(text: string): { readonly since: string; readonly until: string } | null {
  const [from = '', to = ''] = text.trim().split(/\s*(?:\.\.|—|–|\bto\b)\s*/);
  const utc = (value: string): number => {
    const iso = value.trim().replace(' ', 'T');
    return Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(iso) ? iso : /T/.test(iso) ? `${iso}Z` : iso);
  };
  const since = utc(from);
  const day = /^\d{4}-\d\d-\d\d/.exec(from.trim())?.[0];
  const until = utc(/^\d\d:\d\d/.test(to) && day !== undefined ? `${day}T${to}` : to);
  if (Number.isNaN(since) || Number.isNaN(until) || until <= since) return null;
  return { since: new Date(since).toISOString(), until: new Date(until).toISOString() };
}

const toIso = (ms: number): string => new Date(ms).toISOString();

/** The same length of time before or after a window; null: it has not come yet. */
export function shifted(
  { since, until, last }: Range,
  nowMs: number,
  direction: -1 | 1,
): { readonly since: string; readonly until: string } | null {
  const begin = Date.parse(since);
  const end = until === undefined ? nowMs : Date.parse(until);
  // What moves with the clock ends now.
  if (direction === 1 && (last !== null || end >= nowMs)) return null;
  const length = end - begin;
  return {
    since: toIso(begin + direction * length),
    until: toIso(Math.min(nowMs, end + direction * length)),
  };
}

/** A link to what is seen now: a reader who opens it later sees the same times. */
export function fixedLink(href: string, { since, until, last }: Range, nowMs: number): string {
  const url = new URL(href);
  if (last === null || since === '') return url.href;
  url.searchParams.delete('last');
  url.searchParams.set('since', since);
  url.searchParams.set('until', until ?? toIso(nowMs));
  return url.href.replaceAll('%3A', ':').replaceAll('%2C', ',');
}
