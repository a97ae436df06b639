import { join } from 'node:path';
import { systemClock } from 'posthorn/runtime';
import { unpackArchives } from './archives.ts';
import { AuditError, AuditStopped } from '../errors.ts';
import { type Database, quote, text } from '../database.ts';
import { demandFields } from './demand-fields.ts';
import { byPattern, detect, type Detection, specFrom, withMapping } from './detect.ts';
import { expandFiles, sniff, type SniffedFile, splitCells } from './files.ts';
import { hooksByFile } from './formats/github-hooks.ts';
import { isObject } from './json-text.ts';
import { ingest } from './ingest.ts';
import { createLines } from './lines.ts';
import { type Malformed, piecesOf, readMalformed } from './malformed.ts';
import { joinPartialLines } from './partial-lines.ts';
import { documentsSql, type FileGroup } from './relation.ts';
import type { AuditOptions, Source } from '../result.ts';
import { headerOfCsv, recordsFromCsv, recordsFromJson } from './sample.ts';
import { outerTime, type SampleRecord, type Spec } from './spec.ts';
import { recordsFromText, toRe2, toRegExp } from './text-records.ts';
import { describePeels, type Unwrapped, unwrap } from './unwrap.ts';
import { describeField } from './values.ts';

const maxSample = 3000;
const maxDocumentBytes = 256 * 1024 * 1024;

/** The logs that were read into `raw`, and how they were understood. */
/** Facts about the reading that the quality of the log depends on. */
export interface LoadedQuality {
  /** Lines that are not records may be about something else: the log of a program. */
  readonly hasOtherLines: boolean;
}

export interface Loaded {
  readonly source: Source;
  readonly specs: readonly Spec[];
  readonly malformed: Malformed;
  readonly quality: LoadedQuality;
  /** The first lines of the first log as they are in the file, for a preview. */
  readonly raw: readonly string[];
}

/**
 * Inspects every file, decides how to read it, and reads it into `raw`. `onBytes` receives the bytes read so far and in total
 * from time to time.
 */
export async function load(
  database: Database,
  options: AuditOptions,
  onBytes: (done: number, total: number) => void = () => {},
): Promise<Loaded> {
  const inputs = await unpackArchives(expandFiles(options.files), database.directory, options.signal);
  const names = new Map(inputs.map(({ path, shownAs }) => [path, shownAs]));
  return await withNames(names, async () => await loadFiles(database, options, names, onBytes));
}

/** Reads files whose names are not those that the user gave: what is said of them has the user's names. */
async function withNames(names: Map<string, string>, read: () => Promise<Loaded>): Promise<Loaded> {
  const renamed = (text: string): string =>
    [...names].reduce((all, [path, name]) => (path === name ? all : all.replaceAll(path, name)), text);
  try {
    const { source, malformed, ...rest } = await read();
    return {
      ...rest,
      source: {
        ...source,
        files: source.files.map((file) => ({ ...file, path: renamed(file.path) })),
        assumptions: source.assumptions.map(renamed),
      },
      malformed: {
        ...malformed,
        samples: malformed.samples.map((one) => ({ ...one, file: renamed(one.file) })),
      },
    };
  } catch (error) {
    if (error instanceof AuditError) throw new AuditError(renamed(error.message));
    throw error;
  }
}

async function loadFiles(
  database: Database,
  options: AuditOptions,
  names: Map<string, string>,
  onBytes: (done: number, total: number) => void,
): Promise<Loaded> {
  const looked = await inspect(database, options, names);
  const filled = withHooks(looked.filter((one) => !isBlank(one)));
  if (filled.length === 0) {
    const paths = looked.map(({ file }) => file.path);
    throw new AuditError(`${paths.join(', ')} ${paths.length === 1 ? 'is' : 'are'} empty: nothing to audit`);
  }
  for (const { file, detection, sample } of filled) demandFields(file, detection.spec, sample);
  const groups = groupFiles(filled);
  const known = await createLines(
    database,
    filled.map(({ detection, sample }) => ({ spec: detection.spec, sample })),
  );
  await readGroups(database, groups, { known, options, onBytes });
  const source = describe(filled, options);
  const empty = looked.filter(isBlank).map(({ file }) => `${file.path} is empty`);
  return {
    source: { ...source, assumptions: [...source.assumptions, ...empty] },
    specs: groups.map(({ group }) => group.spec),
    raw: filled[0]!.unwrapped.lines.slice(0, 10),
    quality: {
      hasOtherLines: groups.some(
        ({ group: { inner, peels, spec } }) =>
          (inner === 'text' && spec.pattern === undefined) || peels.some(({ kind }) => kind !== 'items'),
      ),
    },
    malformed: await readMalformed(
      database,
      filled.map(({ file }) => file),
      options.signal,
    ),
  };
}

/** Looks at every file; one whose lines are cut is replaced by a copy with whole lines, which gets its name. */
async function inspect(
  database: Database,
  options: AuditOptions,
  names: Map<string, string>,
): Promise<Looked[]> {
  const looked: Looked[] = [];
  // Copies are added to the names meanwhile.
  const given = [...names];
  for (const [path, shownAs] of given) {
    if (options.signal?.aborted === true) throw new AuditStopped();
    const file = await sniff(path);
    const joined = join(database.directory, `joined-${looked.length}`);
    const isJoined = await joinPartialLines(file, joined, options.signal);
    if (isJoined) names.set(joined, shownAs);
    const one = await look(database, isJoined ? await sniff(joined) : file, options);
    looked.push(
      isJoined
        ? { ...one, assumptions: [...one.assumptions, 'lines that the container runtime cut are joined'] }
        : one,
    );
  }
  return looked;
}

function isBlank({ file, sample }: Looked): boolean {
  return (
    file.bytes === 0 ||
    (sample.length === 0 && file.lines.length <= (file.container === 'csv' ? 1 : 0) && isText(file))
  );
}

/** Files that are read by one query, and a sample of them. */
interface SampledGroup {
  readonly group: FileGroup;
  readonly sample: readonly SampleRecord[];
}

function groupFiles(files: readonly Looked[]): SampledGroup[] {
  const groups = new Map<string, SampledGroup>();
  for (const { file, detection, sample, unwrapped } of files) {
    const { peels, inner } = unwrapped;
    const { container, compression, encoding, delimiter } = file;
    // Only the header names the columns of a CSV.
    const header = container === 'csv' ? file.lines[0] : null;
    const key = JSON.stringify([
      header,
      container,
      compression,
      encoding,
      delimiter,
      peels,
      inner,
      detection.spec,
    ]);
    const known = groups.get(key);
    groups.set(key, {
      group: {
        container,
        compression,
        encoding,
        bytes: (known?.group.bytes ?? 0) + file.bytes,
        modifiedMs: Math.max(known?.group.modifiedMs ?? 0, file.modifiedMs),
        maxBytes: Math.max(known?.group.maxBytes ?? 0, file.bytes),
        delimiter,
        peels,
        documents: peels.length > 0 && !startsWithArray(file) ? 'unstructured' : 'auto',
        inner,
        spec: detection.spec,
        paths: [...(known?.group.paths ?? []), file.path],
      },
      sample: known?.sample ?? sample,
    });
  }
  return [...groups.values()];
}

async function readGroups(
  database: Database,
  groups: readonly SampledGroup[],
  {
    known,
    options,
    onBytes,
  }: {
    readonly known: Awaited<ReturnType<typeof createLines>>;
    readonly options: AuditOptions;
    readonly onBytes: (done: number, total: number) => void;
  },
): Promise<void> {
  const utc = (options.timezone ?? 'UTC') === 'UTC';
  const total = groups.reduce((sum, { group }) => sum + group.bytes, 0);
  let before = 0;
  for (const { group, sample } of groups) {
    const from = before;
    const stopTelling = tellProgress(database, (share) => onBytes(from + share * group.bytes, total));
    await ingest(database, group, sample, { utc, known, timeFormat: options.timeFormat })
      .catch((error: Error) => {
        throw readable(error, group);
      })
      .finally(stopTelling);
    before += group.bytes;
  }
}

/** Reports the progress of the running statement twice a second until it is stopped. */
function tellProgress(database: Database, tell: (share: number) => void): () => void {
  let most = 0;
  let cancel = (): void => {};
  const again = (): void => {
    most = Math.max(most, Math.min(1, database.progress()));
    tell(most);
    cancel = systemClock.after(500, again);
  };
  cancel = systemClock.after(500, again);
  return () => cancel();
}

/** Separates files that belong to one GitHub hook each. */
function withHooks(looked: readonly Looked[]): Looked[] {
  const specs = hooksByFile(
    looked.map(({ file, sample, detection }) => ({ path: file.path, sample, spec: detection.spec })),
  );
  return looked.map((one) => ({
    ...one,
    detection: { ...one.detection, spec: specs.get(one.file.path) ?? one.detection.spec },
  }));
}

/** Whether the whole file was inspected as lines. */
const isText = ({ container, compression }: SniffedFile): boolean =>
  container !== 'parquet' && container !== 'json' && compression !== 'zstd';

/** Keeps lines from the beginning, the middle and the end: a log changes with its sender. */
function spread<T>(all: readonly T[]): readonly T[] {
  if (all.length <= maxSample) return all;
  const third = Math.floor(maxSample / 3);
  return [0, Math.floor((all.length - third) / 2), all.length - third].flatMap((from) =>
    all.slice(from, from + third),
  );
}

interface Looked {
  readonly file: SniffedFile;
  readonly sample: readonly SampleRecord[];
  readonly unwrapped: Pick<Unwrapped, 'peels' | 'inner' | 'lines'>;
  readonly detection: Detection;
  readonly assumptions: readonly string[];
}

/** Files of so few objects may be pages of an API, which can be longer than a line may be. */
const maxPages = 100;

function asPages(file: SniffedFile): SniffedFile {
  const isPages =
    file.container === 'ndjson' &&
    file.compression !== 'zstd' &&
    file.lines.length <= maxPages &&
    file.lines.every(isObject) &&
    unwrap(file.lines).peels[0]?.kind === 'items';
  return isPages ? { ...file, container: 'json' } : file;
}

async function look(database: Database, given: SniffedFile, options: AuditOptions): Promise<Looked> {
  const file = asPages(given);
  const { sample, unwrapped } = await readSample(database, file, options.pattern);
  const seen = withOuterTime(
    options.pattern === undefined ? detect(sample) : byPattern(options.pattern, sample),
    unwrapped,
  );
  let detection: Detection = seen;
  const assumptions: string[] =
    unwrapped.peels.length === 0
      ? []
      : [`read from inside: ${describePeels(unwrapped.peels).join(', then ')}`];
  if (options.format !== undefined) {
    const { spec, score } = specFrom(options.format, sample);
    detection = {
      spec,
      confidence: 1,
      why: [`--format ${options.format}`],
      alternatives:
        seen.spec.format === options.format
          ? seen.alternatives
          : [{ format: seen.spec.format, score: seen.confidence }, ...seen.alternatives],
    };
    if (score < 0.5 && sample.length > 0)
      assumptions.push(
        `${file.path} does not look like ${options.format} (${Math.round(score * 100)}% of its names are there): it is read as --format says; detection says ${seen.spec.format}`,
      );
  }
  if (options.mapping !== undefined)
    detection = {
      ...detection,
      spec: withMapping(
        detection.spec,
        options.mapping,
        sample,
        file.container === 'csv' ? headerOfCsv(file) : [],
      ),
      why: [...detection.why, `--map for ${Object.keys(options.mapping).join(', ')}`],
    };
  return { file, sample, unwrapped, detection, assumptions };
}

/** If the records have no time of their own, that of the layer around them serves. */
function withOuterTime(detection: Detection, { hasTime }: Pick<Unwrapped, 'hasTime'>): Detection {
  const { fields } = detection.spec;
  if (Object.values(fields).some(({ paths }) => paths.some(([key]) => key === outerTime)))
    return { ...detection, spec: { ...detection.spec, outerTime: true } };
  if (!hasTime || fields.at !== undefined || fields.started_at !== undefined || fields.ended_at !== undefined)
    return detection;
  return {
    ...detection,
    spec: { ...detection.spec, outerTime: true, fields: { ...fields, at: { paths: [[outerTime]] } } },
  };
}

interface Sampled {
  readonly sample: SampleRecord[];
  readonly unwrapped: Unwrapped;
}

async function readSample(
  database: Database,
  file: SniffedFile,
  pattern: string | undefined,
): Promise<Sampled> {
  if (file.bytes === 0) return sampled([], pattern);
  switch (file.container) {
    case 'ndjson':
    case 'text':
      return sampled(file.compression === 'zstd' ? await firstLines(file.path) : spread(file.lines), pattern);
    case 'csv': {
      const records = [...spread(recordsFromCsv(file))];
      const rows = spread(file.lines.slice(1)).map((line) => rowAsJson(file, line));
      const unwrapped = unwrap(rows, pattern);
      return unwrapped.peels.length === 0
        ? { sample: records, unwrapped: { ...unwrapped, inner: 'json' } }
        : { sample: recordsIn(unwrapped, pattern), unwrapped };
    }
    case 'parquet': {
      const rows = await database
        .rows(
          `select cast(to_json(t) as varchar) as line from read_parquet(${quote(file.path)}) t limit ${maxSample}`,
        )
        .catch((error: Error) => refuse(file, error));
      return sampled(
        rows.map(({ line }) => text(line)),
        pattern,
      );
    }
    case 'json':
      return await sampleOfDocument(database, file, pattern);
  }
}

function sampled(lines: readonly string[], pattern: string | undefined): Sampled {
  const unwrapped = unwrap(lines, pattern);
  return { sample: recordsIn(unwrapped, pattern), unwrapped };
}

function recordsIn({ inner, lines, outer, hasTime }: Unwrapped, pattern: string | undefined): SampleRecord[] {
  const shown = spread(lines);
  const records =
    inner === 'json'
      ? recordsFromJson(shown)
      : recordsFromText(shown, pattern === undefined ? undefined : [toRegExp(toRe2(pattern))]);
  // Only lines that are not JSON are left out, so the order of the others is that of the lines.
  if (!hasTime || records.length !== shown.length) return records;
  const times = spread(outer);
  return records.map((record, index) =>
    times[index] === null
      ? record
      : { ...record, values: new Map(record.values).set(outerTime, times[index]!) },
  );
}

function rowAsJson(file: SniffedFile, line: string): string {
  const cells = splitCells(line, file.delimiter);
  return JSON.stringify(
    Object.fromEntries(headerOfCsv(file).map((name, index) => [name, cells[index] ?? null])),
  );
}

/** The first lines of a compressed file. */
async function firstLines(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const piece of piecesOf({ path, compression: 'zstd', encoding: 'utf-8' })) {
    const parts = piece.split('\n');
    if (lines.length > 0) lines[lines.length - 1] += parts.shift()!;
    lines.push(...parts);
    if (lines.length > maxSample) break;
  }
  return lines.slice(0, maxSample).filter((line) => line.trim() !== '');
}

const startsWithArray = ({ lines }: SniffedFile): boolean =>
  (lines[0] ?? '')
    .trimStart()
    .replace(/^\uFEFF/, '')
    .startsWith('[');

async function sampleOfDocument(
  database: Database,
  file: SniffedFile,
  pattern: string | undefined,
): Promise<Sampled> {
  if (file.bytes > maxDocumentBytes)
    throw new AuditError(
      `${file.path} is one JSON document of ${Math.round(file.bytes / 1e6)} MB, too large to hold in memory: convert it to JSON lines, for example with jq -c '.[]' ${file.path}`,
    );
  const isArray = startsWithArray(file);
  const rows = await database
    .rows(
      `select cast(json as varchar) as line from ${documentsSql(file, [file.path], isArray ? 'array' : 'unstructured')} limit ${maxSample}`,
    )
    .catch((error: Error) => refuse(file, error));
  return sampled(
    rows.map(({ line }) => text(line)),
    pattern,
  );
}

function refuse(file: SniffedFile, error: Error): never {
  throw new AuditError(`${file.path} cannot be read as ${file.container}: ${firstLine(error)}`);
}

function readable(error: Error, group: FileGroup): Error {
  if (!/^(Invalid Input|IO|Binder|Conversion|Invalid) ?Error|malformed/i.test(error.message)) return error;
  return new AuditError(
    `${group.paths.join(', ')} cannot be read as ${group.container}: ${firstLine(error)}`,
  );
}

function firstLine(error: Error): string {
  const line = error.message.split('\n')[0]!.slice(0, 300);
  return /unexpected end of data/i.test(line)
    ? 'it ends in the middle of a record, so it is only half written'
    : line;
}

function describe(looked: readonly Looked[], options: AuditOptions): Source {
  const main = looked.toSorted((a, b) => b.file.bytes - a.file.bytes)[0]!;
  const timezone = options.timezone ?? 'UTC';
  const described = new Map<string, { field: string; from: string; as: string }>();
  for (const { detection, sample } of looked)
    for (const [field, source] of Object.entries(detection.spec.fields)) {
      const paths = source.paths.map((path) => path.join('.'));
      const texts = sample.flatMap(({ values }) => paths.flatMap((path) => values.get(path) ?? []));
      const key = `${field} ${paths.join()}`;
      if (!described.has(key))
        described.set(key, {
          field,
          from: paths.join(', '),
          as: describeField(field, source, texts, timezone),
        });
    }
  const formats = [...new Set(looked.map(({ detection }) => detection.spec.format))];
  return {
    format: main.detection.spec.format,
    confidence: main.detection.confidence,
    given: options.format !== undefined || options.mapping !== undefined,
    why: main.detection.why,
    alternatives: main.detection.alternatives,
    files: looked.map(({ file, detection }) => ({
      path: file.path,
      bytes: file.bytes,
      container: file.container,
      compression: file.compression,
      format: detection.spec.format,
    })),
    fields: [...described.values()],
    assumptions: [
      ...(formats.length > 1 ? [`files of different formats are read together: ${formats.join(', ')}`] : []),
      ...new Set(looked.flatMap(({ assumptions, detection }) => [...assumptions, ...detection.spec.notes])),
    ],
  };
}
