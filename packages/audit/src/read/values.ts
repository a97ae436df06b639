import type { FieldSource, Unit } from './spec.ts';

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
