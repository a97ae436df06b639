import { type Database, num, quote, text } from '../database.ts';
import { type Column, columns, endpointSql, filled, knownType, readTexts } from './lines.ts';
import { type FileGroup, fieldSql, relationFrom } from './relation.ts';
import { type Field, fields, type SampleRecord } from './spec.ts';
import { toMeaning, type Meaning } from './words.ts';
import { boundedTime, readTimes, timeSql } from './times.ts';
import { boundedStatus, durationSql, statusSql, wholeSql } from './values.ts';

const timeFields: ReadonlySet<Field> = new Set([
  'at',
  'accepted_at',
  'started_at',
  'ended_at',
  'next_retry_at',
]);

/** Reads a group of files into `lines`. If `utc` is set, times without a zone are in UTC; `known` is the result of `createLines`. */
export async function ingest(
  database: Database,
  group: FileGroup,
  sample: readonly SampleRecord[],
  {
    utc,
    known,
    timeFormat,
  }: {
    readonly utc: boolean;
    readonly known: ReadonlySet<Column>;
    readonly timeFormat?: string | undefined;
  },
): Promise<void> {
  const relation = relationFrom(group);
  const { spec } = group;
  const used = fields.filter((field) => spec.fields[field] !== undefined);
  // One projection extracts the texts and the next ones use them, so each is extracted and converted once.
  const texts = `select ${used.map((field) => `${fieldSql(spec.fields[field]!, relation)} as f_${field}`).join(', ')},
      ${relation.malformed} as malformed from ${relation.from}`;
  // Numbers; those out of bounds become null. Each step is a projection of its own, so that it is computed once.
  const numbers = numbersOf(group, sample, used, { utc, timeFormat });
  // Endpoints that the sample shows with queries are compared without them.
  const hasQueries = readTexts(spec, 'endpoint', sample).some((text) => /[?#]|\/$|\/\/[^/]*@/.test(text));
  const repeated = [...filled(spec)].filter((column) => known.has(column));
  const read = `select ${[
    '*',
    ...[...numbers].map(([number, { sql }]) => `${sql} as ${number}`),
    ...repeated.map(
      (column) =>
        `try_cast(${column === 'endpoint' && hasQueries ? endpointSql('f_endpoint') : `f_${column}`} as ${knownType(column)}) as ${column}_known`,
    ),
  ].join(', ')} from (${texts})`;
  const bounded = `select * replace (${[...numbers].map(([number, one]) => `${one.bounded} as ${number}`).join(', ')}) from (${read})`;
  const n = numberSql(used);
  // Missing times are computed from the others.
  const before =
    spec.atIs === 'start' ? n('at') : `coalesce(${n('ended_at')}, ${n('at')}) - ${n('duration')}`;
  const begun = `select *, coalesce(${n('started_at')}, ${before}) as begun from (${bounded})`;
  const values = valuesOf(n, used);
  const selected = [...filled(spec)].flatMap((column) => {
    const value = values[column] ?? `f_${column}`;
    return known.has(column)
      ? [`${column}_known`, `case when ${column}_known is null then ${value} end as ${column}`]
      : [`${value} as ${column}`];
  });
  await database.run(`insert into lines by name select ${selected.join(', ')} from (${begun})`);
}

/** SQL of a number, and of the same within its bounds. */
interface NumberSql {
  readonly sql: string;
  readonly bounded: string;
}

/** SQL of the fields that are numbers: times, durations and statuses. */
function numbersOf(
  group: FileGroup,
  sample: readonly SampleRecord[],
  used: readonly Field[],
  { utc, timeFormat }: { readonly utc: boolean; readonly timeFormat: string | undefined },
): Map<string, NumberSql> {
  const numbers = new Map<string, NumberSql>();
  for (const field of used) {
    const value = `f_${field}`;
    const number = `n_${field}`;
    if (timeFields.has(field))
      numbers.set(number, {
        sql: timeSql(
          value,
          readTimes(readTexts(group.spec, field, sample), {
            format: timeFormat,
            modifiedMs: group.modifiedMs,
          }),
          utc,
        ),
        bounded: boundedTime(number),
      });
    else if (field === 'duration' || field === 'retry_delay' || field === 'retry_after')
      numbers.set(number, {
        sql: durationSql(value, group.spec.fields[field]!.unit ?? 'ms'),
        bounded: `case when ${number} < 0 then 0 else ${number} end`,
      });
    else if (field === 'status_code')
      numbers.set(number, { sql: statusSql(value), bounded: boundedStatus(number) });
  }
  return numbers;
}

/** Returns SQL of the number of a field; null if the log does not have it. */
const numberSql =
  (used: readonly Field[]) =>
  (field: Field, type = 'bigint'): string =>
    `cast(${used.includes(field) ? `n_${field}` : 'null'} as ${type})`;

/** SQL of the columns that are more than a text. */
function valuesOf(n: ReturnType<typeof numberSql>, used: readonly Field[]): Partial<Record<Column, string>> {
  return {
    attempt_no: wholeSql('f_attempt_no', columns.attempt_no),
    logged_at: n('at'),
    accepted_at: n('accepted_at'),
    started_at: 'begun',
    ended_at: `coalesce(${n('ended_at')}, begun + ${n('duration')})`,
    duration: n('duration', 'double'),
    status_code: n('status_code', columns.status_code),
    error: errorSql(used.includes('error'), used.includes('status_code')),
    endpoint: endpointSql('f_endpoint'),
    next_retry_at: `coalesce(${n('next_retry_at')}, coalesce(${n('ended_at')}, ${n('at')}, begun + ${n('duration')}) + ${n('retry_delay')})`,
    retry_after: n('retry_after', 'double'),
    bytes: wholeSql('f_bytes', columns.bytes),
    max_attempts: wholeSql('f_max_attempts', columns.max_attempts),
    malformed: 'malformed',
  };
}

/** SQL of an error: where a status should be, some senders write why there is none. */
function errorSql(hasError: boolean, hasStatus: boolean): string {
  const error = hasError ? 'f_error' : 'cast(null as varchar)';
  const status = `case when n_status_code is null and regexp_matches(f_status_code, '[A-Za-z]') then f_status_code end`;
  return `left(${hasStatus ? `coalesce(${error}, ${status})` : error}, 300)`;
}

/** The meanings of the words in the log, by column. */
export type Vocabulary = Readonly<Record<'phase' | 'outcome' | 'state', ReadonlyMap<string, Meaning | null>>>;

/** A column with more distinct words than this is not a vocabulary. */
const maxWords = 500;

/** Collects the words of the log's own vocabulary with their meanings. */
export async function readVocabulary(database: Database): Promise<Vocabulary> {
  const of = async (column: string): Promise<ReadonlyMap<string, Meaning | null>> => {
    const rows = await database.rows(
      `select ${column} as word, count(*) as n, count(status_code) as codes from raw where ${column} is not null
       group by 1 order by n desc limit ${maxWords}`,
    );
    return new Map(rows.map(({ word }) => [text(word), toMeaning(text(word))] as const));
  };
  const vocabulary = { phase: await of('phase'), outcome: await of('outcome'), state: await of('state') };
  const codes = num((await database.row('select count(status_code) as n from raw')).n);
  const state = new Map(vocabulary.state);
  // If no other word means success, "sent" is all that the sender knows of it.
  const speaks = [...state.values(), ...vocabulary.outcome.values(), ...vocabulary.phase.values()].includes(
    'success',
  );
  if (codes === 0 && !speaks)
    for (const word of state.keys()) if (/^sent$/i.test(word)) state.set(word, 'success');
  return { ...vocabulary, state };
}

/** Returns SQL that is true if `column` has a word with one of these meanings. */
export function means(
  vocabulary: Vocabulary,
  column: keyof Vocabulary,
  ...meanings: readonly Meaning[]
): string {
  const found = [...vocabulary[column]].filter(
    ([, meaning]) => meaning !== null && meanings.includes(meaning),
  );
  return found.length === 0
    ? 'false'
    : `coalesce(${column} in (${found.map(([word]) => quote(word)).join(', ')}), false)`;
}
