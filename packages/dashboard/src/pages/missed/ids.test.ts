import { expect, test } from 'vitest';
import { idsIn } from './ids.ts';

const read = async (text: string): Promise<readonly string[]> => {
  const { lines, count } = await idsIn(new Blob([text]), () => {}, new AbortController().signal);
  const ids = (await lines.text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as string);
  expect(count).toBe(ids.length);
  return ids;
};

test.each([
  ['text', 'evt_1\r\n\n evt_2'],
  ['text with a header', 'event_id\nevt_1\nevt_2\n'],
  ['JSON lines', '{"webhook-id":"evt_1","id":3}\n"evt_2"\n'],
  ['CSV', 'at,event_id\n1,evt_1\n2,"evt_2"\n'],
  ['CSV with semicolons', 'id;n\nevt_1;1\nevt_2;2'],
])('%s', async (_, text) => {
  expect(await read(text)).toEqual(['evt_1', 'evt_2']);
});

test.each([
  ['a,b\n1,2', 'Line 1 has several columns'],
  ['id,b\n,2', 'Line 2 has an empty column id'],
  ['{"id":"x"}\n{"id":5}', 'Line 2 does not have an id'],
  ['id,b\n"x', 'Line 2 has a quote that does not end'],
])('%j is refused with its line', async (text, message) => {
  await expect(read(text)).rejects.toThrow(message);
});

test('a large file is read in parts, wherever they end', async () => {
  const ids = Array.from({ length: 50_000 }, (_, n) => `évènement-${n}`);
  expect(await read(ids.join('\n'))).toEqual(ids);
});
