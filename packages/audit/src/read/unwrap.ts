import { quote } from '../database.ts';
import { fitOfRecords } from './fit.ts';
import { isObject, parseJson } from './json-text.ts';
import { recordsFromText } from './text-records.ts';
import { flatten, recordsFromJson } from './sample.ts';
import { type SampleRecord, writtenTime } from './spec.ts';
import { thresholds } from '../thresholds.ts';

const { prefixShare, recordShare } = thresholds.reading;
const layerShare: number = thresholds.reading.layerShare;

// Logs reach people inside other things: the envelope of a collector, a page of an API, a prefix of a terminal. Layers are
// peeled off before the format is detected, first in a sample (here, in JavaScript), then in the whole log (in SQL).

/** One layer around the records. The time of a layer counts if the records inside have none. */
export type Peel =
  /** Text, then a JSON object: `web-1  | {…}`. */
  | { readonly kind: 'prefix' }
  /** The record is the text or the object in a field; `path` and `time` are JSON paths. */
  | { readonly kind: 'field'; readonly path: string; readonly time: string | null }
  /** The records are the items of arrays; the path contains `[*]`. */
  | { readonly kind: 'items'; readonly path: string; readonly time: string | null }
  /** An array of names and values is an object: `[{"key": "a", "value": {"stringValue": "b"}}]`. */
  | { readonly kind: 'pairs'; readonly path: string; readonly key: string };

/** A line inside its layers, with the time of the innermost layer that has one. */
interface Peeled {
  readonly line: string;
  readonly outer: string | null;
}

/** What is inside all layers. */
export interface Unwrapped {
  readonly peels: readonly Peel[];
  readonly inner: 'json' | 'text';
  readonly lines: readonly string[];
  readonly outer: readonly (string | null)[];
  /** Whether a layer has a time. */
  readonly hasTime: boolean;
}

const maxLayers = 5;
const maxInspected = 200;

const prefixTime = new RegExp(`(${writtenTime})`);
const maxPrefix = 400;

/** Names that collectors use for the time of a line, in the order of preference. */
const timeNames = [
  '@timestamp',
  '_time',
  'time',
  'timestamp',
  'ts',
  'timeunixnano',
  'observedtimeunixnano',
  '__realtime_timestamp',
  '_source_realtime_timestamp',
  'timestampms',
  'eventtimestampms',
  'date',
  'datetime',
  'eventtime',
  'receivetimestamp',
  'ingestiontime',
];

/** Finds the layers around the records of a sample. */
export function unwrap(sample: readonly string[], pattern?: string): Unwrapped {
  let lines: readonly Peeled[] = sample.map((line) => ({ line, outer: null }));
  const peels: Peel[] = [];
  while (peels.length < maxLayers) {
    const found = nextPeel(
      lines.slice(0, maxInspected).map(({ line }) => line),
      pattern,
    );
    if (found === null) break;
    peels.push(found);
    lines = lines.flatMap((one) => applyPeel(one, found));
  }
  const inner = mostly(
    lines.slice(0, maxInspected).map(({ line }) => line),
    isObject,
    recordShare,
  )
    ? 'json'
    : 'text';
  return {
    peels,
    inner,
    lines: lines.map(({ line }) => line),
    outer: lines.map(({ outer }) => outer),
    hasTime: lines.some(({ outer }) => outer !== null),
  };
}

function mostly(lines: readonly string[], test: (line: string) => boolean, share = layerShare): boolean {
  const filled = lines.filter((line) => line.trim() !== '');
  return filled.length > 0 && filled.filter(test).length >= filled.length * share;
}

function nextPeel(lines: readonly string[], pattern: string | undefined): Peel | null {
  if (mostly(lines, (line) => parseJson(line) !== undefined)) {
    const values = lines.map(parseJson).filter((value) => value !== undefined);
    return pairsPeel(values) ?? fieldOrItemsPeel(values, pattern);
  }
  const behind = (line: string): boolean =>
    !line.trimStart().startsWith('{') && line.includes('{') && isObject(line.slice(line.indexOf('{')));
  // A known sender's record may stand among other lines of the program.
  if (mostly(lines, (line) => isObject(line) || behind(line), prefixShare) && lines.some(behind))
    return { kind: 'prefix' };
  return null;
}

/** `attributes: [{key, value}]` of OTLP, and rows `[{field, value}]` of CloudWatch Logs Insights. */
function pairsPeel(values: readonly unknown[]): Peel | null {
  for (const [path, at] of [
    ['$', (value: unknown) => value],
    ['$."attributes"', (value: unknown) => memberAt(value, 'attributes')],
    ['$."fields"', (value: unknown) => memberAt(value, 'fields')],
  ] as const)
    for (const key of ['key', 'field', 'name'])
      if (values.every((value) => isPairs(at(value), key))) return { kind: 'pairs', path, key };
  return null;
}

function isPairs(value: unknown, key: string): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((item) => isRecord(item) && typeof item[key] === 'string' && 'value' in item)
  );
}

interface Candidate {
  readonly peel: Peel;
  /** The lines inside, and how well they fit. */
  readonly fit: number;
}

function fieldOrItemsPeel(values: readonly unknown[], pattern: string | undefined): Peel | null {
  const own = fitOfRecords(recordsOf(values));
  const found: Candidate[] = [];
  for (const peel of [...itemPeels(values), ...fieldPeels(values)]) {
    const inside = values.flatMap((value) => applyPeel({ line: textOf(value), outer: null }, peel));
    const fit = deepFit(
      inside.slice(0, maxInspected).map(({ line }) => line),
      pattern,
      2,
    );
    // An array inside a record that is complete without it is part of the record.
    if (fit > own && (fit >= 2 || (own === 0 && fit >= 1))) found.push({ peel, fit });
  }
  return found.sort((a, b) => b.fit - a.fit)[0]?.peel ?? null;
}

/** How well lines fit as records of deliveries, or what is inside them. */
function deepFit(lines: readonly string[], pattern: string | undefined, depth: number): number {
  if (pattern !== undefined && mostly(lines, (line) => new RegExp(pattern).test(line), recordShare)) return 3;
  const own = fitOfLines(lines);
  if (depth === 0 || own >= 2) return own;
  const next = nextPeel(lines, pattern);
  if (next === null) return own;
  const inside = lines.flatMap((line) => applyPeel({ line, outer: null }, next)).map(({ line }) => line);
  return Math.max(own, deepFit(inside.slice(0, maxInspected), pattern, depth - 1));
}

function fitOfLines(lines: readonly string[]): number {
  const objects = lines.filter(isObject);
  return fitOfRecords(
    objects.length >= lines.length * recordShare ? recordsFromJson(objects) : recordsFromText(lines),
  );
}

function recordsOf(values: readonly unknown[]): SampleRecord[] {
  // What is in an array is not the record's own.
  return values.filter(isRecord).map((value) => ({
    values: new Map([...flatten(value)].filter(([name]) => !name.includes('[]'))),
  }));
}

/** Arrays anywhere in the values whose items are objects, or texts or arrays that hold some. */
function itemPeels(values: readonly unknown[]): Peel[] {
  const paths = new Map<string, number>();
  for (const value of values.slice(0, 20)) {
    if (!isRecord(value) || hasOwnId(value)) continue;
    const visit = (at: unknown, path: string, depth: number): void => {
      if (depth > 7) return;
      if (Array.isArray(at)) {
        const inside = at[0] as unknown;
        if (inside === undefined || isPairs(at, 'key') || isPairs(at, 'field') || isPairs(at, 'name')) return;
        if (typeof inside === 'object' || (typeof inside === 'string' && isObject(inside)))
          paths.set(`${path}[*]`, (paths.get(`${path}[*]`) ?? 0) + at.length);
        visit(inside, `${path}[*]`, depth + 1);
      } else if (isRecord(at))
        for (const [key, inner] of Object.entries(at)) visit(inner, `${path}.${jsonKey(key)}`, depth + 1);
    };
    visit(value, '$', 0);
  }
  return [...paths.keys()].map((path) => ({ kind: 'items', path, time: timePath(values, path) }));
}

const pageIds = /^(request|trace|correlation|team|account|project|page|next|last|stream|query|scroll)_?id$/i;

/** An object with an id is a record, and its array is part of it. */
function hasOwnId(value: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(value).some((key) => /id$/i.test(key) && !/void$/i.test(key) && !pageIds.test(key));
}

/** Fields of text that may be the record: any with an object in it, and those that collectors put a line of a log into. */
function fieldPeels(values: readonly unknown[]): Peel[] {
  const paths = new Map<string, { seen: number; fits: number }>();
  for (const value of values) {
    const visit = (at: unknown, path: string, depth: number): void => {
      if (depth > 4 || at === null) return;
      if (typeof at === 'string') {
        const known = paths.get(path) ?? { seen: 0, fits: 0 };
        const fits = isObject(at) || at.includes('{"') || (lineNames.test(path) && at.includes(' '));
        paths.set(path, { seen: known.seen + 1, fits: known.fits + (fits ? 1 : 0) });
      } else if (isRecord(at)) {
        if (depth > 0 && objectNames.test(path)) {
          const known = paths.get(path) ?? { seen: 0, fits: 0 };
          paths.set(path, { seen: known.seen + 1, fits: known.fits + 1 });
        }
        for (const [key, inner] of Object.entries(at)) visit(inner, `${path}.${jsonKey(key)}`, depth + 1);
      } else if (Array.isArray(at) && depth === 0)
        for (const [index, inner] of at.slice(0, 4).entries()) visit(inner, `${path}[${index}]`, depth + 1);
    };
    visit(value, '$', 0);
  }
  return [...paths]
    .filter(([, { seen, fits }]) => fits >= seen * layerShare && seen >= values.length * 0.5)
    .map(([path]) => ({ kind: 'field', path, time: timePath(values, path) }));
}

/** Fields that collectors put a line of a log into. */
const lineNames =
  /(^\$\[1\]|"(log|message|@message|line|_raw|raw|MESSAGE|msg|body|text|textPayload|content|stringValue|original|event)")$/;
/** Objects that collectors put a parsed line into. */
const objectNames = /"(_source|jsonPayload|json_payload|result|parsed|structured|json)"$/;

/** The JSON path of a time beside the path of a layer; null if there is none. */
function timePath(values: readonly unknown[], path: string): string | null {
  const first = values.find((value) => isRecord(value) || Array.isArray(value));
  if (Array.isArray(first)) return path === '$[0]' ? null : '$[0]';
  // The nearest level first; levels inside an array have one time for each item, which a path cannot say.
  const outside = path.slice(0, Math.max(0, path.indexOf('[*]')) || undefined);
  const parents = [...outside.matchAll(/\."[^"]*"/g)].map(({ index }) => outside.slice(0, index));
  for (const parent of parents.toReversed()) {
    const at = valueAt(first, parent);
    if (!isRecord(at)) continue;
    const key = timeNames.flatMap(
      (name) => Object.keys(at).find((one) => one.toLowerCase() === name) ?? [],
    )[0];
    if (key !== undefined && `${parent}.${jsonKey(key)}` !== path) return `${parent}.${jsonKey(key)}`;
  }
  return null;
}

/** Peels one layer off a line. */
function applyPeel({ line, outer }: Peeled, peel: Peel): Peeled[] {
  switch (peel.kind) {
    case 'prefix': {
      const at = line.indexOf('{');
      if (at <= 0) return [{ line, outer }];
      return [
        {
          line: line.slice(at),
          outer: prefixTime.exec(line.slice(0, Math.min(at, maxPrefix)))?.[1] ?? outer,
        },
      ];
    }
    case 'field': {
      const value = parseJson(line);
      const inside = value === undefined ? undefined : valueAt(value, peel.path);
      if (inside === undefined || inside === null) return [{ line, outer }];
      return [{ line: textOf(inside).replace(/\n+$/, ''), outer: timeAt(value, peel.time) ?? outer }];
    }
    case 'items': {
      const value = parseJson(line);
      if (value === undefined) return [{ line, outer }];
      return valuesAt(value, peel.path).map((item) => ({
        line: textOf(item),
        outer: timeAt(value, peel.time) ?? outer,
      }));
    }
    case 'pairs': {
      const value = parseJson(line);
      const pairs = value === undefined ? undefined : valueAt(value, peel.path);
      if (!Array.isArray(pairs)) return [{ line, outer }];
      const made = Object.fromEntries(
        pairs.filter(isRecord).map((pair) => [String(pair[peel.key]), otlpValue(pair['value'])]),
      );
      const rest = peel.path === '$' ? made : { ...(value as object), [peel.path.slice(3, -1)]: made };
      return [{ line: JSON.stringify(rest), outer }];
    }
  }
}

const otlpKinds = ['stringValue', 'intValue', 'doubleValue', 'boolValue'] as const;

function otlpValue(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const kind = otlpKinds.find((name) => name in value);
  return kind === undefined ? JSON.stringify(value) : value[kind];
}

/** A query with the columns `line` and `file`, and `outer` if a layer has a time, from one with `line` and `file`. */
export function peelSql(lines: string, peels: readonly Peel[], wantTime: boolean): string {
  let query = lines;
  for (const [index, peel] of peels.entries()) {
    const outer = (found: string): string =>
      wantTime ? `, ${index === 0 ? found : `coalesce(${found}, outer_time)`} as outer_time` : '';
    const kept = wantTime && index > 0 ? ', outer_time' : '';
    const at = (path: string | null): string =>
      path === null ? 'cast(null as varchar)' : `json_extract_string(j, ${quote(path)})`;
    const parsed = `select line, file${kept}, case when json_valid(line) then cast(line as json) end as j from (${query})`;
    switch (peel.kind) {
      case 'prefix':
        query = `select case when starts_with(line, '{') then line else substr(line, greatest(1, strpos(line, '{'))) end as line, file${outer(
          `nullif(regexp_extract(left(line, least(${maxPrefix}, strpos(line, '{'))), ${quote(`(${writtenTime})`)}, 1), '')`,
        )} from (${query})`;
        break;
      case 'field':
        query = `select coalesce(rtrim(${at(peel.path)}, chr(10)), line) as line, file${outer(at(peel.time))} from (${parsed})`;
        break;
      case 'items':
        query = `select json_extract_string(item, '$') as line, file${wantTime ? ', outer_time' : ''} from (
          select unnest(json_extract(j, ${quote(peel.path)})) as item, file${outer(at(peel.time))} from (${parsed}))`;
        break;
      case 'pairs': {
        const object = `to_json(map_from_entries(list_distinct(list_transform(from_json(json_extract(j, ${quote(peel.path)}), '[{"${peel.key}":"VARCHAR","value":"JSON"}]'),
          lambda p: row(p."${peel.key}", coalesce(${otlpKinds.map((kind) => `json_extract_string(p.value, '$.${kind}')`).join(', ')}, json_extract_string(p.value, '$')))))))`;
        query = `select cast(coalesce(${peel.path === '$' ? object : `json_merge_patch(j, json_object(${quote(peel.path.slice(3, -1))}, ${object}))`}, j) as varchar) as line, file${outer('cast(null as varchar)')} from (${parsed})`;
        break;
      }
    }
  }
  return query;
}

/** Describes the layers to the user. */
export function describePeels(peels: readonly Peel[]): string[] {
  return peels.map((peel) => {
    const path = peel.kind === 'prefix' ? '' : peel.path.replaceAll(/^\$\.?|"/g, '');
    switch (peel.kind) {
      case 'prefix':
        return 'the JSON after a prefix of text';
      case 'field':
        return `the record inside ${path}`;
      case 'items':
        return `the items of ${path.replaceAll('[*]', '')}`;
      case 'pairs':
        return `the names and values of ${path === '' ? 'each row' : path}`;
    }
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function memberAt(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
const jsonKey = (key: string): string => `"${key.replaceAll('"', '\\"')}"`;

const steps = (path: string): (string | number)[] =>
  [...path.matchAll(/\."((?:[^"\\]|\\.)*)"|\[(\d+|\*)\]/g)].map(([, key, index]) =>
    key === undefined ? (index === '*' ? '*' : Number(index)) : key.replaceAll('\\"', '"'),
  );

/** The values at a JSON path with `[*]`. */
function valuesAt(value: unknown, path: string): unknown[] {
  let all: unknown[] = [value];
  for (const [index, step] of steps(path).entries())
    all = all.flatMap((one) => {
      // A key may be called "*"; only an index is a wildcard.
      if (step === '*' && isWildcard(path, index)) return Array.isArray(one) ? (one as unknown[]) : [];
      if (typeof step === 'number') return Array.isArray(one) ? [one[step]] : [];
      return isRecord(one) && step in one ? [one[step]] : [];
    });
  return all.filter((one) => one !== undefined && one !== null);
}

const isWildcard = (path: string, at: number): boolean =>
  [...path.matchAll(/\."(?:[^"\\]|\\.)*"|\[(?:\d+|\*)\]/g)][at]?.[0] === '[*]';

const valueAt = (value: unknown, path: string): unknown => valuesAt(value, path)[0];

function timeAt(value: unknown, path: string | null): string | null {
  const found = path === null ? undefined : valueAt(value, path);
  return typeof found === 'string' || typeof found === 'number' ? `${found}` : null;
}
