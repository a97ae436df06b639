import { expect, test } from 'vitest';
import { z } from 'zod';
import { jsonSchemasFrom } from './json-schema.ts';

const inner = z.strictObject({ a: z.int(), b: z.number().default(3) }).meta({ id: 'Inner' });
const outer = z.strictObject({ inner }).meta({ id: 'Outer' });
const same = z.enum(['x', 'y']).meta({ id: 'Same' });
const convert = (input: z.ZodType[], output: z.ZodType[]) =>
  jsonSchemasFrom({ input, output }, (id) => `#/c/${id}`);

test('a component that is sent with other fields than it is answered has two names, and so has what refers to it', () => {
  const { input, output, components } = convert([outer, same], [outer, same]);
  expect(input).toEqual([{ $ref: '#/c/OuterInput' }, { $ref: '#/c/Same' }]);
  expect(output).toEqual([{ $ref: '#/c/Outer' }, { $ref: '#/c/Same' }]);
  expect(Object.keys(components)).toEqual(['Inner', 'InnerInput', 'Outer', 'OuterInput', 'Same']);
  expect(components['OuterInput']).toEqual({
    type: 'object',
    properties: { inner: { $ref: '#/c/InnerInput' } },
    required: ['inner'],
    additionalProperties: false,
  });
  expect(components['Outer']).toEqual({
    type: 'object',
    properties: { inner: { $ref: '#/c/Inner' } },
    required: ['inner'],
  });
  // openapi-typescript takes a field with the keyword for one that has to be sent.
  expect(components['InnerInput']).toEqual({
    type: 'object',
    properties: { a: { type: 'integer' }, b: { type: 'number', description: 'Default: `3`.' } },
    required: ['a'],
    additionalProperties: false,
  });
});

test('a component that is only sent keeps its name', () => {
  expect(Object.keys(convert([outer], []).components)).toEqual(['Inner', 'Outer']);
});

test('a parameter keeps its default', () => {
  expect(convert([z.int().min(1).default(50)], []).input).toEqual([
    { type: 'integer', minimum: 1, default: 50 },
  ]);
});

test('bounds of every number, patterns beside a format and readOnly are left out', () => {
  const tuple = z.tuple([z.int(), z.iso.datetime()]).readonly();
  expect(convert([], [tuple]).output).toEqual([
    {
      type: 'array',
      prefixItems: [{ type: 'integer' }, { type: 'string', format: 'date-time' }],
      items: { anyOf: [{ type: 'integer' }, { type: 'string', format: 'date-time' }] },
      minItems: 2,
      maxItems: 2,
    },
  ]);
});

test('what generators of clients stumble over is said in another way', () => {
  const amount = z.union([z.int(), z.string(), z.null()]);
  expect(convert([], [amount, z.tuple([z.number(), z.number()]), z.string().nullable()]).output).toEqual([
    { anyOf: [{ type: 'integer' }, { type: 'string' }, { type: 'null' }] },
    expect.objectContaining({ items: { type: 'number' } }),
    { type: ['string', 'null'] },
  ]);
});
