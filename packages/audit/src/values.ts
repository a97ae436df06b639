import type { FieldSource, Unit } from './spec.ts';

/** Times outside these years are implausible; milliseconds since the epoch. */
const earliestMs = Date.UTC(2000, 0, 1);
const latestMs = Date.UTC(2100, 0, 1);

/** Notations of times that DuckDB does not parse by itself. */
const timeFormats = [
  '%d/%b/%Y:%H:%M:%S %z',
  '%Y/%m/%d %H:%M:%S',
  '%m/%d/%Y %H:%M:%S',
  '%m/%d/%Y %I:%M:%S %p',
  '%d.%m.%Y %H:%M:%S',
  '%a, %d %b %Y %H:%M:%S GMT',
  '%a %b %d %H:%M:%S %Y',
];

/**
 * SQL of a time in ms since the epoch (BIGINT) from a text: seconds to nanoseconds by their size, ISO 8601 and similar
 * notations, and those of access logs. Null if it is not a time.
 */
export function timeSql(value: string, sampleIsIso: boolean, utc: boolean): string {
  // DuckDB's timestamp without a zone ignores an offset but is several times as fast: used for UTC and times ending in Z.
  const zoned = (text: string): string => `epoch_ms(try_cast(${text} as timestamptz))`;
  const plain = `case when ${utc ? `${value} like '%Z' or length(${value}) < 24 and not contains(substr(${value}, 11), '+') and not contains(substr(${value}, 11), '-')` : `${value} like '%Z'`}
    then epoch_ms(try_cast(${value} as timestamp)) else ${zoned(value)} end`;
  // A comma before the fraction, Go's " +0000 UTC", brackets.
  const cleaned = `regexp_replace(replace(trim(${value}, '[] '), ',', '.'), ' ?UTC$', '')`;
  const number = `try_cast(${value} as double)`;
  const epoch = `case when abs(${number}) < 1e11 then ${number} * 1000 when abs(${number}) < 1e14 then ${number}
    when abs(${number}) < 1e17 then ${number} / 1000 else ${number} / 1e6 end`;
  const odd = `coalesce(case when ${number} is not null and abs(${number}) < 1e20 then cast(round(${epoch}) as bigint) end,
    ${zoned(cleaned)},
    epoch_ms(try_strptime(trim(${value}, '[] '), [${timeFormats.map((format) => `'${format}'`).join(', ')}])))`;
  // The sample decides what is tried first; the other notations follow if that fails.
  const ms = sampleIsIso ? `coalesce(${plain}, case when ${value} is not null then ${odd} end)` : odd;
  return ms;
}

/** SQL: null if a column of ms since the epoch is an implausible time. */
export function boundedTime(column: string): string {
  return `case when ${column} between ${earliestMs} and ${latestMs} then ${column} end`;
}

const msPer: Readonly<Record<Unit, number>> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1000 };

/** SQL of a duration in ms (DOUBLE); `1.5s` and the like contain their unit. Null if it is not a duration. */
export function durationSql(value: string, unit: Unit): string {
  const digits = `try_cast(regexp_extract(${value}, '^[0-9.]+') as double)`;
  const worded = `case regexp_extract(${value}, '[a-zµ]+$')
    when 'ms' then ${digits} when 's' then ${digits} * 1000 when 'm' then ${digits} * 60000
    when 'us' then ${digits} / 1000 when 'µs' then ${digits} / 1000 when 'ns' then ${digits} / 1e6 end`;
  return `coalesce(try_cast(${value} as double) * ${msPer[unit]}, case when ${value} is not null then ${worded} end)`;
}

/** SQL of a response status (SMALLINT) from a text that begins with it. */
export function statusSql(value: string): string {
  return `try_cast(left(trim(${value}), 3) as smallint)`;
}

/** SQL: null if a column is not a response status; 0 and the like mean that there was none. */
export function boundedStatus(column: string): string {
  return `case when ${column} between 100 and 599 then ${column} end`;
}

/** SQL of an integer of a type from a text, or from the first digits in it. */
export function wholeSql(value: string, type: string): string {
  return `coalesce(try_cast(${value} as ${type}), case when ${value} is not null then try_cast(regexp_extract(${value}, '-?\\d+') as ${type}) end)`;
}

/** Describes how the texts of a time were read. */
function describeTime(texts: readonly string[], timezone: string): string {
  const text = texts[0];
  if (text === undefined) return 'time';
  const number = Number(text);
  if (Number.isFinite(number)) {
    const unit =
      number < 1e11
        ? 'seconds'
        : number < 1e14
          ? 'milliseconds'
          : number < 1e17
            ? 'microseconds'
            : 'nanoseconds';
    return `time: ${unit} since the epoch`;
  }
  return /(Z|[+-]\d\d:?\d\d|GMT|UTC)\]?$/.test(text)
    ? 'time: text with its zone'
    : `time: text without a zone, read as ${timezone}`;
}

/** Whether DuckDB parses a sample's times by itself. */
export function isIso(texts: readonly string[]): boolean {
  return texts.length > 0 && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(texts[0]!) && !/,| UTC$/.test(texts[0]!);
}

/** Describes how a field's text was read. */
export function describeField(
  field: string,
  source: FieldSource,
  texts: readonly string[],
  timezone: string,
): string {
  if (/_at$|^at$/.test(field)) return describeTime(texts, timezone);
  if (source.unit !== undefined) return `duration in ${source.unit}`;
  if (source.money !== undefined)
    return source.money === 'minor' ? 'amount in minor units' : 'amount in major units';
  return 'text';
}
