import type { Money, ValueCounted } from './accounting.ts';
import type { AtRisk, RiskSum } from './worth.ts';

export interface ValueRequest {
  /** Numbers of endpoints. */
  readonly endpoints: readonly number[];
  /** Hours of acceptance since the epoch, inclusive. */
  readonly from: number;
  readonly to: number;
  readonly eventTypes: readonly string[] | null;
  /** With more at risk than this, no row is counted. */
  readonly maxRows: number;
}

/** What dead letters and suppressed deliveries are worth, by currency. */
export interface ValueAtRisk extends ValueCounted {
  readonly money: readonly Money[];
}

type WorthSums = Readonly<Record<AtRisk, RiskSum>> & { readonly currency: string };

/** Both risks in one, by currency; events without a value are in none. */
export function riskMoney(sums: readonly WorthSums[]): Money[] {
  return sums
    .filter(({ currency }) => currency !== '')
    .map(({ currency, dead, suppressed }) => ({
      currency,
      amountMinor: dead.amountMinor + suppressed.amountMinor,
      events: dead.count + suppressed.count,
    }))
    .filter(({ events }) => events > 0);
}
