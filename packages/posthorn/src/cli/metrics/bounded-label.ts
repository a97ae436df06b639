/**
 * A label whose values come from data: the first `most` different ones keep their name, all further ones are `other`.
 * Without a bound, every endpoint ever made is a time series for ever.
 */
export function boundedLabel(most: number): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= most) return 'other';
    known.add(value);
    return value;
  };
}
