import { quote } from '../database.ts';

// The notations of times. A column has one notation; its sample decides how the whole column is read.

/** How a column of times is read. */
export interface TimeReading {
  /** DuckDB reads it by itself. */
  readonly iso: boolean;
  /** Formats of texts with an offset, and of texts without one. */
  readonly zoned: readonly string[];
  readonly local: readonly string[];
  /** Times without a year are in this one, or in the year before if they would be later than `before`. */
  readonly year: { readonly year: number; readonly before: number } | null;
  /** What was inferred, for the user. */
  readonly note: string | null;
}

/** Times outside these years are implausible; milliseconds since the epoch. */
const earliestMs = Date.UTC(2000, 0, 1);
const latestMs = Date.UTC(2100, 0, 1);

const clocks = ['%H:%M:%S', '%I:%M:%S %p', '%H:%M', '%I:%M %p'] as const;
const withClocks = (...dates: readonly string[]): string[] =>
  dates.flatMap((date) => clocks.map((clock) => `${date} ${clock}`));

/** Dates with the name of the month, or the year first, in which nothing is ambiguous. */
const clearDates = [
  ...withClocks(
    '%Y/%m/%d',
    '%Y-%m-%d',
    '%b %d %Y @',
    '%b %d %Y',
    '%B %d %Y',
    // %Y also takes two digits, so the short year comes first.
    '%d %b %y',
    '%d %b %Y',
    '%d-%b-%y',
    '%d-%b-%Y',
    '%d.%m.%y',
    '%d.%m.%Y',
  ),
  '%d/%b/%Y:%H:%M:%S',
  '%b %d %H:%M:%S %Y',
  '%Y%m%dT%H%M%S',
  '%Y%m%d%H%M%S',
];

/** Abbreviations of zones that Go and Unix tools print, with their offsets. */
const abbreviations: Readonly<Record<string, string>> = {
  GMT: '+0000',
  UTC: '+0000',
  Z: '+0000',
  EST: '-0500',
  EDT: '-0400',
  CST: '-0600',
  CDT: '-0500',
  MST: '-0700',
  MDT: '-0600',
  PST: '-0800',
  PDT: '-0700',
  CET: '+0100',
  CEST: '+0200',
  BST: '+0100',
  EET: '+0200',
  EEST: '+0300',
  JST: '+0900',
};

const numericDate = /^\[?(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})\b/;
const withoutYear = /^\[?[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d(?!.*\d{4})/;

/** Whether a text could be a time: a date, or seconds to nanoseconds since the epoch. */
export function looksLikeTime(text: string): boolean {
  if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return Number(text) > 5e8 && Number(text) < 1e20;
  return (
    /^\[?\d{4}[-/]\d\d?[-/]\d\d?|^\[?\d{1,2}[/-][A-Z][A-Za-z]{2}[/-]\d{2,4}|^\d{8}T\d{6}|^\d{1,2} [A-Z][a-z]{2} \d{4} /.test(
      text,
    ) ||
    /^\[?((Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?(\d{1,2} )?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* /.test(
      text,
    ) ||
    /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*, \d/.test(text) ||
    (numericDate.test(text) && /\d:\d\d/.test(text)) ||
    /^\[?\d{1,2}\/\d{1,2}\/\d{4}/.test(text)
  );
}

/**
 * Decides how a column of times is read. `format` is the user's own; `modifiedMs` is when the file was last written, which gives
 * times without a year theirs.
 */
export function readTimes(
  texts: readonly string[],
  { format, modifiedMs }: { readonly format?: string | undefined; readonly modifiedMs: number },
): TimeReading {
  const base = { iso: isIso(texts), zoned: [], local: [], year: null, note: null };
  if (format !== undefined)
    return /%z/i.test(format)
      ? { ...base, zoned: [format.replaceAll('%Z', '%z')], note: `times are read as ${format}` }
      : { ...base, local: [format], note: `times are read as ${format}` };
  const dates = texts.flatMap((text) => numericDate.exec(text) ?? []);
  if (texts.some((text) => withoutYear.test(text))) {
    const year = new Date(modifiedMs).getUTCFullYear();
    return {
      ...base,
      local: ['%Y %b %d %H:%M:%S'],
      year: { year, before: modifiedMs + 86_400_000 },
      note: `times have no year: ${year} is assumed, the year in which the file was written`,
    };
  }
  const ordered = dates.length === 0 ? null : dayMonthOrder(texts);
  const order = ordered === null ? [] : withClocks(...orderFormats(ordered.dayFirst));
  return {
    ...base,
    zoned: [...order, ...clearDates].map((one) => `${one} %z`),
    local: [...order, ...clearDates],
    note: ordered?.note ?? null,
  };
}

function orderFormats(dayFirst: boolean): string[] {
  return ['/', '-', '.'].flatMap((mark) =>
    ['%y', '%Y'].map((year) => (dayFirst ? `%d${mark}%m${mark}${year}` : `%m${mark}%d${mark}${year}`)),
  );
}

/** Infers the order of day and month from a whole column: a number above 12 is a day, and days change more often than months. */
function dayMonthOrder(texts: readonly string[]): { dayFirst: boolean; note: string } {
  const found = texts.flatMap((text) => {
    const match = numericDate.exec(text);
    return match === null
      ? []
      : [{ first: Number(match[1]), second: Number(match[3]), mark: match[2]!, text }];
  });
  const stated = (dayFirst: boolean, why: string): { dayFirst: boolean; note: string } => ({
    dayFirst,
    note: `${found[0]!.text} is read as ${dayFirst ? 'day, month, year' : 'month, day, year'}: ${why}. --time-format says otherwise`,
  });
  const proof = found.find(({ first, second }) => first > 12 !== second > 12);
  if (proof !== undefined) return stated(proof.first > 12, `${proof.text} has only one reading`);
  const firsts = new Set(found.map(({ first }) => first)).size;
  const seconds = new Set(found.map(({ second }) => second)).size;
  if (firsts !== seconds)
    return stated(firsts > seconds, `the ${firsts > seconds ? 'first' : 'second'} number changes more often`);
  if (found[0]!.mark === '.') return stated(true, 'dates with dots are written so');
  const english = texts.some((text) => /[AP]M\b/i.test(text));
  return stated(!english, 'the column does not show which; the other order gives other dates');
}

/** Whether DuckDB parses a sample's times by itself. */
function isIso(texts: readonly string[]): boolean {
  return texts.length > 0 && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(texts[0]!) && !/,| UTC$/.test(texts[0]!);
}

/** SQL of a time in ms since the epoch (BIGINT) from a text. Null if it is not a time. */
export function timeSql(value: string, reading: TimeReading, utc: boolean): string {
  // DuckDB's timestamp without a zone ignores an offset but is several times as fast: used for UTC and times ending in Z.
  const zoned = (text: string): string => `epoch_ms(try_cast(${text} as timestamptz))`;
  const plain = `case when ${utc ? `${value} like '%Z' or length(${value}) < 24 and not contains(substr(${value}, 11), '+') and not contains(substr(${value}, 11), '-')` : `${value} like '%Z'`}
    then epoch_ms(try_cast(${value} as timestamp)) else ${zoned(value)} end`;
  // A comma before the fraction, Go's " +0000 UTC", brackets.
  const cleaned = `regexp_replace(replace(trim(${value}, '[] '), ',', '.'), ' ?UTC$', '')`;
  const number = `try_cast(${value} as double)`;
  const epoch = `case when abs(${number}) < 1e11 then ${number} * 1000 when abs(${number}) < 1e13 then ${number}
    when ${number} between 1.9e13 and 2.2e13 then null when abs(${number}) < 1e14 then ${number}
    when abs(${number}) < 1e17 then ${number} / 1000 else ${number} / 1e6 end`;
  const notations = `coalesce(case when ${number} is not null and abs(${number}) < 1e20 then cast(round(${epoch}) as bigint) end,
    case when ${value} similar to '\\[?\\d{4}-.*' then ${zoned(cleaned)} end, ${writtenSql(value, reading)}, ${zoned(cleaned)})`;
  const own =
    reading.note !== null && reading.year === null && reading.zoned.length + reading.local.length === 1;
  // The user's own format is tried before all others; otherwise the sample decides what is tried first.
  const odd = own ? `coalesce(${writtenSql(value, reading)}, ${notations})` : notations;
  return reading.iso && !own ? `coalesce(${plain}, case when ${value} is not null then ${odd} end)` : odd;
}

/** SQL of a time that is written out in one of the formats of a reading. */
function writtenSql(value: string, { zoned, local, year, note }: TimeReading): string {
  const own = note !== null && year === null && zoned.length + local.length === 1;
  const list = (formats: readonly string[]): string => `[${formats.map(quote).join(', ')}]`;
  if (own)
    return zoned.length > 0
      ? `epoch_ms(try_strptime(${value}, ${list(zoned)}))`
      : `epoch_ms(cast(try_strptime(${value}, ${list(local)}) as timestamptz))`;
  // One blank between words, no name of a day, no comma, no monotonic clock of Go, no name of a zone behind its offset (JavaScript), no fraction.
  const tidy = `regexp_replace(regexp_replace(regexp_replace(regexp_replace(trim(${value}, '[]" '), ' m=[+-][0-9.]+$', ''), ' GMT([+-]\\d{4}) [(].*[)]$', ' \\1'), '^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? ', ''), ', | +', ' ', 'g')`;
  const whole = `regexp_replace(${tidy}, '(:\\d\\d)[.,](\\d{1,9})', '\\1')`;
  const fraction = `coalesce(try_cast('0.' || regexp_extract(${value}, ':\\d\\d[.,](\\d{1,9})', 1) as double) * 1000, 0)`;
  const named = Object.entries(abbreviations).reduce(
    (text, [abbreviation, offset]) =>
      `regexp_replace(${text}, '(\\d) ?${abbreviation}( \\d{4})?$', '\\1\\2 ${offset}')`,
    `regexp_replace(${whole}, '([+-]\\d{4}) [A-Z]{3,4}$', '\\1')`,
  );
  const dated =
    year === null
      ? `cast(try_strptime(${whole}, ${list(local)}) as timestamptz)`
      : [year.year, year.year - 1]
          .map((one) => `cast(try_strptime('${one} ' || ${whole}, ${list(local)}) as timestamptz)`)
          .map((sql, index) =>
            index === 0 ? `case when epoch_ms(${sql}) <= ${year.before} then ${sql} end` : sql,
          )
          .reduce((now, before) => `coalesce(${now}, ${before})`);
  const offset = zoned.length === 0 ? 'null' : `epoch_ms(try_strptime(${named}, ${list(zoned)}))`;
  return `case when ${value} is not null then cast(coalesce(${offset}, epoch_ms(${dated})) + ${fraction} as bigint) end`;
}

/** SQL: null if a column of ms since the epoch is an implausible time. */
export function boundedTime(column: string): string {
  return `case when ${column} between ${earliestMs} and ${latestMs} then ${column} end`;
}
