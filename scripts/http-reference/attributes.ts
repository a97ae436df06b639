import { isDeepStrictEqual } from 'node:util';

/** JSON Schema in the OpenAPI document, as far as the contract's schemas use it. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema | boolean;
  readonly prefixItems?: readonly Schema[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** One row of a table of attributes. */
export interface Attribute {
  /** `items[].id`. */
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly description: string;
}

const prefix = '#/components/schemas/';

export const componentName = (ref: string): string => ref.slice(prefix.length);

/** Returns the link to the component on the same page. */
const linkTo = (name: string): string => `[${name}](#${name.toLowerCase()})`;

const isInline = (schema: Schema): boolean => schema.properties !== undefined;

const formats: Readonly<Record<string, string>> = {
  'date-time': 'time (RFC 3339)',
  uri: 'URL',
  email: 'email address',
};

/** The schema's type in a few words. */
export function typeOf(schema: Schema): string {
  const { $ref, anyOf, oneOf, allOf, prefixItems, items, additionalProperties: others } = schema;
  if ($ref !== undefined) return linkTo(componentName($ref));
  const choices = anyOf ?? oneOf;
  const [one, list] = choices ?? [];
  if (choices?.length === 2 && isDeepStrictEqual(list?.items, one)) return `${typeOf(one!)} (one or several)`;
  if (choices !== undefined) return [...new Set(choices.map(typeOf))].join(' or ');
  if (allOf !== undefined) return typeOf(allOf[0]!);
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (prefixItems !== undefined) return `[${prefixItems.map(typeOf).join(', ')}]`;
  if (schema.type === 'array') return `list of ${typeof items === 'object' ? typeOf(items) : 'anything'}`;
  if (schema.type === 'object' && typeof others === 'object' && schema.properties === undefined)
    return `map to ${typeOf(others)}`;
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? ['anything']);
  return types
    .map((type) => (type === 'string' ? (formats[schema.format ?? ''] ?? type) : type))
    .join(' or ');
}

function range(least: number | undefined, most: number | undefined, unit: string): string[] {
  const number = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 6 });
  if (most !== undefined)
    return [`${least === undefined ? 'at most' : `${number(least)} to`} ${number(most)}${unit}`];
  return least === undefined || least === 0 || (unit !== '' && least === 1)
    ? []
    : [`at least ${number(least)}${unit}`];
}

/** Returns the constraints of a value besides its type. */
function boundsOf(schema: Schema): string {
  const inner = schema.anyOf?.find(({ type }) => type !== 'null') ?? schema;
  const { minimum, maximum, minLength, maxLength, minItems, maxItems } = inner;
  const bounds = [
    ...range(minimum, maximum, ''),
    ...range(minLength, maxLength, ' characters'),
    ...(inner.prefixItems === undefined ? range(minItems, maxItems, ' items') : []),
    ...(schema.default === undefined
      ? []
      : [
          `default \`${typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default)}\``,
        ]),
  ].join('; ');
  return bounds === '' ? '' : `${bounds[0]!.toUpperCase()}${bounds.slice(1)}.`;
}

/** Returns the fields of an object, including nested ones: `sides.sender`. */
export function attributesOf(schema: Schema, path = ''): Attribute[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, field]) => {
    const name = `${path}${key}`;
    const described: Attribute = {
      name,
      type: typeOf(field),
      isRequired: schema.required?.includes(key) ?? false,
      description: [field.description ?? '', boundsOf(field)].filter((text) => text !== '').join(' '),
    };
    const objects: [Schema, string][] = [
      [field, `${name}.`],
      ...(typeof field.items === 'object' ? [[field.items, `${name}[].`] as [Schema, string]] : []),
      ...(field.anyOf ?? []).map((choice): [Schema, string] => [choice, `${name}.`]),
    ];
    return [
      described,
      ...objects.filter(([inner]) => isInline(inner)).flatMap(([inner, at]) => attributesOf(inner, at)),
    ];
  });
}

/** Returns the components that a schema refers to, directly or indirectly. */
export function componentsIn(schema: unknown, all: Readonly<Record<string, Schema>>): Set<string> {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    for (const [, name] of JSON.stringify(value ?? null).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (found.has(name!)) continue;
      found.add(name!);
      visit(all[name!]);
    }
  };
  visit(schema);
  return found;
}
