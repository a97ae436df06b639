import { exponentOf } from '../../domain/money.ts';
import type { Money } from '../../store/accounting.ts';

/** Sums of money by currency, and of what lacks a value. */
export class Amounts {
  readonly #sums = new Map<string, { amountMinor: bigint; events: number }>();
  /** Deliveries of unknown value. */
  unknown = 0;

  add(currency: string | null, amountMinor: bigint, events: number): this {
    if (events === 0) return this;
    if (currency === null) {
      this.unknown += events;
      return this;
    }
    const sum = this.#sums.get(currency) ?? { amountMinor: 0n, events: 0 };
    this.#sums.set(currency, { amountMinor: sum.amountMinor + amountMinor, events: sum.events + events });
    return this;
  }

  /** The currency of the most events first. */
  list(): Money[] {
    return [...this.#sums]
      .map(([currency, sum]) => ({ currency, ...sum }))
      .toSorted((a, b) => b.events - a.events || (a.currency < b.currency ? -1 : 1));
  }
}

/** `€3,912.40`: exact, whatever the amount. */
export function moneyText({ currency, amountMinor }: Pick<Money, 'currency' | 'amountMinor'>): string {
  const exponent = exponentOf(currency);
  const digits = (amountMinor < 0n ? -amountMinor : amountMinor).toString().padStart(exponent + 1, '0');
  const point = digits.length - exponent;
  const decimal = exponent === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  const format = new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency,
    minimumFractionDigits: exponent,
    maximumFractionDigits: exponent,
  });
  // A decimal text is formatted digit by digit; a number would be rounded.
  return format.format(`${amountMinor < 0n ? '-' : ''}${decimal}` as `${number}`);
}

const maxNamed = 2;

/** `€3,912.40 and $1,120.00`, or '' if nothing has a value. */
export function moneyList(money: readonly Pick<Money, 'currency' | 'amountMinor'>[]): string {
  const named = money.slice(0, maxNamed).map(moneyText);
  const more = money.length - named.length;
  if (more > 0) return `${named.join(', ')} and ${more} more ${more === 1 ? 'currency' : 'currencies'}`;
  return named.join(' and ');
}
