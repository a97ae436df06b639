import { z } from 'zod';
import { componentRef } from './json-schema.ts';

/** Maximum values of one field in a filter, unless it says otherwise. */
const maxValues = 50;

type InQuery<T> = z.ZodType<readonly T[], string | readonly string[]>;

/** A filter in a body: one value or a list of values. */
export function several<T>(item: z.ZodType<T>, max = maxValues): z.ZodType<readonly T[], T | readonly T[]> {
  return listSchema<T, T | readonly T[]>(item, max, (given: unknown) => ({
    values: Array.isArray(given) ? given : [given],
    indexed: Array.isArray(given),
  })).meta({ anyOf: [itemJsonSchema(item), listJsonSchema(item, max)] });
}

/** A filter in a query: repeated, or comma-separated. */
export function severalInQuery<T>(item: z.ZodType<T>): InQuery<T> {
  return inQuery(item, (text) => text.split(','));
}

/** The same for values that may contain commas: only repeated. */
export function severalRepeated<T>(item: z.ZodType<T>): InQuery<T> {
  return inQuery(item, (text) => [text]);
}

function inQuery<T>(item: z.ZodType<T>, split: (text: string) => readonly string[]): InQuery<T> {
  return listSchema<T, string | readonly string[]>(item, maxValues, (given) => {
    const values = [given].flat().flatMap((text) => split(String(text)));
    return { values, indexed: values.length > 1 };
  }).meta(listJsonSchema(item, maxValues));
}

/** A fault of a single value is a fault of the field; else the path has the index. */
function listSchema<T, Given>(
  item: z.ZodType<T>,
  max: number,
  read: (given: Given) => { readonly values: readonly unknown[]; readonly indexed: boolean },
): z.ZodType<readonly T[], Given> {
  return z
    .custom<Given>(() => true)
    .transform((given, context) => {
      const { values, indexed } = read(given);
      const refuse = (message: string, path: PropertyKey[] = []): void =>
        void context.issues.push({ code: 'custom', message, path, input: given });
      if (values.length === 0) refuse('must have at least one value');
      if (values.length > max) refuse(`must have at most ${max.toLocaleString('en-US')} values`);
      const parsed = new Set<T>();
      for (const [index, value] of values.slice(0, max).entries()) {
        const result = item.safeParse(value);
        if (result.success) parsed.add(result.data);
        else
          for (const { message, path } of result.error.issues)
            refuse(message, [...(indexed ? [index] : []), ...path]);
      }
      return [...parsed];
    });
}

function listJsonSchema(item: z.ZodType, max: number): Record<string, unknown> {
  return { type: 'array', items: itemJsonSchema(item), minItems: 1, maxItems: max };
}

function itemJsonSchema(item: z.ZodType): Record<string, unknown> {
  const id = item.meta()?.id;
  if (id !== undefined) return { $ref: componentRef(id) };
  const { $schema: _, ...shape } = z.toJSONSchema(item, { io: 'input', unrepresentable: 'any' });
  return shape;
}
