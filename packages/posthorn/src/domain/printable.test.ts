import { expect, test } from 'vitest';
import { printable, printableJson, printableLines } from './printable.ts';

test('escapes, new lines and changes of direction are shown, and everything else stays as it is', () => {
  expect(
    printable({ id: 'a\u001b[31mred\u009b2J\n\tb', list: ['\u202ename', 3, null, true], Zürich: '日本 – ✓' }),
  ).toEqual({
    id: 'a\\x1b[31mred\\x9b2J\\x0a\\x09b',
    list: ['\\u202ename', 3, null, true],
    Zürich: '日本 – ✓',
  });
});

test('no character that cannot be seen reaches the terminal', () => {
  const codes = [
    ...Array.from({ length: 32 }, (_, n) => n),
    ...Array.from({ length: 33 }, (_, n) => 0x7f + n),
    0xad,
    0x61c,
    0x180e,
    0x200b,
    0x200c,
    0x200d,
    0x200e,
    0x200f,
    0x2028,
    0x2029,
    0x202a,
    0x202b,
    0x202c,
    0x202d,
    0x202e,
    0x2060,
    0x2066,
    0x2067,
    0x2068,
    0x2069,
    0xfeff,
    0xe0001,
    0xe0041,
  ];
  for (const code of codes) {
    const shown = printable(`a${String.fromCodePoint(code)}b`);
    expect(shown).toMatch(/^a\\(x[0-9a-f]{2}|u[0-9a-f]{4}|u\{[0-9a-f]+\})b$/);
  }
  expect(printable('half \ud800 pair')).toBe('half \\ud800 pair');
  expect(printable('Zürich 日本 – ✓ 👍 الدفع')).toBe('Zürich 日本 – ✓ 👍 الدفع');
  expect(printableLines('a\u001bb\nc\rd\n')).toBe('a\\x1bb\nc\\x0dd\n');
});

test('JSON for a terminal is the same data, and nothing in it is hidden', () => {
  const data = { 'a\u009b\u202e': ['\u{e0041}\u200b', 'Zürich\n'] };
  const json = printableJson(JSON.stringify(data));
  expect(JSON.parse(json)).toEqual(data);
  expect(json).toBe('{"a\\u009b\\u202e":["\\udb40\\udc41\\u200b","Zürich\\n"]}');
});
