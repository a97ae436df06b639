/**
 * Wilson score interval at 95% for k of n (Wilson, JASA 22, 1927): [lo, hi] as shares; [0, 1] if n is 0.
 */
export function wilson(k: number, n: number): readonly [number, number] {
  if (n === 0) return [0, 1];
  const z = 1.959963984540054;
  const p = k / n;
  const centre = p + (z * z) / (2 * n);
  const spread = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  // At the ends the bound is exact, and rounding would leave a trace of itself.
  return [k === 0 ? 0 : (centre - spread) / scale, k === n ? 1 : (centre + spread) / scale];
}

/** A measured value with its interval. */
export interface Estimate {
  readonly value: number;
  readonly interval: readonly [number, number];
}

/**
 * The interval of a difference from the intervals of its two parts, which may be lopsided (MOVER: Zou and Donner, Statistics
 * in Medicine 27, 2008). With Wilson's intervals of two shares it is Newcombe's.
 */
export function difference(a: Estimate, b: Estimate): Estimate {
  const value = a.value - b.value;
  const [aLo, aHi] = a.interval;
  const [bLo, bHi] = b.interval;
  return {
    value,
    interval: [
      value - Math.hypot(a.value - aLo, bHi - b.value),
      value + Math.hypot(aHi - a.value, b.value - bLo),
    ],
  };
}

/** A share with Wilson's interval at 95%. */
export const estimateShare = (k: number, n: number): Estimate => ({
  value: n === 0 ? 0 : k / n,
  interval: wilson(k, n),
});

/** k₁/n₁ − k₂/n₂ with its interval at 95%: Newcombe, Statistics in Medicine 17, 1998, method 10. */
export const newcombe = (k1: number, n1: number, k2: number, n2: number): Estimate =>
  difference(estimateShare(k1, n1), estimateShare(k2, n2));

/** ln Γ(x) for x > 0: Lanczos' approximation with g = 7 and nine terms; relative error below 1e-14. */
function logGamma(x: number): number {
  const terms = [
    676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
    -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
  ];
  const z = x - 1;
  const t = z + 7.5;
  const sum = terms.reduce((total, term, index) => total + term / (z + index + 1), 0.9999999999998099);
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

/**
 * The regularised incomplete beta function I_x(a, b), by its continued fraction with Lentz' method
 * (DLMF 8.17.22; converges fast for x below (a + 1) / (a + b + 2), else by symmetry).
 */
function betaIncomplete(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - betaIncomplete(1 - x, b, a);
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x) - Math.log(a),
  );
  const tiny = 1e-300;
  let c = 1;
  let d = 1 - ((a + b) * x) / (a + 1);
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let fraction = d;
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let change = 1;
    for (const term of [even, odd]) {
      d = 1 + term * d;
      d = 1 / (Math.abs(d) < tiny ? tiny : d);
      c = 1 + term / c;
      if (Math.abs(c) < tiny) c = tiny;
      change = c * d;
      fraction *= change;
    }
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return front * fraction;
}

/**
 * The chance of `k` or more among `n` where each happens with probability `p`: the exact binomial test against "no more
 * often than p". 1 where k is 0.
 */
export function binomialTail(k: number, n: number, p: number): number {
  if (k <= 0) return 1;
  if (k > n) return 0;
  return betaIncomplete(p, k, n - k + 1);
}
