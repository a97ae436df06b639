// What a JSON value must be, in wire names. One description serves three things: it renames members between snake_case
// (the wire) and camelCase (TypeScript), it checks answers, and it renames the paths of faults. Whatever belongs to the
// user (`data`, metadata, names of headers, JSON Schemas, keys of records) is `anything` or a key: never renamed.

type Scalar = 'string' | 'number' | 'boolean' | 'null';

export interface Shape {
  /** What a value may be besides a list or an object; null: anything, which is neither checked nor renamed. */
  readonly scalars: readonly Scalar[] | null;
  readonly items?: Shape;
  readonly members?: Members;
  /** An object whose keys belong to the user. */
  readonly values?: Shape;
  readonly isOptional?: true;
  /** A whole number; a text above 2^53. */
  readonly isAmount?: true;
}

interface Member {
  readonly wire: string;
  readonly camel: string;
  readonly shape: Shape;
}

interface Members {
  readonly byWire: ReadonlyMap<string, Member>;
  readonly byCamel: ReadonlyMap<string, Member>;
}

export const anything: Shape = { scalars: null };
export const text: Shape = { scalars: ['string'] };
export const number: Shape = { scalars: ['number'] };
export const flag: Shape = { scalars: ['boolean'] };
/** An amount in minor units: a string above 2^53. */
export const amount: Shape = { scalars: ['number', 'string'], isAmount: true };
export const nothing: Shape = { scalars: ['null'] };

export const optional = (shape: Shape): Shape => ({ ...shape, isOptional: true });
export const list = (items: Shape): Shape => ({ scalars: [], items });
export const record = (values: Shape): Shape => ({ scalars: [], values });

export function object(fields: Readonly<Record<string, Shape>>): Shape {
  return { scalars: [], members: membersFrom(Object.entries(fields)) };
}

function membersFrom(fields: readonly (readonly [wire: string, shape: Shape])[]): Members {
  const members = fields.map(([wire, shape]) => ({ wire, camel: camelCase(wire), shape }));
  return {
    byWire: new Map(members.map((member) => [member.wire, member])),
    byCamel: new Map(members.map((member) => [member.camel, member])),
  };
}

/** One of these. For several objects it has the members of all, and requires those that all of them require. */
export function either(...shapes: readonly Shape[]): Shape {
  const defined = <T>(part: (shape: Shape) => T | undefined): readonly T[] =>
    shapes.map(part).filter((its) => its !== undefined);
  const items = defined((shape) => shape.items);
  const objects = defined((shape) => shape.members);
  const values = defined((shape) => shape.values);
  if (objects.length > 0 && values.length > 0) throw new Error('Keys would be both ours and the user’s');
  return {
    scalars: shapes.some(({ scalars }) => scalars === null)
      ? null
      : shapes.flatMap(({ scalars }) => scalars ?? []),
    ...(shapes.some((shape) => shape.isAmount === true) ? { isAmount: true } : {}),
    ...(items.length === 0 ? {} : { items: either(...items) }),
    ...(objects.length === 0 ? {} : { members: eitherMembers(objects) }),
    ...(values.length === 0 ? {} : { values: either(...values) }),
  };
}

function eitherMembers(objects: readonly Members[]): Members {
  const names = new Set(objects.flatMap(({ byWire }) => [...byWire.keys()]));
  return membersFrom(
    [...names].map((name) => {
      const shapes = objects.flatMap(({ byWire }) => byWire.get(name)?.shape ?? []);
      const isOptional = shapes.length < objects.length || shapes.some((shape) => shape.isOptional === true);
      return [name, isOptional ? optional(either(...shapes)) : either(...shapes)] as const;
    }),
  );
}
export const nullable = (shape: Shape): Shape => either(shape, nothing);

/** The name of a member in TypeScript: `rate_per_s` is `ratePerS`. */
export function camelCase(wire: string): string {
  return wire.replaceAll(/_([a-z0-9])/g, (_, first: string) => first.toUpperCase());
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One direction of renaming: the member that a key names, its new name, and the conversion of scalars. */
interface Direction {
  readonly member: (members: Members, key: string) => Member | undefined;
  readonly key: 'wire' | 'camel';
  readonly scalar: (value: unknown) => unknown;
}

/** Adds an own member, whatever its name is. */
function put(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

// Publishing in an application passes here with every event: plain loops, and nothing is allocated that is not part of
// the result.
function renamed(shape: Shape, value: unknown, to: Direction): unknown {
  if (shape.scalars === null) return value;
  if (Array.isArray(value)) {
    const { items } = shape;
    return items === undefined || items.scalars === null
      ? value
      : value.map((item: unknown) => renamed(items, item, to));
  }
  if (!isObject(value) || value instanceof Date) return to.scalar(value);
  const { members, values } = shape;
  if (members === undefined && (values === undefined || values.scalars === null)) return value;
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const member = members === undefined ? undefined : to.member(members, key);
    const its = member?.shape ?? values;
    // What this version does not know is left as it is, including its key: the server names it as the caller wrote it.
    put(result, member?.[to.key] ?? key, its === undefined ? value[key] : renamed(its, value[key], to));
  }
  return result;
}

/** Values that TypeScript has types for and JSON does not. */
function jsonScalar(value: unknown): unknown {
  if (typeof value === 'bigint')
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
      ? Number(value)
      : String(value);
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  return value;
}

const toWireNames: Direction = {
  member: ({ byCamel }, key) => byCamel.get(key),
  key: 'wire',
  scalar: jsonScalar,
};
const toCamelNames: Direction = {
  member: ({ byWire }, key) => byWire.get(key),
  key: 'camel',
  scalar: (value) => value,
};

/** Converts a request to wire form: snake_case, dates as ISO 8601, amounts above 2^53 as strings. */
export function toWire(shape: Shape, value: unknown): unknown {
  return renamed(shape, value, toWireNames);
}

/** Converts an answer to TypeScript's form. */
export function fromWire(shape: Shape, value: unknown): unknown {
  return renamed(shape, value, toCamelNames);
}

const isAmount = (value: unknown): boolean =>
  Number.isSafeInteger(value) || (typeof value === 'string' && /^-?\d{1,30}$/.test(value));

/** Whether a wire value has everything that its shape requires. Members that the shape does not know pass. */
export function matchesShape(shape: Shape, value: unknown): boolean {
  const { scalars, items, members, values } = shape;
  if (scalars === null) return true;
  if (value === null) return scalars.includes('null');
  if (Array.isArray(value)) return items !== undefined && value.every((item) => matchesShape(items, item));
  if (isObject(value)) {
    if (members !== undefined)
      return [...members.byWire.values()].every(({ wire, shape: its }) =>
        Object.hasOwn(value, wire)
          ? matchesShape(its, value[wire])
          : its.isOptional === true || its.scalars === null,
      );
    return values !== undefined && Object.values(value).every((member) => matchesShape(values, member));
  }
  return scalars.some((scalar) => scalar === typeof value) && (shape.isAmount !== true || isAmount(value));
}

/** The JSON Pointer of a fault, in the names that the caller wrote: `/event_types/0` is `/eventTypes/0`. */
export function camelPointer(shape: Shape, pointer: string): string {
  let at: Shape | undefined = shape;
  return pointer
    .split('/')
    .map((step, index) => {
      if (index === 0) return step;
      const member: Member | undefined = at?.members?.byWire.get(step);
      at = member?.shape ?? at?.items ?? at?.values;
      return member?.camel ?? step;
    })
    .join('/');
}
