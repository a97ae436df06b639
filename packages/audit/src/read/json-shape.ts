import { name, quote } from '../database.ts';
import type { Path } from './spec.ts';

/** How several values are extracted from a JSON record at once. */
export interface JsonShape {
  /** SQL of the record's values as one structure; the text must be valid JSON. */
  readonly structure: string;
  /** SQL of a path's value (VARCHAR), given the structure under its name. */
  readonly get: (path: Path) => string;
  /** SQL of the array's items (a list of JSON), if there is an array. */
  readonly items: string;
}

/** The structure of a record: leaves as text, an array as a list of JSON texts. */
type Structure = 'VARCHAR' | readonly ['JSON'] | Level;
type Level = Map<string, { readonly key: string; readonly inside: Structure }>;

/**
 * Extracts the values at `paths` from the JSON in `column` in one pass, whatever their number. If `array` is given, its items
 * are kept as they are. `alias` is the name of the structure.
 */
export function detectShape(
  column: string,
  alias: string,
  paths: readonly Path[],
  array: Path | undefined,
): JsonShape {
  const top: Level = new Map();
  if (array !== undefined) insert(top, array, ['JSON']);
  const got = new Map(
    paths.map((path) => [
      pathKey(path),
      insert(top, path, 'VARCHAR')
        ? memberSql(alias, path)
        : // Evaluated only for valid JSON.
          `case when ${alias} is not null then json_extract_string(${column}, ${quote(jsonPath(path))}) end`,
    ]),
  );
  return {
    structure: `json_transform(${column}, ${quote(JSON.stringify(plain(top)))})`,
    get: (path) => got.get(pathKey(path))!,
    items: array === undefined ? 'null' : memberSql(alias, array),
  };
}

/**
 * Adds a path to the structure; false if it does not fit: names in a structure must differ by more than case, and none can be
 * both a text and an object.
 */
function insert(level: Level, [key, ...rest]: Path, leaf: 'VARCHAR' | readonly ['JSON']): boolean {
  if (key === undefined || key === '') return false;
  const known = level.get(key.toLowerCase());
  if (known !== undefined && known.key !== key) return false;
  if (rest.length === 0) {
    if (known === undefined) level.set(key.toLowerCase(), { key, inside: leaf });
    return known === undefined || known.inside === leaf;
  }
  if (known !== undefined) return known.inside instanceof Map && insert(known.inside, rest, leaf);
  const inside: Level = new Map();
  if (!insert(inside, rest, leaf)) return false;
  level.set(key.toLowerCase(), { key, inside });
  return true;
}

function plain(level: Level): Record<string, unknown> {
  return Object.fromEntries(
    [...level.values()].map(({ key, inside }) => [key, inside instanceof Map ? plain(inside) : inside]),
  );
}

const pathKey = (path: Path): string => path.join('\u0000');
const memberSql = (alias: string, path: Path): string => [alias, ...path.map(name)].join('.');

/** Converts a path to the syntax of the JSON functions. */
function jsonPath(path: Path): string {
  return `$.${path.map((key) => `"${key.replaceAll('"', '\\"')}"`).join('.')}`;
}
