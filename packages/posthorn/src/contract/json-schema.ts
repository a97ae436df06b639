import { z } from 'zod';

export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** Which side of a schema: what a caller may send, or what a response contains. */
type Side = 'input' | 'output';

export interface JsonSchemas {
  /** In the order in which they were given. */
  readonly input: readonly JsonSchema[];
  readonly output: readonly JsonSchema[];
  /** Every schema that has a `meta({ id })`, by that id. */
  readonly components: Readonly<Record<string, JsonSchema>>;
}

const prefix = '#/$defs/';

/** For a schema that is written by hand, and refers to one that has this id. */
export const componentRef = (id: string): string => `${prefix}${id}`;

/**
 * JSON Schema 2020-12 of request and response schemas. A component whose request fields differ from its response fields
 * (because of defaults, or because responses may get more fields) has two forms: `Name` in responses, `NameInput` in
 * requests.
 */
export function jsonSchemasFrom(
  schemas: { readonly input: readonly z.ZodType[]; readonly output: readonly z.ZodType[] },
  uri: (id: string) => string,
): JsonSchemas {
  const input = convert(schemas.input, 'input');
  const output = convert(schemas.output, 'output');
  const differing = differingIds(input.defs, output.defs);
  const inputName = (id: string): string => (differing.has(id) ? `${id}Input` : id);
  const sent = (schema: JsonSchema): JsonSchema =>
    renamed(describedDefaults(forGenerators(schema)), (id) => uri(inputName(id)));
  const answered = (schema: JsonSchema): JsonSchema => renamed(forGenerators(schema), uri);
  const components = [
    ...Object.entries(output.defs).map(([id, schema]) => [id, answered(schema)] as const),
    ...Object.entries(input.defs).map(([id, schema]) => [inputName(id), sent(schema)] as const),
  ];
  return {
    input: input.schemas.map(sent),
    output: output.schemas.map(answered),
    components: Object.fromEntries(components.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}

interface Converted {
  readonly schemas: readonly JsonSchema[];
  readonly defs: Readonly<Record<string, JsonSchema>>;
}

/** All at once, so that each component is converted once. */
function convert(schemas: readonly z.ZodType[], io: Side): Converted {
  const all = z.object(Object.fromEntries(schemas.map((schema, at) => [`s${at}`, schema])));
  const { properties = {}, $defs = {} } = z.toJSONSchema(all, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => tidy(jsonSchema, io),
  });
  return {
    schemas: schemas.map((_, at) => properties[`s${at}`] as JsonSchema),
    defs: $defs as Record<string, JsonSchema>,
  };
}

function tidy(schema: z.core.JSONSchema.BaseSchema, io: Side): void {
  // Later versions add fields to responses: a client must not refuse them.
  if (io === 'output' && schema.additionalProperties === false) delete schema.additionalProperties;
  // Responses contain every field.
  if (io === 'output') delete schema.default;
  // The format is more precise.
  if (schema.format !== undefined) delete schema.pattern;
  // Bounds that every JavaScript number has are noise.
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  // A tuple that the code does not change. In OpenAPI it would mean: only in responses.
  if (schema.readOnly === true) delete schema.readOnly;
}

/** Says the same in a form that generators of Go and Python read: they know neither `items: false` nor several types in a list. */
function forGenerators(schema: JsonSchema): JsonSchema {
  return mapObjects(schema, (object) => {
    const { prefixItems, type, ...others } = object;
    if (object['items'] === false && Array.isArray(prefixItems)) {
      const isSame = prefixItems.every((one) => JSON.stringify(one) === JSON.stringify(prefixItems[0]));
      return { ...object, items: isSame ? prefixItems[0] : { anyOf: prefixItems } };
    }
    if (Array.isArray(type) && type.filter((one) => one !== 'null').length > 1)
      return { ...others, anyOf: type.map((one: unknown) => ({ type: one })) };
    return object;
  });
}

/** States a body field's default in the description. As a keyword, openapi-typescript would treat the field as required. */
function describedDefaults(schema: JsonSchema): JsonSchema {
  const described = (field: unknown): unknown => {
    const { default: value, ...rest } = field as JsonSchema;
    if (value === undefined) return field;
    const text = `Default: \`${typeof value === 'string' && value !== '' ? value : JSON.stringify(value)}\`.`;
    return { ...rest, description: [rest['description'], text].filter(Boolean).join(' ') };
  };
  return mapObjects(schema, (object) => {
    const { properties } = object;
    if (typeof properties !== 'object' || properties === null) return object;
    const fields = Object.entries(properties).map(([name, field]) => [name, described(field)]);
    return { ...object, properties: Object.fromEntries(fields) };
  });
}

/** Components that differ between the two sides, or refer to one that does. */
function differingIds(input: Converted['defs'], output: Converted['defs']): ReadonlySet<string> {
  const both = Object.keys(input).filter((id) => id in output);
  const differing = new Set(both.filter((id) => JSON.stringify(input[id]) !== JSON.stringify(output[id])));
  let before = -1;
  while (before !== differing.size) {
    before = differing.size;
    for (const id of both) if (refsIn(input[id]).some((ref) => differing.has(ref))) differing.add(id);
  }
  return differing;
}

function refsIn(schema: unknown): string[] {
  return [...JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g)].map(([, id]) => id!);
}

function renamed(schema: JsonSchema, uri: (id: string) => string): JsonSchema {
  return mapObjects(schema, (object) => {
    const { $ref } = object;
    return typeof $ref === 'string' && $ref.startsWith(prefix)
      ? { ...object, $ref: uri($ref.slice(prefix.length)) }
      : object;
  });
}

/** Every object within, outer ones first. */
function mapObjects(schema: JsonSchema, change: (object: JsonSchema) => JsonSchema): JsonSchema {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(change(value as JsonSchema));
    return Object.fromEntries(entries.map(([key, inner]) => [key, walk(inner)]));
  };
  return Object.fromEntries(Object.entries(change(schema)).map(([key, inner]) => [key, walk(inner)]));
}
