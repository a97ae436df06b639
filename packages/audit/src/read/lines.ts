import { type Database, quote } from '../database.ts';
import type { Field, SampleRecord, Spec } from './spec.ts';

/** The columns of a line and their types: texts as they are, times in ms. */
export const columns = {
  event_id: 'varchar',
  delivery_id: 'varchar',
  tenant: 'varchar',
  endpoint: 'varchar',
  attempt_no: 'integer',
  logged_at: 'bigint',
  accepted_at: 'bigint',
  started_at: 'bigint',
  ended_at: 'bigint',
  duration: 'double',
  phase: 'varchar',
  outcome: 'varchar',
  state: 'varchar',
  status_code: 'smallint',
  error: 'varchar',
  next_retry_at: 'bigint',
  retry_after: 'double',
  worker: 'varchar',
  bytes: 'bigint',
  payment_id: 'varchar',
  amount: 'varchar',
  currency: 'varchar',
  event_type: 'varchar',
  max_attempts: 'integer',
  malformed: 'varchar',
} as const;
export type Column = keyof typeof columns;
const columnNames = Object.keys(columns) as Column[];

/** Columns in which few texts repeat often. */
const repeating = [
  'tenant',
  'endpoint',
  'phase',
  'outcome',
  'state',
  'error',
  'worker',
  'currency',
  'event_type',
] as const satisfies readonly (Column & Field)[];
/** A column with more distinct texts than this does not repeat enough. */
const maxKnown = 1000;

/** A log to read: how to read it, and some of its records. */
interface Sampled {
  readonly spec: Spec;
  readonly sample: readonly SampleRecord[];
}

/** Returns the columns that a log of this spec fills. */
export function filled(spec: Spec): ReadonlySet<Column> {
  const has = (field: Field): boolean => spec.fields[field] !== undefined;
  const ends = has('ended_at') || has('started_at') || has('at');
  const sources: Partial<Record<Column, boolean>> = {
    logged_at: has('at'),
    started_at: has('started_at') || ends,
    ended_at: has('ended_at') || (has('duration') && ends),
    next_retry_at: has('next_retry_at') || has('retry_delay'),
    error: has('error') || has('status_code'),
    malformed: true,
  };
  return new Set(columnNames.filter((column) => sources[column] ?? has(column as Field)));
}

/** SQL of the enum type with the known texts of a column. */
export const knownType = (column: Column): string => `known_${column}`;

/**
 * Makes the table `lines` with the columns that these logs fill, and over it the view `raw` with all columns: one row per line, with
 * a unique number in `place`. Repeating texts of the sample are stored as numbers (`…_known`), because ten million copies of an
 * endpoint's URL would not fit into memory. Returns these columns.
 */
export async function createLines(
  database: Database,
  logs: readonly Sampled[],
): Promise<ReadonlySet<Column>> {
  const used = new Set(logs.flatMap(({ spec }) => [...filled(spec)]));
  const known = new Set<Column>();
  for (const column of repeating) {
    const read = logs.flatMap(({ spec, sample }) => readTexts(spec, column, sample));
    const texts = new Set(column === 'endpoint' ? read.map(plainEndpoint) : read);
    if (!used.has(column) || texts.size === 0 || texts.size > maxKnown) continue;
    await database.run(`create type ${knownType(column)} as enum (${[...texts].map(quote).join(', ')})`);
    known.add(column);
  }
  const kept = columnNames.filter((column) => used.has(column));
  const declared = [
    ...kept.map((column) => `${column} ${columns[column]}`),
    ...[...known].map((column) => `${column}_known ${knownType(column)}`),
  ];
  await database.run(`create table lines (${declared.join(', ')})`);
  const all = columnNames.map((column) => {
    if (!used.has(column)) return `cast(null as ${columns[column]}) as ${column}`;
    return known.has(column) ? `coalesce(cast(${column}_known as varchar), ${column}) as ${column}` : column;
  });
  // If a line lacks a duration, its times give it.
  await database.run(`create view raw as select * replace (coalesce(duration, ended_at - started_at) as duration)
    from (select rowid as place, ${all.join(', ')} from lines)`);
  return known;
}

/** SQL of an endpoint without query, fragment, credentials and closing slash: these differ between attempts of one delivery. */
export function endpointSql(value: string): string {
  return `case when contains(${value}, '?') or contains(${value}, '#') or contains(${value}, '@') or ends_with(${value}, '/')
    then coalesce(nullif(regexp_replace(regexp_replace(regexp_replace(${value}, '[?#].*$', '', 's'), '^([A-Za-z][A-Za-z0-9+.-]*://)[^/]*@', '\\1'), '/+$', ''), ''), ${value}) else ${value} end`;
}

/** The same for a text of the sample. */
export function plainEndpoint(text: string): string {
  if (!/[?#@]|\/$/.test(text)) return text;
  return (
    text
      .replace(/[?#].*$/s, '')
      .replace(/^([A-Za-z][A-Za-z0-9+.-]*:\/\/)[^/]*@/, '$1')
      .replace(/\/+$/, '') || text
  );
}

/** Returns the texts of a field in a sample. */
export function readTexts(spec: Spec, field: Field, sample: readonly SampleRecord[]): string[] {
  const names = spec.fields[field]?.paths.map((path) => path.join('.')) ?? [];
  return sample.flatMap(({ values }) =>
    names.flatMap((name) => values.get(name) ?? values.get(name.replace(/\.([^.]+)$/, '[].$1')) ?? []),
  );
}
