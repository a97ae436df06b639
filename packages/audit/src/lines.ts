import { type Database, quote } from './database.ts';
import type { Field, SampleRecord, Spec } from './spec.ts';

/** What is known of a line, and the type that it is kept in: texts as they stand, times in ms. */
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

/** Columns in which few texts stand again and again. */
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
/** Of such a column: beyond this it does not repeat enough. */
const maxKnown = 1000;

/** A log that is to be read: how, and some of its records. */
interface Sampled {
  readonly spec: Spec;
  readonly sample: readonly SampleRecord[];
}

/** The columns that a log of this spec fills. */
export function filled(spec: Spec): ReadonlySet<Column> {
  const has = (field: Field): boolean => spec.fields[field] !== undefined;
  const ends = has('ended_at') || has('started_at') || has('at');
  const sources: Partial<Record<Column, boolean>> = {
    logged_at: has('at'),
    started_at: has('started_at') || ends,
    ended_at: has('ended_at') || (has('duration') && ends),
    next_retry_at: has('next_retry_at') || has('retry_delay'),
    malformed: true,
  };
  return new Set(columnNames.filter((column) => sources[column] ?? has(column as Field)));
}

/** SQL of the type whose values are the texts that a column is known to have. */
export const knownType = (column: Column): string => `known_${column}`;

/**
 * Makes the table `lines` with the columns that these logs fill, and over it the view `raw` with all: a row a line, and in `place` a
 * number of its own. Texts that repeat are kept as numbers where the sample has them (`…_known`), for ten million copies of an
 * endpoint's URL would not fit into memory. Answers the columns of which that is so.
 */
export async function createLines(
  database: Database,
  logs: readonly Sampled[],
): Promise<ReadonlySet<Column>> {
  const used = new Set(logs.flatMap(({ spec }) => [...filled(spec)]));
  const known = new Set<Column>();
  for (const column of repeating) {
    const texts = new Set(logs.flatMap(({ spec, sample }) => readTexts(spec, column, sample)));
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
  // What a line does not say of its duration, its times do.
  await database.run(`create view raw as select * replace (coalesce(duration, ended_at - started_at) as duration)
    from (select rowid as place, ${all.join(', ')} from lines)`);
  return known;
}

/** What a sample has under a field. */
export function readTexts(spec: Spec, field: Field, sample: readonly SampleRecord[]): string[] {
  const names = spec.fields[field]?.paths.map((path) => path.join('.')) ?? [];
  return sample.flatMap(({ values }) =>
    names.flatMap((name) => values.get(name) ?? values.get(name.replace(/\.([^.]+)$/, '[].$1')) ?? []),
  );
}
