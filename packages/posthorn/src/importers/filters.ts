// Filters of other senders in Posthorn's language. One that cannot be translated as a whole is a fault: an endpoint with half a filter
// would receive events that it must not receive.

/** What is reported of a filter that was translated. */
export const translatedRemark =
  'its filter is translated: a field that is missing fails it; try it with posthorn filters dry-run';

export type FilterAnswer = { readonly filter: object | null } | { readonly fault: string };

class Untranslatable extends Error {}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isScalar = (value: unknown): boolean =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value);
const pointer = (path: readonly string[]): string =>
  path.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

const comparisons: Readonly<Record<string, string>> = {
  $eq: 'eq',
  $gt: 'gt',
  $gte: 'gte',
  $lt: 'lt',
  $lte: 'lte',
  $in: 'in',
  $exist: 'exists',
};

/** One condition on the value at a path. */
function condition(path: readonly string[], operator: string, value: unknown): object {
  const at = pointer(path);
  if ((operator === '$neq' || operator === '$nin') && path.length > 0)
    return { not: condition(path, operator === '$neq' ? '$eq' : '$in', value) };
  const name = comparisons[operator];
  const fits =
    operator === '$in'
      ? Array.isArray(value) && value.length > 0 && value.every(isScalar)
      : operator === '$exist'
        ? typeof value === 'boolean'
        : operator === '$eq'
          ? isScalar(value)
          : typeof value === 'number';
  if (name === undefined || !fits) throw new Untranslatable(`${at} ${operator}`);
  return { [at]: { [name]: value } };
}

const all = (tests: readonly object[]): object => (tests.length === 1 ? tests[0]! : { all: tests });

interface Test {
  readonly path: readonly string[];
  readonly tests: readonly object[];
  /** It is about whether the field is there. */
  readonly isPresence: boolean;
}

/** The tests of nested or dotted fields, and of `$and` and `$or` at the top. */
function testsOf(fields: Fields, path: readonly string[]): Test[] {
  return Object.entries(fields).flatMap(([name, value]): Test[] => {
    if (name === '$and' || name === '$or') {
      if (!Array.isArray(value) || value.length === 0 || !value.every(isFields) || path.length > 0)
        throw new Untranslatable(name);
      const parts = value.map((part: Fields) => whole(part));
      return [{ path: [], tests: [name === '$and' ? all(parts) : { any: parts }], isPresence: true }];
    }
    if (name.startsWith('$') || name.includes('$')) throw new Untranslatable(name);
    const at = [...path, ...name.split('.')];
    if (isScalar(value)) return [{ path: at, tests: [condition(at, '$eq', value)], isPresence: false }];
    if (!isFields(value)) throw new Untranslatable(pointer(at));
    const operators = Object.keys(value).filter((key) => key.startsWith('$'));
    if (operators.length === 0) return testsOf(value, at);
    if (operators.length < Object.keys(value).length) throw new Untranslatable(pointer(at));
    const isPresence = operators.includes('$exist');
    return [{ path: at, tests: operators.map((one) => condition(at, one, value[one])), isPresence }];
  });
}

/** All fields must hold, as in most languages of filters. */
function whole(fields: Fields): object {
  const tests = testsOf(fields, []);
  if (tests.length === 0) throw new Untranslatable('{}');
  return all(tests.flatMap(({ tests: of }) => of));
}

/**
 * Translates a filter of nested or dotted fields with operators such as `$gte`. A field that the data does not have fails the filter.
 */
export function translateFilter(given: unknown): FilterAnswer {
  if (given === null || given === undefined || (isFields(given) && Object.keys(given).length === 0))
    return { filter: null };
  try {
    if (!isFields(given)) throw new Untranslatable('its form');
    return { filter: whole(given) };
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error;
    return { fault: `its filter uses ${error.message}, which Posthorn's filters do not have` };
  }
}
