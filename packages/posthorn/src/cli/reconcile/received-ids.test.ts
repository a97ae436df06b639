import { expect, test } from 'vitest';
import { readLines } from '../../logs/lines.ts';
import { cellsOf, receivedIds } from './received-ids.ts';

async function idsIn(text: string, column: string | null = null): Promise<string[]> {
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
  };
  const ids: string[] = [];
  for await (const id of receivedIds(readLines(chunks()), column)) ids.push(id);
  return ids;
}

test.each([
  ['plain text', 'evt_1\r\n\n evt_2 \n', null],
  ['plain text with a header', 'event_id\nevt_1\nevt_2\n', null],
  ['texts of JSON', '"evt_1"\n"evt_2"\n', null],
  ['objects with an id', '{"id":"evt_1","n":1}\n{"id":"evt_2"}\n', null],
  ['objects as webhooks are logged', '{"webhook-id":"evt_1","id":7}\n"evt_2"\n', null],
  ['objects with a field of their own', '{"ref":"evt_1"}\n{"ref":"evt_2"}\n', 'ref'],
  ['CSV', 'at,event_id,amount\n2026-01-01,evt_1,5\n2026-01-02,"evt_2",6\n', null],
  ['CSV with semicolons', 'at;webhook_id\n1;evt_1\n2;evt_2\n', null],
  ['CSV with a column of its own', 'id,ref\n1,evt_1\n2,evt_2\n', 'ref'],
])('%s', async (_, text, column) => {
  expect(await idsIn(text, column)).toEqual(['evt_1', 'evt_2']);
});

test.each([
  ['a,b\n1,2\n', null, 'line 1 has several columns'],
  ['a,b\n1,2\n', 'c', 'line 1 does not have the column c. Columns: a, b'],
  ['id,b\n,2\n', null, 'line 2 has an empty column id'],
  ['id,b\n"x\n', null, 'line 2 has an unclosed quote'],
  ['{"id":"x"}\nevt_2\n', null, 'line 2 is not JSON'],
  ['{"id":"x"}\n{"id":5}\n', null, 'line 2 does not have a string in id'],
])('%j is refused with its line', async (text, column, message) => {
  await expect(idsIn(text, column)).rejects.toThrow(message);
});

test('cells may hold separators and quotes', () => {
  expect(cellsOf('a,"b, ""c""",,d', ',')).toEqual(['a', 'b, "c"', '', 'd']);
  expect(cellsOf('', ',')).toEqual(['']);
});
