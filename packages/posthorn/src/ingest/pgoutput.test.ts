import { describe, expect, test } from 'vitest';
import { parseChange } from './pgoutput.ts';

const int = (bytes: 1 | 2 | 4, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntBE(value, 0, bytes);
  return buffer;
};
const long = (value: bigint): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return buffer;
};
const name = (text: string): Buffer => Buffer.from(`${text}\0`);
const text = (value: string): Buffer =>
  Buffer.concat([Buffer.from('t'), int(4, Buffer.byteLength(value)), Buffer.from(value)]);
const bytes = (...parts: (Buffer | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));

const column = (of: string, typeId: number): Buffer => bytes(int(1, 0), name(of), int(4, typeId), int(4, -1));
const relation = bytes(
  'R',
  int(4, 7),
  name('public'),
  name('outbox'),
  'd',
  int(2, 2),
  column('id', 20),
  column('data', 114),
);
const insert = bytes('I', int(4, 7), 'N', int(2, 3), text('42'), text('{"ä":1}'), 'n');
const commit = bytes('C', int(1, 0), long(100n), long(2n ** 40n), long(5n));

describe('messages of pgoutput', () => {
  test('a relation, an insert and a commit', () => {
    expect(parseChange(relation)).toEqual({
      kind: 'relation',
      relation: {
        id: 7,
        schema: 'public',
        name: 'outbox',
        columns: [
          { name: 'id', typeId: 20 },
          { name: 'data', typeId: 114 },
        ],
      },
    });
    expect(parseChange(insert)).toEqual({ kind: 'insert', relationId: 7, values: ['42', '{"ä":1}', null] });
    expect(parseChange(commit)).toEqual({ kind: 'commit', end: 2n ** 40n });
    expect(parseChange(bytes('B', long(1n), long(2n), int(4, 3)))).toEqual({ kind: 'begin' });
  });

  test.each(['U', 'D', 'T', 'O', 'Y', 'M'])('%s is none of an outbox', (letter) => {
    expect(parseChange(bytes(letter, int(4, 7)))).toEqual({ kind: 'other' });
  });

  test('what is cut off is refused, wherever it is cut', () => {
    for (const message of [relation, insert]) {
      for (let length = 0; length < message.length; length++)
        expect(() => parseChange(message.subarray(0, length)), String(length)).toThrow(RangeError);
    }
    expect(() => parseChange(commit.subarray(0, 12))).toThrow(RangeError);
  });

  test('a value of another kind is refused', () => {
    expect(() => parseChange(bytes('I', int(4, 7), 'N', int(2, 1), 'u'))).toThrow('unknown kind');
  });
});
