import { atSteps, pointerSteps } from './json-pointer.ts';

// Which events an endpoint gets, by their data. The same rules exist in SQL (store/postgres/filter-sql.ts), for what is
// published inside a transaction; test/integration/filter-language.test.ts holds the two against each other.

export type FilterScalar = string | number | boolean | null;

/** What the value at a pointer has to be: all of what is given. */
export interface FilterConditions {
  readonly eq?: FilterScalar;
  readonly gt?: number | string;
  readonly gte?: number | string;
  readonly lt?: number | string;
  readonly lte?: number | string;
  readonly in?: readonly FilterScalar[];
  readonly exists?: boolean;
  readonly prefix?: string;
}

/**
 * All members must hold. A member named by a JSON Pointer says what is there: a value (equality) or conditions. `all` and
 * `any` hold filters, `not` holds one.
 */
export interface Filter {
  readonly [name: string]: FilterScalar | FilterConditions | Filter | readonly Filter[];
}

export const isPointer = (name: string): boolean => name === '' || name.startsWith('/');

/** Decides whether data passes. */
export type FilterTest = (data: unknown) => boolean;
/** Decides about the value at a pointer; undefined: there is none. */
type ValueTest = (value: unknown) => boolean;

/** PostgreSQL holds neither NUL nor half a surrogate pair: in data both count as U+FFFD, everywhere. */
function readable(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.includes('\0') ? whole.replaceAll('\0', '\ufffd') : whole;
}

/** The rank of a UTF-16 unit in the order of code points: surrogates stand for what is above U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Orders two texts by their code points. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [mine, theirs] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (mine !== theirs) return rank(mine) - rank(theirs);
  }
  return a.length - b.length;
}

function equals(wanted: FilterScalar): ValueTest {
  if (typeof wanted !== 'string') return (value) => value === wanted;
  // Neither form changes the number of units.
  return (value) => typeof value === 'string' && value.length === wanted.length && readable(value) === wanted;
}

function equalsOne(wanted: readonly FilterScalar[]): ValueTest {
  const values = new Set<unknown>(wanted);
  const longest = Math.max(0, ...wanted.map((value) => (typeof value === 'string' ? value.length : 0)));
  return (value) =>
    typeof value === 'string' ? value.length <= longest && values.has(readable(value)) : values.has(value);
}

const orders = {
  gt: (order: number) => order > 0,
  gte: (order: number) => order >= 0,
  lt: (order: number) => order < 0,
  lte: (order: number) => order <= 0,
} as const;

function compared(wanted: number | string, holds: (order: number) => boolean): ValueTest {
  if (typeof wanted === 'number')
    return (value) => typeof value === 'number' && holds(value < wanted ? -1 : Number(value > wanted));
  // A long text is read as far as decides and one unit further, so that no pair is cut in what counts.
  return (value) =>
    typeof value === 'string' &&
    holds(compareCodePoints(readable(value.slice(0, wanted.length + 2)), wanted));
}

function startsWith(wanted: string): ValueTest {
  return (value) =>
    typeof value === 'string' && readable(value.slice(0, wanted.length + 1)).startsWith(wanted);
}

function valueTests(conditions: FilterConditions): readonly ValueTest[] {
  const { eq, in: values, exists, prefix } = conditions;
  const tests: ValueTest[] = [];
  if (exists !== undefined) tests.push((value) => (value !== undefined) === exists);
  if (eq !== undefined) tests.push(equals(eq));
  if (values !== undefined) tests.push(equalsOne(values));
  if (prefix !== undefined) tests.push(startsWith(prefix));
  for (const name of ['gt', 'gte', 'lt', 'lte'] as const) {
    const wanted = conditions[name];
    if (wanted !== undefined) tests.push(compared(wanted, orders[name]));
  }
  return tests;
}

function compileMember(name: string, wanted: Filter[string]): FilterTest {
  if (isPointer(name)) {
    const steps = pointerSteps(name);
    const tests =
      typeof wanted === 'object' && wanted !== null
        ? valueTests(wanted as FilterConditions)
        : [equals(wanted)];
    return (data) => {
      const value = atSteps(data, steps);
      for (const test of tests) if (!test(value)) return false;
      return true;
    };
  }
  if (name === 'not') {
    const inner = compile(wanted as Filter);
    return (data) => !inner(data);
  }
  const parts = (wanted as readonly Filter[]).map(compile);
  return name === 'any'
    ? (data) => parts.some((part) => part(data))
    : (data) => parts.every((part) => part(data));
}

function compile(filter: Filter): FilterTest {
  const tests = Object.entries(filter).map(([name, wanted]) => compileMember(name, wanted));
  return (data) => {
    for (const test of tests) if (!test(data)) return false;
    return true;
  };
}

const compiled = new WeakMap<Filter, FilterTest>();

/** Compiles a valid filter, once for as long as it is held: an endpoint keeps its filter until it is changed. */
export function compiledFilter(filter: Filter): FilterTest {
  let test = compiled.get(filter);
  if (test === undefined) compiled.set(filter, (test = compile(filter)));
  return test;
}

export const passesFilter = (filter: Filter, data: unknown): boolean => compiledFilter(filter)(data);
