import { z } from 'zod';
import { camelCase } from '../../packages/client/src/shape.ts';

/** As much of JSON Schema as zod writes for the contract. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string | undefined;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema | false;
  readonly prefixItems?: readonly JsonSchema[];
}

/** Which side of a schema: what a caller writes, or what the server answers. */
export type Side = 'input' | 'output';

export type Definitions = Readonly<Record<string, JsonSchema>>;

/** A schema of zod, and the components that it refers to. */
export function jsonSchema(schema: z.ZodType, io: Side): { schema: JsonSchema; definitions: Definitions } {
  const { $defs = {}, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  // Zod types its own result more widely than what it writes.
  return { schema: rest as JsonSchema, definitions: $defs as Definitions };
}

export const refName = (ref: string): string => ref.replace('#/$defs/', '');

/** A nullable type, as zod writes it in either of two ways, and unions. */
export function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  const { type, anyOf, oneOf, ...rest } = schema;
  if (Array.isArray(type)) return (type as string[]).map((one) => ({ ...rest, type: one }));
  return (anyOf ?? oneOf ?? [schema]).flatMap((one) => (one === schema ? [schema] : alternatives(one)));
}

/** Refuses names of which one in camelCase could mean two. */
export function checkNames(names: readonly string[], where: string): void {
  const camels = names.map(camelCase);
  const twice = camels.find((name, at) => camels.indexOf(name) !== at);
  if (twice !== undefined) throw new Error(`${where}: two members would be called ${twice}`);
}
