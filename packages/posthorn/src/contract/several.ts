import { z } from 'zod';

/** Values that a filter takes for one field. */
const maxValues = 50;

type InQuery<T> = z.ZodType<readonly T[], string | readonly string[]>;

/** A filter in a body: one value or a list of them. */
export function several<T>(item: z.ZodType<T>): z.ZodType<readonly T[], T | readonly T[]> {
  return listOf<T, T | readonly T[]>(item, (given: unknown) => ({
    values: Array.isArray(given) ? given : [given],
    indexed: Array.isArray(given),
  })).meta({ anyOf: [shapeOf(item), listShapeOf(item)] });
}

/** A filter in a query: repeated, or with commas between its values. */
export function severalInQuery<T>(item: z.ZodType<T>): InQuery<T> {
  return inQuery(item, (text) => text.split(','));
}

/** The same for values that may hold commas themselves: only repeated. */
export function severalRepeated<T>(item: z.ZodType<T>): InQuery<T> {
  return inQuery(item, (text) => [text]);
}

function inQuery<T>(item: z.ZodType<T>, split: (text: string) => readonly string[]): InQuery<T> {
  return listOf<T, string | readonly string[]>(item, (given) => {
    const values = [given].flat().flatMap((text) => split(String(text)));
    return { values, indexed: values.length > 1 };
  }).meta(listShapeOf(item));
}

/** Faults of a value that was given alone are faults of the field; of others, the path has the place. */
function listOf<T, Given>(
  item: z.ZodType<T>,
  read: (given: Given) => { readonly values: readonly unknown[]; readonly indexed: boolean },
): z.ZodType<readonly T[], Given> {
  return z
    .custom<Given>(() => true)
    .transform((given, context) => {
      const { values, indexed } = read(given);
      const refuse = (message: string, path: PropertyKey[] = []): void =>
        void context.issues.push({ code: 'custom', message, path, input: given });
      if (values.length === 0) refuse('needs at least one value');
      if (values.length > maxValues) refuse(`takes at most ${maxValues} values`);
      const parsed = new Set<T>();
      for (const [index, value] of values.slice(0, maxValues).entries()) {
        const result = item.safeParse(value);
        if (result.success) parsed.add(result.data);
        else
          for (const { message, path } of result.error.issues)
            refuse(message, [...(indexed ? [index] : []), ...path]);
      }
      return [...parsed];
    });
}

function listShapeOf(item: z.ZodType): Record<string, unknown> {
  return { type: 'array', items: shapeOf(item), minItems: 1, maxItems: maxValues };
}

function shapeOf(item: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...shape } = z.toJSONSchema(item, { io: 'input', unrepresentable: 'any' });
  return shape;
}
