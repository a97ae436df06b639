import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nestsDeeper, rawBatchData, rawData } from './raw-json.ts';

test('data comes out byte for byte', () => {
  expect(rawData('{"a": 1.0 , "data" : { "n": 12345678901234567890 } }')).toBe(
    '{ "n": 12345678901234567890 }',
  );
  expect(rawData('{"data":1,"x":"}","data":"a\\\\\\""}')).toBe('"a\\\\\\""');
  expect(rawData('{"d\\u0061ta":[1, 2]}')).toBe('[1, 2]');
  expect(rawData('{"x":{"data":1}}')).toBeNull();
  expect(rawBatchData(' {"events" : [ {"a":"]", "data":1.0} , 2, {} ] }')).toEqual(['1.0', null, null]);
  expect(rawBatchData('{"events":[{"data":1}],"x":[{"data":3}],"events":[{"data":2}]}')).toEqual(['2']);
  expect(rawBatchData('{"events":[]}')).toEqual([]);
});

test('whatever JSON is sent, the slice parses to what JSON.parse finds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ rest: fc.dictionary(fc.string(), fc.jsonValue()), data: fc.jsonValue() })),
      fc.constantFrom(undefined, 1, '\t'),
      (list, space) => {
        const events = list.map(({ rest, data }) => ({ ...rest, data }));
        for (const event of events) {
          const text = JSON.stringify(event, null, space);
          const { data } = JSON.parse(text) as { data: unknown };
          expect(JSON.parse(rawData(text)!)).toEqual(data);
        }
        const text = JSON.stringify({ before: list, events, after: 1 }, null, space);
        const parsed = JSON.parse(text) as { events: { data: unknown }[] };
        expect(rawBatchData(text).map((data) => JSON.parse(data!) as unknown)).toEqual(
          parsed.events.map(({ data }) => data),
        );
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
