import { name, quote } from './database.ts';
import type { SniffedFile } from './files.ts';
import { detectShape } from './json-shape.ts';
import { nothings } from './sample.ts';
import { type FieldSource, type Path, type Spec, timeOfLine, timeOfLinePattern } from './spec.ts';

/** Longer lines than this are malformed. */
const maxLineBytes = 4 * 1024 * 1024;

/** Files that are read in one go, because they are of one kind and read in one way. */
export interface FileGroup {
  readonly container: SniffedFile['container'];
  readonly compression: SniffedFile['compression'];
  readonly encoding: SniffedFile['encoding'];
  readonly delimiter: string;
  readonly paths: readonly string[];
  /** Of all of them, and of the largest. */
  readonly bytes: number;
  readonly maxBytes: number;
  readonly spec: Spec;
  /** Of a JSON document that wraps its records: the JSON path of the array. */
  readonly wrapper: string | null;
}

/** A query over files: what it selects from, and how a field's value (VARCHAR) is got from a row of it. */
export interface Relation {
  /** SQL: `select … as raw, … as x` or columns. */
  readonly from: string;
  readonly get: (path: Path) => string;
  /** SQL: null where the row could be read, else its file and its beginning, with `noDelimiter` between them. */
  readonly malformed: string;
}

const list = (paths: readonly string[]): string => `[${paths.map(quote).join(', ')}]`;
/** A control character that no log has: a "CSV" of one column is the way to read whole lines at full speed. */
export const noDelimiter = '\u0001';
/** Characters that are kept of a line that cannot be read. */
export const malformedLength = 300;

/** SQL of what is kept of a line that cannot be read: where it stands, and its beginning. */
const malformedText = `file || '${noDelimiter}' || left(line, ${malformedLength})`;

/** SQL of the option that says in which encoding a file is. */
function encodingSql({ encoding }: FileGroup): string {
  return encoding === 'utf-8' ? '' : `, encoding='${encoding === 'latin1' ? 'latin-1' : 'utf-16'}'`;
}

/** Not strict: a file in which some lines end with CR LF and others with LF alone would be refused. */
function linesSql(group: FileGroup): string {
  return `read_csv(${list(group.paths)}, columns={'line': 'VARCHAR'}, delim='${noDelimiter}', quote='', escape='', header=false, auto_detect=false, strict_mode=false, null_padding=false, max_line_size=${maxLineBytes}, compression=${quote(group.compression)}, ignore_errors=true, store_rejects=true, rejects_limit=0, filename='file'${encodingSql(group)})`;
}

/** SQL of JSON documents, a row each, or of the items of one array; what a document may be is what the files are. */
export function documentsSql(
  file: { readonly bytes: number; readonly compression: SniffedFile['compression'] },
  paths: readonly string[],
  format: string,
): string {
  // gzip makes a tenth and less of JSON. Buffers of this size are taken at once, so it is no larger than it has to be.
  const most = 16_777_216 + file.bytes * (file.compression === 'none' ? 1 : 20);
  const compression = file.compression === 'none' ? 'uncompressed' : file.compression;
  return `read_json_objects(${list(paths)}, format='${format}', maximum_object_size=${Math.min(most, 1_000_000_000)}, compression=${quote(compression)}, filename='file')`;
}

/** The rows of a group of files. */
export function relationFrom(group: FileGroup): Relation {
  switch (group.container) {
    case 'ndjson':
      // Lines of blanks are no lines. Asked before anything is made of a line: what is made of it would be made twice.
      return jsonRelation(
        group,
        `select case when starts_with(line, chr(65279)) then substr(line, 2) else line end as line, file from ${linesSql(group)}
           where line <> '' and case when starts_with(line, '{') then true else trim(line) <> '' end`,
      );
    case 'json':
      return jsonRelation(
        group,
        group.wrapper === null
          ? `select cast(json as varchar) as line, file from ${documentsSql({ ...group, bytes: group.maxBytes }, group.paths, 'auto')}`
          : `select cast(unnest(json_extract(json, ${quote(`${group.wrapper}[*]`)})) as varchar) as line, file from ${documentsSql({ ...group, bytes: group.maxBytes }, group.paths, 'unstructured')}`,
      );
    case 'parquet':
      // One way for nested columns too; what DuckDB calls a timestamp without a zone is UTC by Parquet's own word.
      return jsonRelation(
        group,
        `select cast(to_json(t) as varchar) as line, '' as file from read_parquet(${list(group.paths)}, union_by_name=true) t`,
      );
    case 'csv':
      return {
        from: `(from read_csv(${list(group.paths)}, delim=${quote(group.delimiter)}, quote='"', escape='"', header=true, all_varchar=true, null_padding=true, strict_mode=false, sample_size=2000, max_line_size=${maxLineBytes}, compression=${quote(group.compression)}, ignore_errors=true, store_rejects=true, rejects_limit=0${encodingSql(group)}))`,
        get: (path) => nothingIsNull(name(path.join('.'))),
        malformed: 'cast(null as varchar)',
      };
    case 'text':
      return textRelation(group);
  }
}

/** Rows of a query of `line` (text that may be a JSON object) and `file`. */
function jsonRelation(group: FileGroup, lines: string): Relation {
  const { unnest, fields } = group.spec;
  const used = Object.values(fields).flatMap(({ paths }) => paths);
  const inside = (path: Path): boolean =>
    unnest !== undefined && path.length > unnest.length && unnest.every((key, index) => path[index] === key);
  const inItem = (path: Path): Path => path.slice(unnest?.length);
  const outer = used.filter((path) => !inside(path));
  const record = detectShape('line', 'x', outer, unnest);
  const item = detectShape('item', 'y', used.filter(inside).map(inItem), undefined);
  const values = `select *, case when json_valid(line) then ${record.structure} end as x from (${lines})`;
  // A record without attempts is one row all the same: it was accepted, and nothing more.
  const rows =
    unnest === undefined
      ? values
      : `select *, ${item.structure} as y from (
           select *, unnest(case when len(${record.items}) > 0 then ${record.items} else [null] end) as item from (${values}))`;
  // What is no object has none of the fields; so only what has none has to be asked.
  const something = ['null', ...outer.map(record.get)].join(', ');
  return {
    from: `(${rows})`,
    get: (path) => {
      const value = inside(path) ? item.get(inItem(path)) : record.get(path);
      return `case when ${value} not in ('', '-') then ${value} end`;
    },
    malformed: `case when x is null then ${malformedText} when coalesce(${something}) is null then
      case when json_type(line) <> 'OBJECT' then ${malformedText} end end`,
  };
}

/** Lines of an access log by the format's pattern; and key=value pairs, wherever they stand. */
function textRelation(group: FileGroup): Relation {
  const { pattern } = group.spec;
  const names =
    pattern === undefined ? [] : [...pattern.matchAll(/\(\?P<(\w+)>/g)].map(([, found]) => found!);
  const bare = pattern?.replaceAll(/\(\?P<\w+>/g, '(') ?? null;
  const used = [
    ...new Set(Object.values(group.spec.fields).flatMap(({ paths }) => paths.map((path) => path.join('.')))),
  ];
  // A quoted value goes to its closing quote.
  const pair = (field: string): string =>
    `trim(regexp_extract(line, ${quote(`(?:^|[\\s,;])${field.replaceAll(/[.$()]/g, '\\$&')}[=:]("[^"]*"|[^"\\s,;]*)`)}, 1), '"')`;
  const matched =
    bare === null ? '' : `, regexp_extract(line, ${quote(bare)}, [${names.map(quote).join(', ')}]) as m`;
  const readable = used.map((field) => `${expression(field)} <> ''`).join(' or ');
  function expression(field: string): string {
    if (field === timeOfLine) return `regexp_extract(line, ${quote(timeOfLinePattern)}, 1)`;
    return names.includes(field) ? `coalesce(nullif(m.${name(field)}, ''), ${pair(field)})` : pair(field);
  }
  return {
    from: `(select line, file${matched} from ${linesSql(group)} where line <> '')`,
    get: (path) => nothingIsNull(expression(path.join('.'))),
    malformed: readable === '' ? malformedText : `case when not (${readable}) then ${malformedText} end`,
  };
}

function nothingIsNull(sql: string): string {
  return `case when lower(trim(${sql})) in (${nothings.map(quote).join(', ')}) then null else trim(${sql}) end`;
}

/** The SQL of a field (VARCHAR), from the first of its paths that has a value. */
export function fieldSql(source: FieldSource, relation: Relation): string {
  const values = source.paths.map((path) => relation.get(path));
  const value = values.length === 1 ? values[0]! : `coalesce(${values.join(', ')})`;
  return source.sql === undefined ? value : `(${source.sql.replaceAll('@@', () => value)})`;
}
