import { dayMs, hourMs, minuteMs, secondMs } from '../../domain/time.ts';

// How sentences about endpoints write numbers and times.

export const number = (value: number): string => value.toLocaleString('en-US');

/** `1 delivery`, `179 deliveries`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** `41 s`, `18 min`, `3 h 12 min`, `2 d`. */
export function duration(ms: number): string {
  const rest = (value: number, unit: string): string => (value === 0 ? '' : ` ${value} ${unit}`);
  if (ms < secondMs) return 'less than 1 s';
  if (ms < 2 * minuteMs) return `${Math.round(ms / secondMs)} s`;
  if (ms < 2 * hourMs) return `${Math.round(ms / minuteMs)} min`;
  const minutes = Math.round(ms / minuteMs);
  if (ms < dayMs) return `${Math.floor(minutes / 60)} h${rest(minutes % 60, 'min')}`;
  const hours = Math.round(ms / hourMs);
  return `${Math.floor(hours / 24)} d${rest(hours % 24, 'h')}`;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `13:40 UTC`, `tomorrow 13:40 UTC`, `28 Nov 13:40 UTC`. */
export function moment(time: number, now: number): string {
  const clock = `${new Date(time).toISOString().slice(11, 16)} UTC`;
  const days = Math.floor(time / dayMs) - Math.floor(now / dayMs);
  if (days === 0) return clock;
  if (days === 1) return `tomorrow ${clock}`;
  if (days === -1) return `yesterday ${clock}`;
  const date = new Date(time);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${clock}`;
}

/** `99.9%`: enough decimals to tell it from 100% and from 0%, four at most. */
export function percent(share: number): string {
  const value = share * 100;
  const rest = Math.min(value, 100 - value);
  const decimals = rest <= 0 || rest >= 1 ? 1 : Math.min(4, 1 - Math.floor(Math.log10(rest)));
  return `${Number(value.toFixed(decimals))}%`;
}

/** `a`, `a and b`, `a, b and 3 more`. */
export function listed(items: readonly string[], max = 3): string {
  if (items.length <= 1) return items[0] ?? '';
  if (items.length <= max) return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
  return `${items.slice(0, max - 1).join(', ')} and ${items.length - max + 1} more`;
}
