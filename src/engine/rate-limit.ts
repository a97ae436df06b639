/** A token bucket of one second's tokens. */
export interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** Takes one token at `now`; or says at what time (ms) there will be one. */
export function takeToken(
  bucket: Bucket,
  ratePerS: number,
  now: number,
): { bucket: Bucket } | { readyAt: number } {
  const most = Math.max(1, ratePerS);
  const tokens = Math.min(most, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * ratePerS);
  if (tokens >= 1) return { bucket: { tokens: tokens - 1, at: now } };
  return { readyAt: now + Math.ceil(((1 - tokens) / ratePerS) * 1000) };
}
