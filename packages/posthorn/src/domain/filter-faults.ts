import { type FilterConditions, isPointer } from './filter.ts';
import { pointerSteps } from './json-pointer.ts';

/** Bounds of what one filter costs for each event (G8); every operator of them takes constant time. */
export const filterLimits = {
  /** Values that are compared: each condition, and each value of `in`. */
  values: 200,
  /** Levels of `all`, `any` and `not` within each other. */
  depth: 8,
  /** Names in all its pointers together: walking 1,000 takes 40 µs. */
  steps: 1000,
  /** Characters of each pointer and each text. */
  textLength: 256,
  /** Characters of the whole filter as JSON. */
  length: 32_768,
} as const;

/** What is wrong in a filter, and where: steps into it. */
export interface FilterFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

const maxFaults = 20;
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function textFault(text: string): string | null {
  if (text.length > filterLimits.textLength) return `must have at most ${filterLimits.textLength} characters`;
  return text.isWellFormed() && !text.includes('\0') ? null : 'must not contain NUL or unpaired surrogates';
}

function pointerFault(pointer: string): string | null {
  const fault = textFault(pointer);
  if (fault !== null) return fault;
  if (/~(?![01])/.test(pointer)) return 'is not a JSON Pointer: ~ is written ~0 and / within a name ~1';
  // In data it also stands for what no database holds.
  return pointer.includes('\ufffd') ? 'must not contain U+FFFD' : null;
}

function scalarFault(value: unknown): string | null {
  if (typeof value === 'string') return textFault(value);
  if (typeof value === 'number') return Number.isFinite(value) ? null : 'must be a finite number';
  return value === null || typeof value === 'boolean' ? null : 'must be a string, number, boolean or null';
}

function orderFault(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number'
    ? scalarFault(value)
    : 'must be a number or a string';
}

/** What is wrong with the value of an operator. */
const valueFaults: Readonly<
  Record<Exclude<keyof FilterConditions, 'in'>, (value: unknown) => string | null>
> = {
  eq: scalarFault,
  gt: orderFault,
  gte: orderFault,
  lt: orderFault,
  lte: orderFault,
  exists: (value) => (typeof value === 'boolean' ? null : 'must be true or false'),
  prefix: (value) => (typeof value === 'string' ? textFault(value) : 'must be a string'),
};
const isOperator = (name: string): name is keyof FilterConditions =>
  name === 'in' || Object.hasOwn(valueFaults, name);
const operatorList = 'eq, gt, gte, lt, lte, in, exists, prefix';

/** Collects what is wrong, and counts what is bounded. */
class Inspection {
  readonly faults: FilterFault[] = [];
  #values = 0;
  #steps = 0;

  #refuse(path: FilterFault['path'], message: string | null): void {
    if (message !== null && this.faults.length < maxFaults) this.faults.push({ path, message });
  }

  #count(path: FilterFault['path']): void {
    if (++this.#values === filterLimits.values + 1)
      this.#refuse(path, `a filter compares at most ${filterLimits.values} values`);
  }

  filter(filter: unknown, path: FilterFault['path'], depth: number): void {
    if (!isObject(filter)) return this.#refuse(path, 'must be an object');
    if (depth > filterLimits.depth)
      return this.#refuse(path, `a filter nests at most ${filterLimits.depth} levels of all, any and not`);
    for (const [name, wanted] of Object.entries(filter)) {
      if (this.#values > filterLimits.values) return;
      const at = [...path, name];
      if (isPointer(name)) this.#pointer(name, wanted, at);
      else if (name === 'not') this.filter(wanted, at, depth + 1);
      else if (name === 'all' || name === 'any') this.#filters(wanted, at, depth + 1);
      else this.#refuse(at, 'must be a JSON Pointer (which begins with /), all, any or not');
    }
  }

  #filters(filters: unknown, path: FilterFault['path'], depth: number): void {
    if (!Array.isArray(filters) || filters.length === 0)
      return this.#refuse(path, 'must be a list of at least one filter');
    for (const [at, filter] of filters.entries()) {
      // Empty ones compare nothing, and cost something.
      this.#count([...path, at]);
      this.filter(filter, [...path, at], depth);
      if (this.#values > filterLimits.values) return;
    }
  }

  #pointer(pointer: string, wanted: unknown, path: FilterFault['path']): void {
    this.#refuse(path, pointerFault(pointer));
    const before = this.#steps;
    this.#steps += pointerSteps(pointer).length;
    if (this.#steps > filterLimits.steps && before <= filterLimits.steps)
      this.#refuse(path, `the pointers of a filter have at most ${filterLimits.steps} steps in all`);
    if (!isObject(wanted)) {
      this.#count(path);
      return this.#refuse(
        path,
        Array.isArray(wanted)
          ? 'must be a string, number, boolean, null or conditions such as {"gte": 1}'
          : scalarFault(wanted),
      );
    }
    const conditions = Object.entries(wanted);
    if (conditions.length === 0) this.#refuse(path, `must have one of ${operatorList}`);
    for (const [name, value] of conditions) this.#condition(name, value, [...path, name]);
  }

  #condition(name: string, value: unknown, path: FilterFault['path']): void {
    this.#count(path);
    if (!isOperator(name)) return this.#refuse(path, `is not an operator: use ${operatorList}`);
    if (name === 'in') this.#list(value, path);
    else this.#refuse(path, valueFaults[name](value));
  }

  #list(values: unknown, path: FilterFault['path']): void {
    if (!Array.isArray(values) || values.length === 0)
      return this.#refuse(path, 'must be a list of at least one value');
    for (const [at, value] of values.entries()) {
      if (at > 0) this.#count([...path, at]);
      this.#refuse([...path, at], scalarFault(value));
      if (this.#values > filterLimits.values) return;
    }
  }
}

/** What is wrong with a filter; nothing: it is one, and its cost is bounded. */
export function filterFaults(filter: unknown): readonly FilterFault[] {
  const inspection = new Inspection();
  inspection.filter(filter, [], 0);
  const { faults } = inspection;
  if (faults.length === 0 && JSON.stringify(filter).length > filterLimits.length)
    return [{ path: [], message: `must have at most ${filterLimits.length} characters as JSON` }];
  return faults;
}
