const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

// The three forms of RFC 9110 §5.6.7 that a recipient must accept. All of them are UTC, whatever the machine's own zone:
// the first and the second say GMT, asctime says nothing, and some senders leave it out of the others.
const time = String.raw`(?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2})`;
const utc = '(?: (?:GMT|UTC|Z|[+-]0000))?';
const forms = [
  // Sun, 06 Nov 1994 08:49:37 GMT; some senders leave out the weekday, write one digit for the day, or UTC or +0000.
  `(?:[a-z]{3,9}, ?)?(?<day>\\d{1,2})[ -](?<month>[a-z]{3})[ -](?<year>\\d{4}) ${time}${utc}`,
  // Sunday, 06-Nov-94 08:49:37 GMT
  `[a-z]{3,9}, (?<day>\\d{2})-(?<month>[a-z]{3})-(?<year>\\d{2}) ${time}${utc}`,
  // Sun Nov  6 08:49:37 1994
  `[a-z]{3} (?<month>[a-z]{3}) (?<day>[ \\d]?\\d) ${time} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`, 'i'));
// Not an HTTP date, and yet unambiguous: ISO 8601. Without a zone it is UTC as the others are.
const iso = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?$/i;

/** A year of two digits that would be more than 50 years ahead is one of the past (RFC 9110 §5.6.7). */
function fullYear(digits: string, now: number): number {
  if (digits.length === 4) return Number(digits);
  const thisYear = new Date(now).getUTCFullYear();
  const guess = thisYear - (thisYear % 100) + Number(digits);
  return guess > thisYear + 50 ? guess - 100 : guess;
}

function dateFrom(text: string, now: number): number | null {
  const parts = iso.exec(text);
  if (parts !== null) {
    const date = Date.parse(`${parts[1]}T${parts[2]}${parts[3] ?? 'Z'}`);
    return Number.isNaN(date) ? null : date;
  }
  for (const form of forms) {
    const groups = form.exec(text)?.groups;
    if (groups === undefined) continue;
    const month = months.findIndex((name) => name.toLowerCase() === groups['month']!.toLowerCase());
    const [day, hour, minute, second] = ['day', 'hour', 'minute', 'second'].map((name) =>
      Number(groups[name]),
    ) as [number, number, number, number];
    // A leap second is the last one of its minute.
    if (month < 0 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return null;
    const date = new Date(
      Date.UTC(fullYear(groups['year']!, now), month, day, hour, minute, Math.min(second, 59)),
    );
    return date.getUTCDate() === day ? date.getTime() : null;
  }
  return null;
}

/**
 * Returns the milliseconds that a Retry-After header asks for (RFC 9110 §10.2.3: seconds or a date), never less than
 * zero; null if it says nothing that can be read.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | null {
  const text = header?.trim() ?? '';
  // Fractions are not in the RFC, and are sent. Absurd numbers mean a long time: the caller bounds it.
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(Math.ceil(Number(text) * 1000), Number.MAX_SAFE_INTEGER);
  if (text.length > 64) return null;
  const date = dateFrom(text, now);
  return date === null ? null : Math.max(0, date - now);
}
