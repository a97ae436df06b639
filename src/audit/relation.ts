import { name, quote } from './database.ts';
import type { SniffedFile } from './files.ts';
import { nothings } from './sample.ts';
import type { FieldSource, Path, Spec } from './spec.ts';

/** Longer lines than this are malformed. */
const lineBytesMost = 4 * 1024 * 1024;

/** Files that are read in one go, because they are of one kind and read in one way. */
export interface FileGroup {
  readonly container: SniffedFile['container'];
  readonly compression: SniffedFile['compression'];
  readonly encoding: SniffedFile['encoding'];
  readonly delimiter: string;
  readonly paths: readonly string[];
  /** Size of the largest of them. */
  readonly bytesMost: number;
  readonly spec: Spec;
  /** Of a JSON document that wraps its records: the JSON path of the array. */
  readonly wrapper: string | null;
}

/** A query over files: what it selects from, and how a field's value (VARCHAR) is got from a row of it. */
export interface Relation {
  /** SQL: `select … as raw, … as x` or columns. */
  readonly from: string;
  readonly get: (path: Path) => string;
  /** SQL: null where the row could be read, else its text. */
  readonly malformed: string;
}

const list = (paths: readonly string[]): string => `[${paths.map(quote).join(', ')}]`;
/** A control character that no log has: a "CSV" of one column is the way to read whole lines at full speed. */
const noDelimiter = '\u0001';

function linesOf(group: FileGroup): string {
  const encoding = group.encoding === 'utf-16' ? ", encoding='utf-16'" : '';
  return `read_csv(${list(group.paths)}, columns={'line': 'VARCHAR'}, delim='${noDelimiter}', quote='', escape='', header=false, auto_detect=false, null_padding=false, max_line_size=${lineBytesMost}, compression=${quote(group.compression)}, ignore_errors=true, store_rejects=true, rejects_limit=1000000${encoding})`;
}

/** SQL of JSON documents, a row each, or of the items of one array; what a document may be is what the files are. */
export function documentsOf(
  file: { readonly bytes: number; readonly compression: SniffedFile['compression'] },
  paths: readonly string[],
  format: string,
): string {
  // gzip makes a tenth and less of JSON. Buffers of this size are taken at once, so it is no larger than it has to be.
  const most = 16_777_216 + file.bytes * (file.compression === 'none' ? 1 : 20);
  const compression = file.compression === 'none' ? 'uncompressed' : file.compression;
  return `read_json_objects(${list(paths)}, format='${format}', maximum_object_size=${Math.min(most, 1_000_000_000)}, compression=${quote(compression)})`;
}

function jsonPath(path: Path): string {
  return `$.${path.map((key) => `"${key.replaceAll('"', '\\"')}"`).join('.')}`;
}

/** The rows of a group of files. */
export function relationOf(group: FileGroup): Relation {
  switch (group.container) {
    case 'ndjson':
      return jsonRelation(
        group,
        `select ltrim(line, chr(65279)) as line from ${linesOf(group)} where line <> ''`,
      );
    case 'json':
      return jsonRelation(
        group,
        group.wrapper === null
          ? `select cast(json as varchar) as line from ${documentsOf({ ...group, bytes: group.bytesMost }, group.paths, 'auto')}`
          : `select cast(unnest(json_extract(json, ${quote(`${group.wrapper}[*]`)})) as varchar) as line from ${documentsOf({ ...group, bytes: group.bytesMost }, group.paths, 'unstructured')}`,
      );
    case 'parquet':
      // One way for nested columns too; what DuckDB calls a timestamp without a zone is UTC by Parquet's own word.
      return jsonRelation(
        group,
        `select cast(to_json(t) as varchar) as line from read_parquet(${list(group.paths)}, union_by_name=true) t`,
      );
    case 'csv':
      return {
        from: `(from read_csv(${list(group.paths)}, delim=${quote(group.delimiter)}, quote='"', escape='"', header=true, all_varchar=true, null_padding=true, strict_mode=false, sample_size=2000, max_line_size=${lineBytesMost}, compression=${quote(group.compression)}, ignore_errors=true, store_rejects=true, rejects_limit=1000000))`,
        get: (path) => nothingIsNull(name(path.join('.'))),
        malformed: 'cast(null as varchar)',
      };
    case 'text':
      return textRelation(group);
  }
}

function jsonRelation(group: FileGroup, lines: string): Relation {
  const { unnest } = group.spec;
  const used = [
    ...new Map(
      Object.values(group.spec.fields)
        .flatMap(({ paths }) => paths)
        .map((path) => [path.join('\u0000'), path] as const),
    ).values(),
  ];
  const inside = (path: Path): boolean => unnest !== undefined && path[0] === unnest[0] && path.length > 1;
  const outer = used.filter((path) => !inside(path));
  const inner = used.filter(inside);
  const extract = (column: string, paths: readonly Path[]): string =>
    paths.length === 0
      ? '[]'
      : `json_extract_string(${column}, [${paths.map((path) => quote(jsonPath(path))).join(', ')}])`;
  const good = `json_valid(line) and json_type(line) = 'OBJECT'`;
  // A record without attempts is one row all the same: it was accepted, and nothing more.
  const base =
    unnest === undefined
      ? `select line, case when ${good} then ${extract('line', outer)} end as x from (${lines})`
      : `select line, case when ${good} then ${extract('line', outer)} end as x, ${extract(
          'item',
          inner.map((path) => path.slice(1)),
        )} as y
         from (select line, unnest(case when ${good} and json_array_length(line, ${quote(jsonPath(unnest))}) > 0
                                        then json_extract(line, ${quote(`${jsonPath(unnest)}[*]`)}) else [null] end) as item
               from (${lines}))`;
  const key = (path: Path): string => path.join('\u0000');
  const places = new Map([
    ...outer.map((path, index) => [key(path), `x[${index + 1}]`] as const),
    ...inner.map((path, index) => [key(path), `y[${index + 1}]`] as const),
  ]);
  return {
    // Lines of blanks are no lines. Asked in this order, only what is no JSON has to be trimmed.
    from: `(select * from (${base}) where x is not null or trim(left(line, 300)) <> '')`,
    get: (path) => `nullif(${places.get(key(path))!}, '')`,
    malformed: 'case when x is null then left(line, 300) end',
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
    return names.includes(field) ? `coalesce(nullif(m.${name(field)}, ''), ${pair(field)})` : pair(field);
  }
  return {
    from: `(select line${matched} from ${linesOf(group)} where line <> '')`,
    get: (path) => nothingIsNull(expression(path.join('.'))),
    malformed: readable === '' ? 'left(line, 300)' : `case when not (${readable}) then left(line, 300) end`,
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
