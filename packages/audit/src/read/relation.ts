import { name, quote } from '../database.ts';
import type { SniffedFile } from './files.ts';
import { detectShape, type JsonShape } from './json-shape.ts';
import { nothings } from './sample.ts';
import { type FieldSource, outerTime, type Path, type Spec, timeOfLine, timeOfLinePattern } from './spec.ts';
import { type Peel, peelSql } from './unwrap.ts';

/** Longer lines than this are malformed. */
const maxLineBytes = 4 * 1024 * 1024;

/** Files that are read together, because they are of one kind and read in the same way. */
export interface FileGroup {
  readonly container: SniffedFile['container'];
  readonly compression: SniffedFile['compression'];
  readonly encoding: SniffedFile['encoding'];
  readonly delimiter: string;
  readonly paths: readonly string[];
  /** The size of all of them, and of the largest. */
  readonly bytes: number;
  readonly maxBytes: number;
  readonly spec: Spec;
  /** When the newest of them was written, in ms since the epoch. */
  readonly modifiedMs: number;
  /** The layers around the records, and what is inside them. */
  readonly peels: readonly Peel[];
  /** How JSON documents follow each other. */
  readonly documents?: 'auto' | 'unstructured' | undefined;
  readonly inner: 'json' | 'text';
}

/** A query over files: its source, and how to get a field's value (VARCHAR) from a row. */
export interface Relation {
  /** SQL: `select … as raw, … as x` or columns. */
  readonly from: string;
  readonly get: (path: Path) => string;
  /** SQL: null if the row could be read; otherwise its file and its beginning, separated by `noDelimiter`. */
  readonly malformed: string;
}

const list = (paths: readonly string[]): string => `[${paths.map(quote).join(', ')}]`;
/** A control character that no log contains: a "CSV" of one column is the fastest way to read whole lines. */
export const noDelimiter = '\u0001';
/** The number of characters that are kept of an unreadable line. */
export const malformedLength = 300;

/** SQL of the kept part of an unreadable line: its file and its beginning. */
const malformedText = `file || '${noDelimiter}' || left(line, ${malformedLength})`;

/** SQL of the option for the encoding of a file. */
function encodingSql({ encoding }: FileGroup): string {
  return encoding === 'utf-8' ? '' : `, encoding='${encoding === 'latin1' ? 'latin-1' : 'utf-16'}'`;
}

/** Not strict: strict mode refuses a file with both CR LF and LF line ends. */
function linesSql(group: FileGroup): string {
  return `read_csv(${list(group.paths)}, columns={'line': 'VARCHAR'}, delim='${noDelimiter}', quote='', escape='', header=false, auto_detect=false, strict_mode=false, null_padding=false, max_line_size=${maxLineBytes}, compression=${quote(group.compression)}, ignore_errors=true, store_rejects=true, rejects_limit=0, filename='file'${encodingSql(group)})`;
}

/** SQL of JSON documents, one row each, or of the items of one array. */
export function documentsSql(
  file: { readonly bytes: number; readonly compression: SniffedFile['compression'] },
  paths: readonly string[],
  format: string,
): string {
  // gzip shrinks JSON to a tenth or less. Buffers of this size are allocated at once, so it is as small as possible.
  const most = 16_777_216 + file.bytes * (file.compression === 'none' ? 1 : 20);
  const compression = file.compression === 'none' ? 'uncompressed' : file.compression;
  return `read_json_objects(${list(paths)}, format='${format}', maximum_object_size=${Math.min(most, 1_000_000_000)}, compression=${quote(compression)}, filename='file')`;
}

/** Returns the rows of a group of files. */
export function relationFrom(group: FileGroup): Relation {
  if (group.container === 'csv' && group.peels.length === 0) return columnRelation(group);
  const lines = peelSql(rowsSql(group), group.peels, group.spec.outerTime === true);
  return group.inner === 'text' ? textRelation(group, lines) : jsonRelation(group, lines);
}

/** SQL of the rows of a group as `line` (text) and `file`, before any layer is peeled off. */
function rowsSql(group: FileGroup): string {
  switch (group.container) {
    case 'ndjson':
      // Blank lines do not count. The test comes before any conversion of the line, which would otherwise run twice.
      return `select case when starts_with(line, chr(65279)) then substr(line, 2) else line end as line, file from ${linesSql(group)}
           where line <> '' and case when starts_with(line, '{') then true else trim(line) <> '' end`;
    case 'json':
      return `select cast(json as varchar) as line, file from ${documentsSql({ ...group, bytes: group.maxBytes }, group.paths, group.documents ?? 'auto')}`;
    case 'parquet':
      // This also covers nested columns. DuckDB's timestamp without a zone is UTC by Parquet's definition.
      return `select cast(to_json(t) as varchar) as line, '' as file from read_parquet(${list(group.paths)}, union_by_name=true) t`;
    case 'csv':
      return `select cast(to_json(t) as varchar) as line, '' as file from ${csvSql(group)} t`;
    case 'text':
      return `select line, file from ${linesSql(group)} where line <> ''`;
  }
}

function csvSql(group: FileGroup): string {
  return `read_csv(${list(group.paths)}, delim=${quote(group.delimiter)}, quote='"', escape='"', header=true, all_varchar=true, null_padding=true, strict_mode=false, sample_size=2000, max_line_size=${maxLineBytes}, compression=${quote(group.compression)}, ignore_errors=true, store_rejects=true, rejects_limit=0${encodingSql(group)})`;
}

/** Returns the rows of a CSV; a path continues inside a column of JSON. */
function columnRelation(group: FileGroup): Relation {
  const inside = embeddedShapes(
    group.spec,
    Object.values(group.spec.fields).flatMap(({ paths }) => paths),
  );
  const shapes = inside.map(
    ({ path, shape }, index) =>
      `, case when json_valid(${name(path.join('.'))}) then ${shape(name(path.join('.')), `e${index}`).structure} end as e${index}`,
  );
  return {
    from: `(select *${shapes.join('')} from ${csvSql(group)})`,
    get: (path) => {
      const at = inside.findIndex((one) => isInside(path, one.path));
      if (at < 0) return nothingIsNull(name(path.join('.')));
      const { path: column, shape } = inside[at]!;
      return nothingIsNull(shape(name(column.join('.')), `e${at}`).get(path.slice(column.length)));
    },
    malformed: 'cast(null as varchar)',
  };
}

const isInside = (path: Path, outer: Path): boolean =>
  path.length > outer.length && outer.every((key, index) => path[index] === key);

/** The fields of JSON text that paths continue in, each with the shape of what they read there. */
function embeddedShapes(
  spec: Spec,
  used: readonly Path[],
): { readonly path: Path; readonly shape: (column: string, alias: string) => JsonShape }[] {
  return (spec.embedded ?? []).flatMap((path) => {
    const own = used.filter((one) => isInside(one, path)).map((one) => one.slice(path.length));
    return own.length === 0
      ? []
      : [{ path, shape: (column: string, alias: string) => detectShape(column, alias, own, undefined) }];
  });
}

/** Returns the rows of a query with `line` (text that may be a JSON object) and `file`. */
function jsonRelation({ spec }: FileGroup, lines: string): Relation {
  const { unnest, fields } = spec;
  const used = Object.values(fields)
    .flatMap(({ paths }) => paths)
    .filter((path) => path[0] !== outerTime);
  const embedded = embeddedShapes(spec, used);
  const isEmbedded = (path: Path): boolean => embedded.some((one) => isInside(path, one.path));
  const inside = (path: Path): boolean => unnest !== undefined && isInside(path, unnest);
  const inItem = (path: Path): Path => path.slice(unnest?.length);
  const outer = [
    ...used.filter((path) => !inside(path) && !isEmbedded(path)),
    ...embedded.map(({ path }) => path),
  ];
  const record = detectShape('line', 'x', outer, unnest);
  const item = detectShape('item', 'y', used.filter(inside).map(inItem), undefined);
  const values = `select *, case when json_valid(line) then ${record.structure} end as x from (${lines})`;
  const shapes = embedded.map(
    ({ path, shape }, index) =>
      `, case when json_valid(${record.get(path)}) then ${shape(record.get(path), `e${index}`).structure} end as e${index}`,
  );
  const opened = shapes.length === 0 ? values : `select *${shapes.join('')} from (${values})`;
  // A record without attempts is still one row: the event was accepted.
  const rows =
    unnest === undefined
      ? opened
      : `select *, ${item.structure} as y from (
           select *, unnest(case when len(${record.items}) > 0 then ${record.items} else [null] end) as item from (${opened}))`;
  // Only a row without any field can be something other than an object.
  const something = ['null', ...outer.map(record.get)].join(', ');
  const valueOf = (path: Path): string => {
    if (path[0] === outerTime) return 'outer_time';
    if (inside(path)) return item.get(inItem(path));
    const at = embedded.findIndex((one) => isInside(path, one.path));
    if (at < 0) return record.get(path);
    const { path: field, shape } = embedded[at]!;
    return shape(record.get(field), `e${at}`).get(path.slice(field.length));
  };
  return {
    from: `(${rows})`,
    get: (path) => {
      const value = valueOf(path);
      return `case when ${value} not in ('', '-') then ${value} end`;
    },
    malformed: `case when x is null then ${malformedText} when coalesce(${something}) is null then
      case when json_type(line) <> 'OBJECT' then ${malformedText} end end`,
  };
}

/** Reads lines of an access log by the format's pattern, and key=value pairs anywhere in them. */
function textRelation(group: FileGroup, lines: string): Relation {
  const { pattern } = group.spec;
  const names =
    pattern === undefined ? [] : [...pattern.matchAll(/\(\?P<(\w+)>/g)].map(([, found]) => found!);
  const bare = pattern?.replaceAll(/\(\?P<\w+>/g, '(') ?? null;
  const used = [
    ...new Set(Object.values(group.spec.fields).flatMap(({ paths }) => paths.map((path) => path.join('.')))),
  ];
  // A quoted value ends at its closing quote.
  const pair = (field: string): string =>
    `trim(regexp_extract(line, ${quote(`(?:^|[\\s,;{\\[(])${field.replaceAll(/[.$()]/g, '\\$&')}[=:]("[^"]*"|[^"\\s,;]*)`)}, 1), '"')`;
  const matched =
    bare === null ? '' : `, regexp_extract(line, ${quote(bare)}, [${names.map(quote).join(', ')}]) as m`;
  const readable = used.map((field) => `${expression(field)} <> ''`).join(' or ');
  function expression(field: string): string {
    if (field === outerTime) return 'outer_time';
    if (field === timeOfLine) return `regexp_extract(line, ${quote(timeOfLinePattern)}, 1)`;
    return names.includes(field) ? `coalesce(nullif(m.${name(field)}, ''), ${pair(field)})` : pair(field);
  }
  return {
    from: `(select *${matched} from (${lines}))`,
    get: (path) => nothingIsNull(expression(path.join('.'))),
    malformed: readable === '' ? malformedText : `case when not (${readable}) then ${malformedText} end`,
  };
}

function nothingIsNull(sql: string): string {
  return `case when lower(trim(${sql})) in (${nothings.map(quote).join(', ')}) then null else trim(${sql}) end`;
}

/** Returns the SQL of a field (VARCHAR), from the first of its paths that has a value. */
export function fieldSql(source: FieldSource, relation: Relation): string {
  const values = source.paths.map((path) => relation.get(path));
  const value = values.length === 1 ? values[0]! : `coalesce(${values.join(', ')})`;
  return source.sql === undefined ? value : `(${source.sql.replaceAll('@@', () => value)})`;
}
