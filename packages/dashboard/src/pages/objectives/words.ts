import type { Answer } from '../../api.ts';
import type { Level } from '../../parts/state.tsx';

export type Status = Answer<'slos.status'>;
export type SideName = 'sender' | 'receiver';
export type SideStatus = Status['sides']['sender'];

export const sideNames: readonly SideName[] = ['sender', 'receiver'];

/** Tone and glyph of a side, everywhere the same. */
export const sideMarks = {
  sender: { tone: 'bar', glyph: '■', verb: 'sends' },
  receiver: { tone: 'held', glyph: '◆', verb: 'receives' },
} as const;

export const sideTitle = (side: SideName, team: string | null): string =>
  team === null ? (side === 'sender' ? 'senders' : 'receivers') : `${team} ${sideMarks[side].verb}`;

const isBurning = ({ burn, slow_leak: leaks }: SideStatus): boolean =>
  leaks || burn.some(({ firing }) => firing);

export function statusLevel({ kept, sides }: Pick<Status, 'kept' | 'sides'>): Level {
  if (!kept) return 'act';
  return sideNames.some((side) => isBurning(sides[side])) ? 'watch' : 'well';
}

/** `1.4×`, `133×`: how many times as fast as it may be. */
export const timesText = (rate: number): string =>
  `${rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en-US')}×`;

/** `96%`, `-28%`: whole percent, never rounded up to all nor down to nothing. */
export function budgetText(left: number | null): string {
  if (left === null) return '–';
  const percent = left * 100;
  if (percent > 99 && percent < 100) return '99%';
  if (percent > 0 && percent < 1) return '<1%';
  return `${left < 0 ? '−' : ''}${Math.abs(Math.floor(percent)).toLocaleString('en-US')}%`;
}

/** The lesser of the two budgets; an objective of which nothing is known is last. */
export const lowestLeft = ({ sides }: Pick<Status, 'sides'>): number =>
  Math.min(...sideNames.map((side) => sides[side].budget_remaining ?? Number.POSITIVE_INFINITY));

const causes: Readonly<Record<string, string>> = {
  delayed: 'late without a failed attempt',
  paused: 'accepted while the endpoint was paused',
  held: 'held by a dead letter of their ordering key',
  unknown: 'cause not counted',
  http_5xx: 'server errors (5xx)',
  http_4xx: 'refused (4xx)',
  rate_limited: 'too many requests (429)',
  timeout: 'timeouts',
  connect: 'no connection',
  reset: 'connections cut',
  dns: 'host name not found',
  tls: 'TLS errors',
  gone: '410 Gone',
  redirect: 'redirects',
};

export const causeText = (cause: string): string => causes[cause] ?? cause;

export const isErrorClass = (cause: string): boolean =>
  !['delayed', 'paused', 'held', 'unknown'].includes(cause);
