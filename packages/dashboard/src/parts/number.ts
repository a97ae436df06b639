const tag = ((): string => {
  // A headless browser calls itself `en-US@posix`, which `Intl` refuses.
  for (const name of [globalThis.navigator?.language, 'en']) {
    try {
      if (name !== undefined) return new Intl.NumberFormat(name).resolvedOptions().locale;
    } catch {
      continue;
    }
  }
  return 'en';
})();

/** The reader's, as far as `Intl` knows it. */
export const locale: string = tag;

const exact = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(locale, {
  notation: 'compact',
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

const maxExact = 9_999_999;

/** A count with separators. */
export const countText = (count: number): string => exact.format(count);

/** As it stands where room is short: exact up to 9,999,999, then as `12.4M`, with the exact one on hover. */
export const shortCount = (count: number): string =>
  Math.abs(count) <= maxExact ? countText(count) : compact.format(count);

/** `1 delivery`, `2 deliveries`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${countText(count)} ${count === 1 ? one : many}`;

/**
 * A share as a percentage with two significant digits below 1%, and near 100% as many decimals as its distance from it needs:
 * 99.94%, 0.27%, 0.004%. 100% is said only of all, 0% only of nothing.
 */
export function percent(share: number): string {
  if (share === 0) return '0%';
  if (share === 1) return '100%';
  const value = share * 100;
  const distance = Math.min(Math.abs(value), Math.abs(100 - value));
  const decimals = distance >= 10 ? 1 : Math.min(6, Math.max(1, 1 - Math.floor(Math.log10(distance))));
  const factor = 10 ** decimals;
  // Never rounded up to all, nor down to nothing.
  const rounded =
    value > 99.9 && value < 100 ? Math.floor(value * factor) / factor : Math.round(value * factor) / factor;
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: decimals }).format(rounded)}%`;
}

/** Fewer say nothing about a rate. */
export const minForRate = 20;

/** The upper bound of a 95% interval where none of `total` was seen (the rule of three). */
export const upperBoundOfNone = (total: number): number => Math.min(1, 3 / total);
