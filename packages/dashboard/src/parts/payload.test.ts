import fc from 'fast-check';
import { expect, test } from 'vitest';
import { indented, maxShownLength } from './payload.ts';

test('indenting changes no number, no text and no order', () => {
  expect(indented('{"amount": 12345678901234567890, "a":[1,2.50,{"b":"}\\","}],"e":[ ],"f":{}}')).toBe(
    '{\n  "amount": 12345678901234567890,\n  "a": [\n    1,\n    2.50,\n    {\n      "b": "}\\","\n    }\n  ],\n  "e": [],\n  "f": {}\n}',
  );
});

test('any JSON reads the same when it was indented', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(JSON.parse(indented(text) ?? text)).toEqual(JSON.parse(text));
    }),
  );
});

test.each(['', 'not json', '{"a":', 'null', '1', `"${'x'.repeat(maxShownLength)}"`])(
  'is left as it is: %.20s',
  (text) => {
    expect(indented(text)).toBeNull();
  },
);

test('deep levels are not indented for ever', () => {
  const deep = `${'['.repeat(2000)}1${']'.repeat(2000)}`;
  expect(indented(deep)!.length).toBeLessThan(20_000);
});
