import { locale, plural } from './number.ts';

/** An amount as on the wire: text above 2^53. */
export interface Money {
  readonly currency: string;
  readonly amount_minor: number | string;
}

const exponents = new Map<string, number>();

/** Digits after the point: 2 of EUR, 0 of JPY, 3 of KWD. */
export function exponentOf(currency: string): number {
  let exponent = exponents.get(currency);
  if (exponent === undefined) {
    try {
      exponent =
        new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions()
          .maximumFractionDigits ?? 2;
    } catch {
      exponent = 2;
    }
    exponents.set(currency, exponent);
  }
  return exponent;
}

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
  try {
    return new Intl.NumberFormat(locale, { style: 'currency', currency: money.currency }).format(
      text as unknown as number,
    );
  } catch {
    return `${text} ${money.currency}`;
  }
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

/** Amounts of several currencies in one line, never added: `€3,412.40, $1,120.00 and 2 more currencies`. Empty: nothing. */
export function moneyLine(amounts: readonly (Money & { readonly events?: number })[], maxShown = 3): string {
  const sorted = sortedMoney(amounts);
  const shown = sorted.slice(0, maxShown).map(moneyText);
  const rest = sorted.length - shown.length;
  if (rest > 0) return `${shown.join(', ')} and ${plural(rest, 'more currency', 'more currencies')}`;
  return new Intl.ListFormat('en', { type: 'conjunction' }).format(shown);
}
