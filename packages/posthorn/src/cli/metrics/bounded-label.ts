/**
 * A label whose values come from data: the first `most` different values keep their name, all others become `other`.
 * Without a limit, every endpoint ever created would be a time series forever.
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
