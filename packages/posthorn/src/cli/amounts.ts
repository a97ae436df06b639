import { formatValue } from '../domain/money.ts';

/** Amounts as the API answers them, each in its own currency: they are never added. */
export function amountsText(
  amounts: readonly { readonly amountMinor: number | string; readonly currency: string }[],
): string {
  return amounts
    .map(({ amountMinor, currency }) => formatValue({ amountMinor: BigInt(amountMinor), currency }))
    .join(', ');
}
