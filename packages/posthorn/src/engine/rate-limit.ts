/** A token bucket that holds one second's tokens. Its time is monotonic (ms): a clock that is set changes nothing. */
export interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

export const fullBucket: Bucket = { tokens: Number.POSITIVE_INFINITY, at: 0 };

/** A billionth of a token is rounding, not a token that is missing. */
const rounding = 1e-9;

/** How many tokens there are at `now`, fractions included. */
export function tokensAt({ tokens, at }: Bucket, ratePerS: number, now: number): number {
  return Math.min(Math.max(1, ratePerS), tokens + (Math.max(0, now - at) / 1000) * ratePerS) + rounding;
}

/** How long until there are `wanted` tokens, in ms; 0 if there are. */
export function msUntilTokens(bucket: Bucket, ratePerS: number, now: number, wanted: number): number {
  const missing = wanted - tokensAt(bucket, ratePerS, now);
  return missing <= 0 ? 0 : Math.ceil((missing / ratePerS) * 1000);
}

/** Takes one token; null if there is none yet. */
export function takeToken(bucket: Bucket, ratePerS: number, now: number): Bucket | null {
  const tokens = tokensAt(bucket, ratePerS, now);
  return tokens < 1 ? null : { tokens: Math.max(0, tokens - 1), at: now };
}
