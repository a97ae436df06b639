import { expect, test } from 'vitest';
import { z } from 'zod';
import { several, severalInQuery, severalRepeated } from './several.ts';

const letter = z.enum(['a', 'b', 'c'], 'is none of a, b, c');
const faults = (schema: z.ZodType, given: unknown): unknown =>
  schema.safeParse(given).error?.issues.map(({ path, message }) => [path, message]);
const text = z.string().min(1);

test('a body takes one value or a list, without duplicates', () => {
  const schema = several(letter);
  expect(schema.parse('a')).toEqual(['a']);
  expect(schema.parse(['b', 'a', 'b'])).toEqual(['b', 'a']);
  expect(several(text).parse('a,b')).toEqual(['a,b']);
  expect(faults(schema, 'x')).toEqual([[[], 'is none of a, b, c']]);
  expect(faults(schema, ['a', 'x'])).toEqual([[[1], 'is none of a, b, c']]);
  expect(faults(schema, [])).toEqual([[[], 'must have at least one value']]);
  expect(faults(schema, [['a']])).toEqual([[[0], 'is none of a, b, c']]);
  expect(faults(several(text), Array.from({ length: 51 }, String))).toEqual([
    [[], 'must have at most 50 values'],
  ]);
});

test('a query takes values with commas between them, and repeated', () => {
  const schema = severalInQuery(letter);
  expect(schema.parse('a')).toEqual(['a']);
  expect(schema.parse('a,b')).toEqual(['a', 'b']);
  expect(schema.parse(['a', 'b,c', 'a'])).toEqual(['a', 'b', 'c']);
  expect(faults(schema, '')).toEqual([[[], 'is none of a, b, c']]);
  expect(faults(schema, 'a,')).toEqual([[[1], 'is none of a, b, c']]);
});

test('values that may hold commas are repeated, and never split', () => {
  const schema = severalRepeated(text);
  expect(schema.parse('a')).toEqual(['a']);
  expect(schema.parse('a,b')).toEqual(['a,b']);
  expect(schema.parse([',', 'c'])).toEqual([',', 'c']);
  expect(faults(schema, ['a', ''])).toMatchObject([[[1], expect.any(String)]]);
});

test('the JSON Schema says the same', () => {
  expect(z.toJSONSchema(severalInQuery(letter), { io: 'input', unrepresentable: 'any' })).toMatchObject({
    type: 'array',
    items: { enum: ['a', 'b', 'c'] },
    maxItems: 50,
  });
});
