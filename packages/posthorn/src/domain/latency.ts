// Latency histogram: bucket k holds latencies in (growth^(k-1), growth^k] ms; growth 1.1 keeps
// percentiles within 10%, and 220 buckets reach beyond 30 years.
const growth = Math.log(1.1);

/** The bucket (0…) of a latency in milliseconds. */
export function latencyBucket(ms: number): number {
  return ms <= 1 ? 0 : Math.ceil(Math.log(ms) / growth);
}

/** The bucket's upper bound in milliseconds. */
export function latencyBound(bucket: number): number {
  return Math.exp(bucket * growth);
}

/** The q-quantile's upper bound in ms (0 < q ≤ 1), or null where nothing was counted. */
export function latencyQuantile(
  histogram: readonly { readonly bucket: number; readonly count: number }[],
  q: number,
): number | null {
  const total = histogram.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  let seen = 0;
  for (const { bucket, count } of histogram.toSorted((a, b) => a.bucket - b.bucket)) {
    seen += count;
    if (seen >= q * total) return Math.round(latencyBound(bucket) * 10) / 10;
  }
  return null;
}
