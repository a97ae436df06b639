import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type InputLine, readLines } from './lines.ts';

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function linesOf(bytes: Uint8Array | string, size = 3, maxBytes?: number): Promise<InputLine[]> {
  const lines: InputLine[] = [];
  for await (const group of readLines(inPieces(Buffer.from(bytes), size), maxBytes)) lines.push(...group);
  return lines;
}
const textsOf = async (bytes: Uint8Array | string, size?: number): Promise<(string | undefined)[]> =>
  (await linesOf(bytes, size)).map((line) => ('text' in line ? line.text : undefined));

describe('lines (G5: no line is lost, split or joined)', () => {
  test.each([1, 2, 3, 7, 1000])('only \\n and \\r\\n end a line, in pieces of %i bytes', async (size) => {
    const text = 'a\u2028b\u2029c\u0085d\u000be\u000cf\rg\r\n\r\n é\n日本\n\nlast';
    expect(await textsOf(text, size)).toEqual([
      'a\u2028b\u2029c\u0085d\u000be\u000cf\rg',
      '',
      ' é',
      '日本',
      '',
      'last',
    ]);
  });

  test('the last line counts with and without its ending; an empty input has none', async () => {
    expect(await textsOf('a\nb')).toEqual(['a', 'b']);
    expect(await textsOf('a\nb\n')).toEqual(['a', 'b']);
    expect(await textsOf('a\r\nb\r')).toEqual(['a', 'b']);
    expect(await textsOf('')).toEqual([]);
  });

  test('byte order marks at the start of a line are left out: files get concatenated', async () => {
    expect(await textsOf('\ufeffa\n\ufeffb\nc\ufeff\n')).toEqual(['a', 'b', 'c\ufeff']);
  });

  test('a line that is not UTF-8 is named by its number, and the next ones are read', async () => {
    const bytes = Buffer.concat([Buffer.from('a\n"'), Buffer.from([0xff, 0xc3]), Buffer.from('"\nc\n')]);
    expect(await linesOf(bytes)).toEqual([
      { number: 1, text: 'a' },
      { number: 2, fault: 'not UTF-8' },
      { number: 3, text: 'c' },
    ]);
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('{"a":1}\n', 'utf16le')]);
    expect((await linesOf(utf16))[0]).toEqual({
      number: 1,
      fault: 'not UTF-8: this looks like UTF-16',
    });
  });

  test('a line that is too long is named by its number and not kept', async () => {
    expect(await linesOf(`ok\n${'x'.repeat(11)}\n${'y'.repeat(10)}\n`, 4, 10)).toEqual([
      { number: 1, text: 'ok' },
      { number: 2, fault: 'longer than 10 bytes' },
      { number: 3, text: 'y'.repeat(10) },
    ]);
  });

  test.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('%s is inflated, and an end that is missing is an error', async (_, compress) => {
    const bytes = compress(Array.from({ length: 1000 }, (__, n) => `line ${n}`).join('\n'));
    expect(await linesOf(bytes, 1)).toHaveLength(1000);
    await expect(linesOf(bytes.subarray(0, -10), 64)).rejects.toThrow(
      'the compressed data is damaged or ends early',
    );
  });
});
