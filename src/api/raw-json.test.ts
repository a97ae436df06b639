import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nestsDeeper, rawElements, rawMember } from './raw-json.ts';

test('members come out byte for byte', () => {
  expect(rawMember('{"a": 1.0 , "data" : { "n": 12345678901234567890 } }', 'data')).toBe(
    '{ "n": 12345678901234567890 }',
  );
  expect(rawMember('{"data":1,"x":"}","data":"a\\\\\\""}', 'data')).toBe('"a\\\\\\""');
  expect(rawMember('{"d\\u0061ta":[1, 2]}', 'data')).toBe('[1, 2]');
  expect(rawMember('{"x":{"data":1}}', 'data')).toBeNull();
  expect(rawElements(' [ {"a":"]"} , 2 ]')).toEqual(['{"a":"]"}', '2']);
});

test('whatever JSON is sent, the slice parses to what JSON.parse finds', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.jsonValue(),
      fc.constantFrom(undefined, 1, '\t'),
      (rest, data, space) => {
        const text = JSON.stringify({ ...rest, data }, null, space);
        const parsed = JSON.parse(text) as { data: unknown };
        expect(JSON.parse(rawMember(text, 'data')!)).toEqual(parsed.data);
        const list = JSON.stringify([rest, data], null, space);
        expect(rawElements(list).map((element) => JSON.parse(element) as unknown)).toEqual(JSON.parse(list));
      },
    ),
  );
});

test('nesting is measured outside of strings', () => {
  expect(nestsDeeper('[[1],[2]]', 2)).toBe(false);
  expect(nestsDeeper('[[[1]]]', 2)).toBe(true);
  expect(nestsDeeper('["[[[[\\"[[["]', 1)).toBe(false);
  expect(nestsDeeper('"open', 1)).toBe(false);
});
