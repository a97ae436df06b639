import { z } from 'zod';
import { camelCase } from '../../packages/client/src/shape.ts';

/** The part of JSON Schema that zod writes for the contract. */
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

/** The side of a schema: the caller's request or the server's response. */
export type Side = 'input' | 'output';

export type Definitions = Readonly<Record<string, JsonSchema>>;

/** A schema of zod, and the components that it refers to. */
export function jsonSchema(schema: z.ZodType, io: Side): { schema: JsonSchema; definitions: Definitions } {
  const { $defs = {}, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  // The type of zod's result is wider than its actual content.
  return { schema: rest as JsonSchema, definitions: $defs as Definitions };
}

export const refName = (ref: string): string => ref.replace('#/$defs/', '');

/** A nullable type, as zod writes it in either of two ways, and unions. */
export function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  const { type, anyOf, oneOf, ...rest } = schema;
  if (Array.isArray(type)) return (type as string[]).map((one) => ({ ...rest, type: one }));
  return (anyOf ?? oneOf ?? [schema]).flatMap((one) => (one === schema ? [schema] : alternatives(one)));
}

/** Rejects names that are ambiguous in camelCase. */
export function checkNames(names: readonly string[], where: string): void {
  const camels = names.map(camelCase);
  const twice = camels.find((name, at) => camels.indexOf(name) !== at);
  if (twice !== undefined) throw new Error(`${where}: two members would be called ${twice}`);
}
