import { alternatives, checkNames, type JsonSchema, refName, type Side } from './json-schema.ts';

/** Writes the description of a schema that the client reads when it runs: see `shape.ts` there. */
export interface ShapeWriter {
  /** The constant of a component on this side. */
  readonly constantOf: (component: string, side: Side) => string;
}

const scalars: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'number',
  number: 'number',
  boolean: 'flag',
  null: 'nothing',
};
const typeNames: Readonly<Record<string, string>> = {
  string: 'string',
  number: 'number',
  boolean: 'boolean',
};

export function shapeOf(writer: ShapeWriter, schema: JsonSchema, side: Side): string {
  if (schema.$ref !== undefined) return writer.constantOf(refName(schema.$ref), side);
  const several = alternatives(schema);
  if (several.length > 1) return eitherOf(writer, several, side);
  const one = several[0]!;
  const { items, prefixItems, properties, additionalProperties: rest } = one;
  const type =
    one.type ?? typeNames[typeof (one.const ?? one.enum?.[0])] ?? (one.const === null ? 'null' : undefined);
  if (typeof type !== 'string') return 'anything';
  if (type === 'array') {
    const inner = prefixItems?.[0] ?? (items === false ? undefined : items) ?? {};
    return `list(${shapeOf(writer, inner, side)})`;
  }
  if (type !== 'object') return scalars[type] ?? 'anything';
  if (properties !== undefined) return objectOf(writer, one, side);
  return `record(${rest === undefined || typeof rest === 'boolean' ? 'anything' : shapeOf(writer, rest, side)})`;
}

function eitherOf(writer: ShapeWriter, several: readonly JsonSchema[], side: Side): string {
  const shapes = [...new Set(several.map((one) => shapeOf(writer, one, side)))];
  if (shapes.includes('anything')) return 'anything';
  const others = shapes.filter((shape) => shape !== 'nothing');
  const isAmount = others.length === 2 && others.includes('number') && others.includes('text');
  const shape = isAmount ? 'amount' : others.length === 1 ? others[0]! : `either(${others.join(', ')})`;
  return others.length === shapes.length ? shape : `nullable(${shape})`;
}

function objectOf(writer: ShapeWriter, schema: JsonSchema, side: Side): string {
  const { properties = {}, required = [] } = schema;
  checkNames(Object.keys(properties), 'an object');
  const members = Object.entries(properties).map(([name, its]) => {
    const shape = shapeOf(writer, its, side);
    // The server decides what a request must contain.
    return `${JSON.stringify(name)}: ${side === 'output' && !required.includes(name) ? `optional(${shape})` : shape}`;
  });
  return `object({ ${members.join(', ')} })`;
}
