import { locale, plural } from './number.ts';

/** An amount as on the wire: text above 2^53. */
export interface Money {
  readonly currency: string;
  readonly amount_minor: number | string;
}

interface Format {
  /** Digits after the point. */
  readonly exponent: number;
  readonly format: ((decimal: string) => string) | null;
}

/** Formats are made once: one takes longer than a hundred amounts, and to ask it for its digits longer than to use it. */
const formats = new Map<string, Format>();
const maxFormats = 100;

/** The format of a currency; `format` is null if it is not one. */
function formatOf(currency: string): Format {
  const known = formats.get(currency);
  if (known !== undefined) return known;
  let format: Format = { exponent: 2, format: null };
  try {
    const intl = new Intl.NumberFormat(locale, { style: 'currency', currency });
    const exponent = intl.resolvedOptions().maximumFractionDigits ?? 2;
    // Exact: a decimal text is not read as a number first.
    format = { exponent, format: (decimal) => intl.format(decimal as unknown as number) };
  } catch {
    // Others' text may be anything.
  }
  if (formats.size >= maxFormats) formats.clear();
  formats.set(currency, format);
  return format;
}

/** Digits after the point: 2 of EUR, 0 of JPY, 3 of KWD. */
export const exponentOf = (currency: string): number => formatOf(currency).exponent;

/** The decimal text of an amount of minor units: exact, whatever its size. */
export function decimalText({ currency, amount_minor }: Money): string {
  const exponent = exponentOf(currency);
  const amount = BigInt(amount_minor);
  const digits = (amount < 0n ? -amount : amount).toString().padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  const sign = amount < 0n ? '-' : '';
  return exponent === 0 ? sign + whole : `${sign}${whole}.${digits.slice(-exponent)}`;
}

/** `€3,412.40` in the reader's locale, exactly. */
export function moneyText(money: Money): string {
  const text = decimalText(money);
  return formatOf(money.currency).format?.(text) ?? `${text} ${money.currency}`;
}

const finestExponent = 4;

/** In ten-thousandths of the currency's unit, so that 5 dinars are not taken for ten times as much as 5 euros. */
const magnitude = ({ currency, amount_minor }: Money): bigint => {
  const amount = BigInt(amount_minor);
  const scale = 10n ** BigInt(Math.max(0, finestExponent - exponentOf(currency)));
  return (amount < 0n ? -amount : amount) * scale;
};

/** The main currency first: the one with the most events, else the largest amount. Zeros are left out. */
export function sortedMoney<T extends Money & { readonly events?: number }>(
  amounts: readonly T[],
): readonly T[] {
  return amounts
    .filter((money) => magnitude(money) !== 0n)
    .toSorted(
      (a, b) =>
        (b.events ?? 0) - (a.events ?? 0) ||
        (magnitude(b) > magnitude(a) ? 1 : magnitude(b) < magnitude(a) ? -1 : 0) ||
        (a.currency < b.currency ? -1 : 1),
    );
}

/** Sums by currency: amounts of two currencies are never added. */
export function sumMoney(
  amounts: Iterable<Money & { readonly events?: number }>,
): (Money & { readonly amount_minor: string; readonly events: number })[] {
  const sums = new Map<string, { amount: bigint; events: number }>();
  for (const { currency, amount_minor, events = 0 } of amounts) {
    const sum = sums.get(currency) ?? { amount: 0n, events: 0 };
    sums.set(currency, { amount: sum.amount + BigInt(amount_minor), events: sum.events + events });
  }
  return [...sums].map(([currency, { amount, events }]) => ({
    currency,
    amount_minor: String(amount),
    events,
  }));
}

/** Worth of events, each with its value or none, in one line. */
export const worthLine = (values: Iterable<Money | null | undefined>): string =>
  moneyLine(sumMoney([...values].flatMap((value) => (value ? [{ ...value, events: 1 }] : []))));

/** Amounts of several currencies in one line, never added: `€3,412.40, $1,120.00 and 2 more currencies`. Empty: nothing. */
export function moneyLine(amounts: readonly (Money & { readonly events?: number })[], maxShown = 3): string {
  const sorted = sortedMoney(amounts);
  const shown = sorted.slice(0, maxShown).map(moneyText);
  const rest = sorted.length - shown.length;
  if (rest > 0) return `${shown.join(', ')} and ${plural(rest, 'more currency', 'more currencies')}`;
  return new Intl.ListFormat('en', { type: 'conjunction' }).format(shown);
}
