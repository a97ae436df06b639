import { dayMs, hourMs, minuteMs, secondMs } from '../../domain/time.ts';

export const countText = (n: number): string => n.toLocaleString('en-US');

/** `1 notification`, `1,200 notifications`. */
export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${countText(n)} ${n === 1 ? one : many}`;

/** `18 min`, `3 h 12 min`, `2 d`: the two most significant units. */
export function lengthText(ms: number): string {
  if (ms < minuteMs) return `${Math.max(0, Math.round(ms / secondMs))} s`;
  if (ms < hourMs) return `${Math.floor(ms / minuteMs)} min`;
  const [large, small, largeMs, smallMs] =
    ms < dayMs ? (['h', 'min', hourMs, minuteMs] as const) : (['d', 'h', dayMs, hourMs] as const);
  const whole = Math.floor(ms / largeMs);
  const rest = Math.floor((ms % largeMs) / smallMs);
  return rest === 0 || whole >= 10 ? `${whole} ${large}` : `${whole} ${large} ${rest} ${small}`;
}

const windows: Readonly<Record<string, string>> = {
  '1h': 'last hour',
  '24h': 'last 24 hours',
  '7d': 'last 7 days',
  '30d': 'last 30 days',
};

export const windowText = (last: string): string => windows[last] ?? `last ${last}`;
