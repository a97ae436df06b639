import { expect, test } from 'vitest';
import { table } from './output.ts';

const header = ['key', 'name', 'requests'];
const rows = [
  ['key_01m8babr13ghs0qkebg3mb', 'checkout', 1200],
  ['key_01m8babsyqzdfnxpndkvzr', '', 7],
];

test('a table has aligned columns where it fits', () => {
  const wide = [
    'key                         name      requests',
    '--------------------------  --------  --------',
    'key_01m8babr13ghs0qkebg3mb  checkout     1,200',
    'key_01m8babsyqzdfnxpndkvzr                   7',
  ].join('\n');
  expect(table(header, rows, 46)).toBe(wide);
  // A file does not have a width.
  expect(table(header, rows, Number.POSITIVE_INFINITY)).toBe(wide);
});

test('what is too wide for the terminal has a block for each row, with every id whole', () => {
  expect(table(header, rows, 45)).toBe(
    [
      'key       key_01m8babr13ghs0qkebg3mb',
      'name      checkout',
      'requests  1,200',
      '',
      'key       key_01m8babsyqzdfnxpndkvzr',
      'requests  7',
    ].join('\n'),
  );
  expect(table(header, [], 10)).toContain('requests');
});
