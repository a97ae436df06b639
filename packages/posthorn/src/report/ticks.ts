/**
 * Round values from 0 to at most `max`, about `count` steps of 1, 2 or 5 times a power of ten; `wholeOnly`: for things
 * that cannot be divided.
 */
export function roundTicks(max: number, count: number, { wholeOnly = false } = {}): readonly number[] {
  if (!(max > 0)) return [0];
  const rough = max / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const whole = wholeOnly ? Math.max(1, Math.ceil(step)) : step;
  return Array.from({ length: Math.floor(max / whole + 1e-9) + 1 }, (_, index) =>
    Number((index * whole).toPrecision(12)),
  );
}
