import { camelCase } from '../../packages/client/src/shape.ts';
import { alternatives, checkNames, type JsonSchema, refName, type Side } from './json-schema.ts';

/** Writes TypeScript for schemas. */
export interface TypeWriter {
  /** Returns the name of a component on this side. */
  readonly nameOf: (component: string, side: Side) => string;
  /** Names of wire members that descriptions may mention. */
  readonly wireNames: ReadonlySet<string>;
}

const unknownObject = 'Readonly<Record<string, unknown>>';

export function typeOf(writer: TypeWriter, schema: JsonSchema, side: Side): string {
  const { $ref, items, prefixItems, properties, additionalProperties: rest, propertyNames } = schema;
  if ($ref !== undefined) return writer.nameOf(refName($ref), side);
  const several = alternatives(schema);
  if (several.length > 1) return unionOf(writer, several, side);
  if (schema.const !== undefined) return literal(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(literal).join(' | ');
  const [{ type } = {}] = several;
  switch (type) {
    case 'string':
      return side === 'input' && schema.format === 'date-time' ? 'string | Date' : 'string';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'null':
      return 'null';
    case 'array': {
      if (prefixItems !== undefined)
        return `readonly [${prefixItems.map((one) => typeOf(writer, one, side)).join(', ')}]`;
      return `readonly ${inBrackets(typeOf(writer, items === false || items === undefined ? {} : items, side))}[]`;
    }
    case 'object': {
      if (properties !== undefined) return `{ ${members(writer, schema, side)} }`;
      if (rest === false || rest === undefined) return unknownObject;
      const values = rest === true ? 'unknown' : typeOf(writer, rest, side);
      if (propertyNames?.enum === undefined) return `Readonly<Record<string, ${values}>>`;
      const record = `Record<${propertyNames.enum.map(literal).join(' | ')}, ${values}>`;
      return `Readonly<${(schema.required ?? []).length > 0 ? record : `Partial<${record}>`}>`;
    }
    case undefined:
    default:
      return 'unknown';
  }
}

const literal = (value: unknown): string =>
  typeof value === 'string' ? `'${value.replaceAll(/['\\]/g, String.raw`\$&`)}'` : JSON.stringify(value);
const inBrackets = (type: string): string => (/ [|&] /.test(type) ? `(${type})` : type);

function unionOf(writer: TypeWriter, several: readonly JsonSchema[], side: Side): string {
  const types = several.map((one) => typeOf(writer, one, side));
  // An amount: an integer, or a text beyond the precision of a number.
  const isAmount = several.some(({ type }) => type === 'integer') && types.includes('string');
  return [...new Set([...types, ...(isAmount && side === 'input' ? ['bigint'] : [])])].join(' | ');
}

/** The members of an object, with their descriptions. */
export function members(
  writer: TypeWriter,
  { properties = {}, required = [] }: JsonSchema,
  side: Side,
): string {
  checkNames(Object.keys(properties), 'an object');
  return Object.entries(properties)
    .map(([name, schema]) => {
      const isRequired = required.includes(name);
      const type = typeOf(writer, schema, side);
      // A caller may pass undefined to leave a member out.
      const optional = side === 'input' && type !== 'unknown' ? ' | undefined' : '';
      return `${comment(writer, schema.description)}readonly ${camelCase(name)}${isRequired ? '' : '?'}: ${type}${isRequired ? '' : optional};`;
    })
    .join('\n');
}

/** A doc comment, in the names of TypeScript. */
export function comment({ wireNames }: TypeWriter, description: string | undefined): string {
  if (description === undefined) return '';
  const said = description
    .replaceAll('*/', '*\u200b/')
    .replaceAll(/`([a-z0-9_]+)`/g, (all, name: string) =>
      wireNames.has(name) ? `\`${camelCase(name)}\`` : all,
    );
  return `\n/** ${said} */\n`;
}

export function pascalCase(name: string): string {
  const camel = camelCase(name.replaceAll('-', '_'));
  return camel[0]!.toUpperCase() + camel.slice(1);
}
