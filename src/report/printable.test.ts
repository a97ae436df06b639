import { expect, test } from 'vitest';
import { printable } from './printable.ts';

test('escapes, new lines and changes of direction are shown, and everything else stays as it is', () => {
  expect(
    printable({ id: 'a\u001b[31mred\u009b2J\n\tb', list: ['\u202ename', 3, null, true], Zürich: '日本 – ✓' }),
  ).toEqual({
    id: 'a\\x1b[31mred\\x9b2J\\x0a\\x09b',
    list: ['\\u202ename', 3, null, true],
    Zürich: '日本 – ✓',
  });
});
