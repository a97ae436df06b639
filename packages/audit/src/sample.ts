import { splitCells, type SniffedFile } from './files.ts';
import { keyName, type SampleRecord } from './spec.ts';

/** Names nested deeper than this are not used as fields. */
const deepest = 6;

/** Returns the dotted names of a JSON value's leaves with their texts; arrays of objects by their first item, as `name[]`. */
export function flatten(value: unknown): Map<string, string> {
  const values = new Map<string, string>();
  const visit = (at: unknown, name: string, depth: number): void => {
    if (at === null || at === undefined || depth > deepest) return;
    if (Array.isArray(at)) {
      if (typeof at[0] === 'object' && at[0] !== null) visit(at[0], `${name}[]`, depth + 1);
      else if (name !== '') values.set(name, at.map(String).join(','));
    } else if (typeof at === 'object')
      for (const [key, inner] of Object.entries(at))
        visit(inner, name === '' ? keyName(key) : `${name}.${keyName(key)}`, depth + 1);
    else if (typeof at === 'string') values.set(name, at);
    else if (typeof at === 'number' || typeof at === 'boolean') values.set(name, `${at}`);
  };
  visit(value, '', 0);
  return values;
}

/** Parses records from lines of JSON; other lines are left out. */
export function recordsFromJson(lines: readonly string[]): SampleRecord[] {
  return lines.flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line.replace(/^\uFEFF/, ''));
      return typeof value === 'object' && value !== null && !Array.isArray(value)
        ? [{ values: flatten(value) }]
        : [];
    } catch {
      return [];
    }
  });
}

/** Returns the names of a CSV's columns. */
export const headerOfCsv = (file: SniffedFile): string[] => splitCells(file.lines[0] ?? '', file.delimiter);

/** Parses records from the lines of a CSV; the first line is the header. */
export function recordsFromCsv(file: SniffedFile): SampleRecord[] {
  const header = headerOfCsv(file);
  return file.lines.slice(1).map((line) => {
    const cells = splitCells(line, file.delimiter);
    return {
      values: new Map(
        header.flatMap((name, index) => (isNothing(cells[index]) ? [] : [[name, cells[index]!] as const])),
      ),
    };
  });
}

/** Cells that mean "no value" in exports. */
export const nothings: readonly string[] = ['', '-', 'null', 'none', 'nil', 'n/a', 'nan', '\\n', 'undefined'];

function isNothing(cell: string | undefined): boolean {
  return cell === undefined || nothings.includes(cell.toLowerCase());
}
