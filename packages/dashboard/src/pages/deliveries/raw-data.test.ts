import { expect, test } from 'vitest';
import { rawDataIn } from './raw-data.ts';

test.each([
  [
    '{"id":"e","payloads":"full","data":{"a": 12345678901234567890, "b":"\\u00e9"}}',
    '{"a": 12345678901234567890, "b":"\\u00e9"}',
  ],
  ['{"id":"e","payloads":"none","data":null}', 'null'],
  // A field that looks like the mark is escaped.
  [
    `${JSON.stringify({ id: ',"payloads":"full","data":' }).slice(0, -1)},"payloads":"masked","data":"x}"}`,
    '"x}"',
  ],
])('%s', (text, data) => {
  expect(rawDataIn(text)).toBe(data);
});

test('an answer without data has none', () => {
  expect(rawDataIn('{"id":"e"}')).toBeNull();
});
