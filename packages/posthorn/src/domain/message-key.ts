// Failures of one kind differ in ids, counts and times: without those they are the same text, and can be counted.

const maxLength = 160;

/** Words that are names of one thing: UUIDs, hashes, prefixed ids, and whatever else mixes letters with several digits. */
const id =
  /\b(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]+|[0-9a-f]{16,}|[A-Za-z]+_[A-Za-z0-9]{6,}|(?=[A-Za-z-]*\d[A-Za-z-]*\d[A-Za-z-]*\d)[A-Za-z0-9-]{8,})\b/gi;
const digits = /\d+(?:[.,:]\d+)*/g;

/** A failure's text without what differs from one to the next; null: it says nothing. */
export function messageKey(text: string): string | null {
  const line = text
    .trim()
    .replaceAll(/\s+/g, ' ')
    .slice(0, 4 * maxLength);
  if (line === '') return null;
  // The status code of "HTTP 503" is the failure, and no count.
  const key = line
    .replaceAll(id, '…')
    .replaceAll(digits, (number, at: number) => (line === `HTTP ${number}` && at > 0 ? number : '#'));
  return key.length <= maxLength ? key : `${key.slice(0, maxLength - 1)}…`;
}

/** The text that most of these have, of several the first; null: none says anything. */
export function frequentMessage(
  texts: readonly { readonly text: string; readonly count: number }[],
): string | null {
  const counts = new Map<string, number>();
  for (const { text, count } of texts) {
    const key = messageKey(text);
    if (key !== null) counts.set(key, (counts.get(key) ?? 0) + count);
  }
  let best: string | null = null;
  for (const [key, count] of counts) if (best === null || count > counts.get(best)!) best = key;
  return best;
}
