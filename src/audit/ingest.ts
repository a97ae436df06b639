import { type Database, num, quote, text } from './database.ts';
import { type FileGroup, fieldSql, relationOf } from './relation.ts';
import { type Field, fields, type SampleRecord, type Spec } from './spec.ts';
import { meaningOf, type Meaning } from './words.ts';
import { boundedTime, durationSql, isIso, statusSql, timeSql } from './values.ts';

const columns = `event_id varchar, delivery_id varchar, tenant varchar, endpoint varchar, attempt_no integer,
  logged_at bigint, accepted_at bigint, started_at bigint, ended_at bigint, duration double,
  phase varchar, outcome varchar, state varchar, status_code smallint, error varchar,
  next_retry_at bigint, retry_after double, worker varchar, bytes bigint,
  payment_id varchar, amount varchar, currency varchar, event_type varchar, max_attempts integer, malformed varchar`;

/** Makes the table of raw lines: one row a line, texts as they stand, times in ms. */
export async function createLines(database: Database): Promise<void> {
  await database.run(`create table raw (${columns})`);
}

/** Reads a group of files into `raw`. */
export async function ingest(
  database: Database,
  group: FileGroup,
  sample: readonly SampleRecord[],
  utc: boolean,
): Promise<void> {
  const relation = relationOf(group);
  const { spec } = group;
  const used = fields.filter((field) => spec.fields[field] !== undefined);
  // One projection gets the texts, the next ones work with them: so each is got and converted once.
  const texts = `select ${used.map((field) => `${fieldSql(spec.fields[field]!, relation)} as f_${field}`).join(', ')},
      ${relation.malformed} as malformed from ${relation.from}`;
  const has = (field: Field): boolean => used.includes(field);
  const text = (field: Field): string => (has(field) ? `f_${field}` : 'cast(null as varchar)');
  const time = (field: Field): string =>
    has(field) ? timeSql(`f_${field}`, isIso(textsOf(spec, field, sample)), utc) : 'cast(null as bigint)';
  const duration = (field: Field): string =>
    has(field) ? durationSql(`f_${field}`, spec.fields[field]?.unit ?? 'ms') : 'cast(null as double)';
  const whole = (field: Field, type: string): string => {
    if (!has(field)) return `cast(null as ${type})`;
    const plain = `try_cast(f_${field} as ${type})`;
    return `coalesce(${plain}, case when f_${field} is not null then try_cast(regexp_extract(f_${field}, '-?\\d+') as ${type}) end)`;
  };
  // Times first: what they leave open is worked out from each other in a second step.
  const selected = `select ${text('event_id')} as event_id, ${text('delivery_id')} as delivery_id, ${text('tenant')} as tenant,
      ${text('endpoint')} as endpoint, ${whole('attempt_no', 'integer')} as attempt_no, ${time('at')} as logged_at,
      ${time('accepted_at')} as accepted_at, ${time('started_at')} as s, ${time('ended_at')} as e, ${duration('duration')} as d,
      ${text('phase')} as phase, ${text('outcome')} as outcome, ${text('state')} as state,
      ${has('status_code') ? statusSql('f_status_code') : 'cast(null as smallint)'} as status_code,
      ${has('error') ? 'left(f_error, 300)' : 'cast(null as varchar)'} as error,
      ${time('next_retry_at')} as next_retry_at, ${duration('retry_delay')} as retry_delay, ${duration('retry_after')} as retry_after,
      ${text('worker')} as worker, ${whole('bytes', 'bigint')} as bytes, ${text('payment_id')} as payment_id,
      ${text('amount')} as amount, ${text('currency')} as currency, ${text('event_type')} as event_type,
      ${whole('max_attempts', 'integer')} as max_attempts, malformed
    from (${texts})`;
  const startFromAt = spec.atIs === 'start' ? 'logged_at' : 'coalesce(e, logged_at) - cast(d as bigint)';
  await database.run(`insert into raw
    select event_id, delivery_id, tenant, endpoint, attempt_no, logged_at, accepted_at, started_at,
      coalesce(e, started_at + cast(d as bigint)) as ended_at, coalesce(d, e - started_at) as duration,
      phase, outcome, state, case when status_code between 100 and 599 then status_code end as status_code, error,
      coalesce(next_retry_at, coalesce(e, logged_at, started_at + cast(d as bigint)) + cast(retry_delay as bigint)) as next_retry_at,
      retry_after, worker, bytes, payment_id, amount, currency, event_type, max_attempts, malformed
    from (select *, coalesce(s, ${startFromAt}) as started_at
      from (select * replace (${['logged_at', 'accepted_at', 's', 'e', 'next_retry_at']
        .map((column) => `${boundedTime(column)} as ${column}`)
        .join(', ')}) from (${selected})))`);
}

function textsOf(spec: Spec, field: Field, sample: readonly SampleRecord[]): string[] {
  const names = spec.fields[field]?.paths.map((path) => path.join('.')) ?? [];
  return sample.flatMap(({ values }) =>
    names.flatMap((name) => values.get(name) ?? values.get(name.replace(/\.([^.]+)$/, '[].$1')) ?? []),
  );
}

/** What the words of the log mean, by the column that they stand in. */
export type Vocabulary = Readonly<Record<'phase' | 'outcome' | 'state', ReadonlyMap<string, Meaning | null>>>;

/** More different words than this in one column are no vocabulary. */
const wordsMost = 500;

/** Collects the words of the log's own vocabulary and says what each means. */
export async function readVocabulary(database: Database): Promise<Vocabulary> {
  const of = async (column: string): Promise<ReadonlyMap<string, Meaning | null>> => {
    const rows = await database.rows(
      `select ${column} as word, count(*) as n, count(status_code) as codes from raw where ${column} is not null
       group by 1 order by n desc limit ${wordsMost}`,
    );
    return new Map(rows.map(({ word }) => [text(word), meaningOf(text(word))] as const));
  };
  const vocabulary = { phase: await of('phase'), outcome: await of('outcome'), state: await of('state') };
  const codes = num((await database.row('select count(status_code) as n from raw')).n);
  const state = new Map(vocabulary.state);
  // Where nothing else says success, "sent" is as much success as the sender knows.
  const speaks = [...state.values(), ...vocabulary.outcome.values(), ...vocabulary.phase.values()].includes(
    'success',
  );
  if (codes === 0 && !speaks)
    for (const word of state.keys()) if (/^sent$/i.test(word)) state.set(word, 'success');
  return { ...vocabulary, state };
}

/** SQL that is true where `column` holds a word of one of these meanings. */
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
