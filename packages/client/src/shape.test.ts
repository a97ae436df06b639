import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  amount,
  anything,
  camelCase,
  camelPointer,
  either,
  flag,
  fromWire,
  matchesShape,
  list,
  nullable,
  number,
  object,
  optional,
  record,
  type Shape,
  text,
  toWire,
} from './shape.ts';

/** Names as the contract has them, of which no two are one in camelCase. */
const wireNames = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,4}(_[a-z0-9]{1,4}){0,3}$/), {
  selector: camelCase,
  maxLength: 6,
});

/** A shape, and values of it. */
interface Case {
  readonly shape: Shape;
  readonly values: fc.Arbitrary<unknown>;
}

const leaf = fc.constantFrom<Case>(
  { shape: text, values: fc.string() },
  { shape: number, values: fc.integer() },
  { shape: flag, values: fc.boolean() },
  { shape: amount, values: fc.oneof(fc.integer(), fc.stringMatching(/^[1-9]\d{0,29}$/)) },
  { shape: nullable(text), values: fc.option(fc.string()) },
  { shape: anything, values: fc.jsonValue() },
);
const cases: fc.Arbitrary<Case> = fc.letrec<{ node: Case }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    tie('node').map(({ shape, values }) => ({
      shape: list(shape),
      values: fc.array(values, { maxLength: 3 }),
    })),
    // Keys of the user's own, `__proto__` among them.
    tie('node').map(({ shape, values }) => ({
      shape: record(shape),
      values: fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__'), fc.constant('a_b')), values, {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    })),
    fc.tuple(wireNames, fc.array(tie('node'), { minLength: 6, maxLength: 6 })).map(([names, nodes]) => ({
      shape: object(Object.fromEntries(names.map((name, at) => [name, optional(nodes[at]!.shape)]))),
      values: fc.record(Object.fromEntries(names.map((name, at) => [name, nodes[at]!.values])), {
        requiredKeys: [],
        noNullPrototype: true,
      }),
    })),
  ),
})).node;

describe('what is renamed between the wire and TypeScript', () => {
  test('there and back is the same text, for every shape and value (property)', () => {
    fc.assert(
      fc.property(
        cases.chain(({ shape, values }) => fc.tuple(fc.constant(shape), values)),
        ([shape, value]) => {
          expect(matchesShape(shape, value)).toBe(true);
          const camel = fromWire(shape, value);
          expect(JSON.stringify(toWire(shape, camel))).toBe(JSON.stringify(value));
        },
      ),
      { numRuns: 500 },
    );
  });

  const event = object({ type: text, ordering_key: text, data: anything, tags_of: record(anything) });
  test("members are renamed, the user's own never: not in data, not as keys", () => {
    const data = { snake_case: 1, camelCase: 2, __proto__x: [{ a_b: 1 }], '': 0, ordering_key: null };
    const wire = toWire(event, { type: 'a', orderingKey: 'k', data, tagsOf: { x_y: { z_w: 1 } } });
    expect(wire).toEqual({ type: 'a', ordering_key: 'k', data, tags_of: { x_y: { z_w: 1 } } });
    expect((wire as { data: unknown }).data).toBe(data);
    expect(fromWire(event, wire)).toEqual({ type: 'a', orderingKey: 'k', data, tagsOf: { x_y: { z_w: 1 } } });
  });

  test('data of any JSON goes through byte for byte (property)', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const data = JSON.parse(json) as unknown;
        const wire = toWire(event, { type: 'a', data }) as { data: unknown };
        expect(JSON.stringify(wire.data)).toBe(JSON.stringify(data));
      }),
    );
  });

  test('a member that is not known stays as it is, and so does what is in it', () => {
    expect(fromWire(object({ a_b: text }), { a_b: '1', new_one: { c_d: 1 } })).toEqual({
      aB: '1',
      new_one: { c_d: 1 },
    });
    expect(toWire(object({ a_b: text }), { aB: '1', misSpelled: 1 })).toEqual({ a_b: '1', misSpelled: 1 });
  });

  test('dates become ISO 8601, and large amounts text', () => {
    const shape = object({ since_at: text, amount_minor: amount });
    expect(toWire(shape, { sinceAt: new Date(0), amountMinor: 12n })).toEqual({
      since_at: '1970-01-01T00:00:00.000Z',
      amount_minor: 12,
    });
    expect(toWire(shape, { amountMinor: 2n ** 60n })).toEqual({ amount_minor: '1152921504606846976' });
  });
});

describe('what an answer has to be (G5)', () => {
  const shape = object({
    id: text,
    n: nullable(number),
    items: list(object({ ok: flag })),
    old: optional(text),
  });
  test.each([
    [{ id: 'a', n: null, items: [] }, true],
    [{ id: 'a', n: 1, items: [{ ok: true, more: 1 }], old: 'x', more: 1 }, true],
    [{ id: 'a', items: [] }, false],
    [{ id: 'a', n: '1', items: [] }, false],
    [{ id: 'a', n: 1, items: [{}] }, false],
    [{ id: 'a', n: 1, items: {} }, false],
    [{ id: 'a', n: 1, items: [], old: 1 }, false],
    [[], false],
    [null, false],
    ['text', false],
  ])('%j: %s', (value, fits) => {
    expect(matchesShape(shape, value)).toBe(fits);
  });

  test.each([
    [1099, true],
    ['1152921504606846976', true],
    ['-5', true],
    [0.5, false],
    [2 ** 60, false],
    ['many', false],
    ['', false],
  ])('the amount %j: %s', (value, fits) => {
    expect(matchesShape(amount, value)).toBe(fits);
    expect(matchesShape(nullable(amount), value)).toBe(fits);
  });

  test('of several objects, what all of them require', () => {
    const union = either(object({ kind: text, url: text }), object({ kind: text, routing_key: text }));
    expect(matchesShape(union, { kind: 'x', routing_key: 'k' })).toBe(true);
    expect(matchesShape(union, { url: 'k' })).toBe(false);
    expect(toWire(union, { kind: 'x', routingKey: 'k' })).toEqual({ kind: 'x', routing_key: 'k' });
  });
});

test('the path of a fault is in the names that the caller wrote', () => {
  const shape = object({ event_types: list(text), rate_of: object({ per_s: number }), data_x: anything });
  expect(camelPointer(shape, '/event_types/0')).toBe('/eventTypes/0');
  expect(camelPointer(shape, '/rate_of/per_s')).toBe('/rateOf/perS');
  expect(camelPointer(shape, '/data_x/event_types')).toBe('/dataX/event_types');
  expect(camelPointer(shape, '/not_known/per_s')).toBe('/not_known/per_s');
  expect(camelPointer(shape, '')).toBe('');
});
