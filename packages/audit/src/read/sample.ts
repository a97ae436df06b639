import { parseJson } from './json-text.ts';
import { splitCells, type SniffedFile } from './files.ts';
import { keyName, type SampleRecord } from './spec.ts';

/** Names nested deeper than this are not used as fields. */
const deepest = 6;

/**
 * Returns the dotted names of a JSON value's leaves with their texts; arrays of objects by their first item, as `name[]`. If
 * `embedded` is given, texts that are JSON objects are read as such, and their names are added to it.
 */
export function flatten(value: unknown, embedded?: Set<string>): Map<string, string> {
  const values = new Map<string, string>();
  const visit = (at: unknown, name: string, depth: number): void => {
    if (at === null || at === undefined || depth > deepest) return;
    if (Array.isArray(at)) {
      if (typeof at[0] === 'object' && at[0] !== null) visit(at[0], `${name}[]`, depth + 1);
      else if (name !== '') values.set(name, at.map(String).join(','));
    } else if (typeof at === 'object')
      for (const [key, inner] of Object.entries(at))
        visit(inner, name === '' ? keyName(key) : `${name}.${keyName(key)}`, depth + 1);
    else if (typeof at === 'string') {
      const inside = embedded === undefined || name.includes('[]') ? undefined : embeddedIn(at);
      if (inside === undefined || [...embedded!].some((outer) => name.startsWith(`${outer}.`)))
        values.set(name, at);
      else {
        embedded!.add(name);
        visit(inside, name, depth + 1);
      }
    } else if (typeof at === 'number' || typeof at === 'boolean') values.set(name, `${at}`);
  };
  visit(value, '', 0);
  return values;
}

/** An object in a text; undefined if there is none. */
function embeddedIn(text: string): object | undefined {
  if (!/^\s*\{\s*"/.test(text)) return undefined;
  const value = parseJson(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

/** Reads a flat or nested value as a record of the sample. */
export function recordFrom(value: object): SampleRecord {
  const embedded = new Set<string>();
  const values = flatten(value, embedded);
  return embedded.size === 0 ? { values } : { values, embedded };
}

/** Parses records from lines of JSON; other lines are left out. */
export function recordsFromJson(lines: readonly string[]): SampleRecord[] {
  return lines.flatMap((line) => {
    const value = parseJson(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? [recordFrom(value)] : [];
  });
}

/** Returns the names of a CSV's columns. */
export const headerOfCsv = (file: SniffedFile): string[] => splitCells(file.lines[0] ?? '', file.delimiter);

/** Parses records from the lines of a CSV; the first line is the header. */
export function recordsFromCsv(file: SniffedFile): SampleRecord[] {
  const header = headerOfCsv(file);
  return file.lines.slice(1).map((line) => {
    const cells = splitCells(line, file.delimiter);
    const filled = header.flatMap((name, index) =>
      isNothing(cells[index]) ? [] : [[name, cells[index]!] as const],
    );
    const embedded = new Set<string>();
    const inside = filled.flatMap(([name, cell]) => {
      const object = embeddedIn(cell);
      if (object === undefined) return [[name, cell] as const];
      embedded.add(name);
      return [...flatten(object)].map(([key, text]) => [`${name}.${key}`, text] as const);
    });
    return embedded.size === 0 ? { values: new Map(filled) } : { values: new Map(inside), embedded };
  });
}

/** Cells that mean "no value" in exports. */
export const nothings: readonly string[] = ['', '-', 'null', 'none', 'nil', 'n/a', 'nan', '\\n', 'undefined'];

function isNothing(cell: string | undefined): boolean {
  return cell === undefined || nothings.includes(cell.toLowerCase());
}
