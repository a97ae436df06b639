import { AuditError } from '../errors.ts';
import { guessFields, mappedField } from './fields.ts';
import { readers } from './formats/index.ts';
import type { Format } from '../result.ts';
import {
  type Field,
  type FieldSource,
  fields,
  type FormatReader,
  type SampleRecord,
  parsePath,
  shown,
  type Spec,
} from './spec.ts';
import { toRe2 } from './text-records.ts';
import { thresholds } from '../thresholds.ts';

const { recognizedFrom } = thresholds.reading;

/** The format of a sample, with the confidence and the reasons. */
export interface Detection {
  readonly spec: Spec;
  readonly confidence: number;
  readonly why: readonly string[];
  readonly alternatives: readonly { readonly format: Format; readonly score: number }[];
}

/** Returns the share of records that have all names of one of the format's lists (for each record, its best list). */
function scoreReader(reader: FormatReader, sample: readonly SampleRecord[]): number {
  if (sample.length === 0) return 0;
  const shares = sample.map(({ values }) =>
    Math.max(
      ...reader.signs.map((names) => {
        // Null values are not in the sample: a field that one record lacks may be in another.
        const here = names.filter((name) => values.has(name) || hasArray(values, name)).length;
        return here / names.length;
      }),
    ),
  );
  return shares.reduce((sum, share) => sum + share, 0) / sample.length;
}

function hasArray(values: ReadonlyMap<string, string>, name: string): boolean {
  return values.has(name.replace(/\.([^.]+)$/, '[].$1'));
}

function scoresOf(sample: readonly SampleRecord[]): { reader: FormatReader; score: number }[] {
  return readers
    .map((reader) => ({ reader, score: scoreReader(reader, sample) }))
    .sort((a, b) => b.score - a.score);
}

/** Returns the known format that a sample is in; null if it is in none. */
export function bestReader(sample: readonly SampleRecord[]): FormatReader | null {
  const best = scoresOf(sample)[0]!;
  return best.score >= recognizedFrom ? best.reader : null;
}

/** Detects the format of a sample. Below a score of 0.75 the names of the fields decide instead. */
export function detect(sample: readonly SampleRecord[]): Detection {
  const found = detectIn(sample);
  const embedded = new Set(sample.flatMap((record) => [...(record.embedded ?? [])]));
  return embedded.size === 0
    ? found
    : { ...found, spec: { ...found.spec, embedded: [...embedded].map(parsePath) } };
}

function detectIn(sample: readonly SampleRecord[]): Detection {
  const scores = scoresOf(sample);
  const best = scores[0]!;
  const alternatives = scores
    .filter(({ score }) => score >= 0.3)
    .map(({ reader, score }) => ({ format: reader.format, score: Math.round(score * 100) / 100 }));
  if (best.score >= recognizedFrom) {
    return {
      spec: best.reader.spec(sample),
      confidence: Math.round(best.score * 100) / 100,
      why: [
        `${Math.round(best.score * 100)}% of the names that identify ${best.reader.format} are in ${sample.length} sampled records (${best.reader.signs[0]!.join(', ')})`,
      ],
      alternatives: alternatives.slice(1),
    };
  }
  const spec = genericSpec(sample);
  const known = Object.keys(spec.fields).length;
  return {
    spec,
    confidence: Math.min(0.99, Math.round((known / 10) * 100) / 100),
    why: [
      `unknown format: ${known} fields are recognized by their names and values in ${sample.length} sampled records`,
    ],
    alternatives,
  };
}

/** Reads a log of text by the user's pattern; its named groups are fields, or names that mean one. */
export function byPattern(pattern: string, sample: readonly SampleRecord[]): Detection {
  const groups = [...pattern.matchAll(/\(\?P?<(\w+)>/g)].map(([, name]) => name!);
  if (groups.length === 0)
    throw new AuditError(
      '--pattern needs named groups, such as (?<event_id>evt_\\w+), (?<status_code>\\d{3}) and (?<at>…)',
    );
  const guessed = guessFields(sample);
  const named = groups.filter(isField).map((name) => [name, mappedField(name, name, sample)] as const);
  const taken = new Set<string>(named.map(([name]) => name));
  const rest = Object.entries(guessed).filter(
    ([field, { paths }]) => !taken.has(field) && !paths.some((path) => taken.has(path.join('.'))),
  );
  return {
    spec: {
      format: 'generic',
      fields: { ...Object.fromEntries(rest), ...Object.fromEntries(named) },
      pattern: toRe2(pattern),
      atIs: 'end',
      notes: [],
    },
    confidence: 1,
    why: ['--pattern'],
    alternatives: [],
  };
}

/** Returns how to read `format`, whatever the sample looks like. */
export function specFrom(format: Format, sample: readonly SampleRecord[]): { spec: Spec; score: number } {
  const reader = readers.find((one) => one.format === format);
  return reader === undefined
    ? { spec: genericSpec(sample), score: 1 }
    : { spec: reader.spec(sample), score: scoreReader(reader, sample) };
}

function genericSpec(sample: readonly SampleRecord[]): Spec {
  // A record may contain its attempts as an array: then each item is read together with its record.
  const arrays = new Set(
    sample.flatMap(({ values }) =>
      [...values.keys()].flatMap((name) => /^([^[\].]+)\[\]\./.exec(name)?.[1] ?? []),
    ),
  );
  const unnest = ['attempts', 'tries', 'deliveries', 'history', 'delivery_attempts', 'deliveryAttempts'].find(
    (name) => arrays.has(name),
  );
  const flat =
    unnest === undefined
      ? sample
      : sample.map(({ values }) => ({
          values: new Map(
            [...values].map(([name, text]) => [name.replace(`${unnest}[].`, `${unnest}.`), text] as const),
          ),
        }));
  const guessed = guessFields(flat);
  const renamed = renamedFields(flat, guessed);
  return {
    format: 'generic',
    fields: renamed ?? guessed,
    ...(unnest === undefined ? {} : { unnest: [unnest] }),
    atIs: 'end',
    notes:
      renamed === null
        ? []
        : [
            `names change within the log: ${renamed.event_id!.paths.map((path) => path.join('.')).join(' and ')} are read as one field, and others likewise`,
          ],
  };
}

type Fields = Spec['fields'];

/**
 * Returns the fields of a log whose names change with a release (`event_id` becomes `eventId`): the fields of the records without the
 * first spelling of the event id come after those of the others. Returns null if there are no such records.
 */
function renamedFields(sample: readonly SampleRecord[], guessed: Fields): Fields | null {
  const id = guessed.event_id?.paths[0]?.join('.');
  if (id === undefined) return null;
  const others = sample.filter(({ values }) => !values.has(id));
  if (others.length < Math.max(5, sample.length * 0.01)) return null;
  const again: Fields = guessFields(others);
  const bare = (path: string): string => path.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const otherId = again.event_id?.paths[0]?.join('.');
  if (otherId === undefined || bare(otherId) !== bare(id)) return null;
  const taken = new Map(
    Object.entries(guessed).flatMap(([field, { paths }]) => paths.map((path) => [path.join('.'), field])),
  );
  const merged = Object.entries(again).map(([field, source]): [string, FieldSource] => {
    const known = guessed[field as Field];
    const paths = source.paths.filter((path) => (taken.get(path.join('.')) ?? field) === field);
    if (known === undefined) return [field, { ...source, paths }];
    // Fields with different units are not one field.
    const alike = known.unit === source.unit && known.money === source.money && known.sql === source.sql;
    const more = paths.filter((path) => !known.paths.some((one) => one.join('.') === path.join('.')));
    return [field, alike ? { ...known, paths: [...known.paths, ...more] } : known];
  });
  return {
    ...guessed,
    ...Object.fromEntries(merged.filter(([, { paths }]) => paths.length > 0)),
  };
}

/** Applies the user's mapping (canonical names to dotted paths) to the spec. */
export function withMapping(
  spec: Spec,
  mapping: Readonly<Record<string, string>>,
  sample: readonly SampleRecord[],
  /** Names that exist although the sample lacks values for them: the header of a table. */
  header: readonly string[],
): Spec {
  const mapped = Object.entries(mapping).map(([name, target]) => {
    if (!isField(name)) throw new AuditError(`--map: unknown field ${name}; use one of ${fields.join(', ')}`);
    const path = target.replace(/:(ns|us|ms|s|minor|major)$/, '');
    // A dot may be part of a key.
    const there =
      sample.flatMap(({ values }) => [...values.keys()]).find((one) => one === path) ??
      sample.flatMap(({ values }) => [...values.keys()]).find((one) => shown(one) === path);
    const seen = mappedField(name, (there ?? path) + target.slice(path.length), sample);
    if (
      sample.length > 0 &&
      there === undefined &&
      !header.includes(path) &&
      !sample.some(({ values }) => hasPath(values, path))
    )
      throw new AuditError(
        `--map: no sampled record has ${path} (for ${name}); they have ${frequentNames(sample).join(', ')}`,
      );
    return [name, seen] as const;
  });
  const taken = new Set(mapped.flatMap(([, { paths }]) => paths.map((path) => path.join('.'))));
  const rest = Object.entries(spec.fields).filter(
    ([, source]) => !source.paths.some((path) => taken.has(path.join('.'))),
  );
  return { ...spec, fields: { ...Object.fromEntries(rest), ...Object.fromEntries(mapped) } };
}

function hasPath(values: ReadonlyMap<string, string>, name: string): boolean {
  return values.has(name) || hasArray(values, name);
}

/** Returns the forty most frequent names in a sample. */
export function frequentNames(sample: readonly SampleRecord[]): string[] {
  const counts = new Map<string, number>();
  for (const { values } of sample)
    for (const name of values.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 40)
    .map(([name]) => shown(name));
}

function isField(name: string): name is Field {
  return (fields as readonly string[]).includes(name);
}
