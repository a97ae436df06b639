import { formatValue } from '../domain/money.ts';

// How reports write figures, the same everywhere.

/** `0.218%`: as many digits as a small share needs. */
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0) return '0%';
  const size = Math.abs(value);
  const digits = size >= 1 ? 2 : size >= 0.01 ? 3 : size >= 0.0001 ? 5 : 7;
  return `${Number(value.toFixed(digits))}%`;
}

/** A p-value; below a ten-thousandth, its size does not matter. */
export const pValue = (p: number): string => (p < 1e-4 ? '< 0.0001' : p.toPrecision(2));

export const interval = ([lo, hi]: readonly [number, number]): string => `${percent(lo)} to ${percent(hi)}`;

/** `2026-01-04 21:24`, UTC. */
export const time = (at: string | number): string =>
  new Date(at).toISOString().slice(0, 16).replace('T', ' ');

export const day = (at: string | number): string => new Date(at).toISOString().slice(0, 10);

/** A duration: `80 ms`, `11.3 s`, `2.5 min`, `3.2 h`, `4.1 days`. */
export function seconds(ms: number): string {
  const units = [
    [1000, 1, 'ms'],
    [120_000, 1000, 's'],
    [7_200_000, 60_000, 'min'],
    [172_800_000, 3_600_000, 'h'],
    [Number.POSITIVE_INFINITY, 86_400_000, 'days'],
  ] as const;
  const [, size, unit] = units.find(([below]) => ms < below) ?? units[4];
  return `${Number((ms / size).toFixed(size === 1 ? 0 : 1))} ${unit}`;
}

export const money = ({
  amount_minor: minor,
  currency,
}: {
  amount_minor: number | string;
  currency: string;
}): string => formatValue({ amountMinor: BigInt(minor), currency });

/** `1,234.50 USD and 12.00 EUR`; `nothing` if the list is empty. */
export const moneys = (
  values: readonly { readonly amount_minor: number | string; readonly currency: string }[],
): string => (values.length === 0 ? 'nothing' : values.map(money).join(' and '));
