// What dead letters and suppressed deliveries are worth, as counters by endpoint, hour of acceptance and currency. They move in the
// transaction that moves the delivery (G4), and only there: whatever is delivered costs nothing.

export type AtRisk = 'dead' | 'suppressed';

/** By the number of a state; the others are not at risk. */
export const atRiskStates: readonly (AtRisk | null)[] = [null, null, 'dead', null, 'suppressed'];

/**
 * Sums of 64-bit amounts do not fit in 64 bits. `hi` and `lo` are sums of the upper and the lower 32 bits of amounts: their sum is
 * hi · 2³² + lo, exact for 2³¹ deliveries. The currency of an event without a value is ''.
 */
export const worthColumns = [
  'dead',
  'dead_hi',
  'dead_lo',
  'suppressed',
  'suppressed_hi',
  'suppressed_lo',
] as const;

export interface RiskSum {
  readonly count: number;
  readonly amountMinor: bigint;
}

/** A count and both halves of a sum, as a row has them from a place on. */
export function riskSumOf(row: readonly unknown[], at: number): RiskSum {
  return {
    count: row[at] as number,
    amountMinor: (BigInt(row[at + 1] as number) << 32n) + BigInt(row[at + 2] as number),
  };
}

/** What is at risk at one endpoint in one currency ('': of unknown worth), by the counters and by the rows. */
export interface WorthComparison {
  readonly endpointId: string;
  readonly currency: string;
  readonly counters: Readonly<Record<AtRisk, RiskSum>>;
  readonly rows: Readonly<Record<AtRisk, RiskSum>>;
}
