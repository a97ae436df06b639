import { expect, test } from 'vitest';
import { table } from './output.ts';
import { wrapped } from './wrap.ts';

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

test('prose is broken at spaces, a field beneath its value; rows and commands stay whole', () => {
  expect(wrapped('orders.example.com has answered 503 for 18 min', 20)).toBe(
    'orders.example.com\nhas answered 503 for\n18 min',
  );
  expect(wrapped('next  look at the log of the node', 20)).toBe(
    'next  look at the\n      log of the\n      node',
  );
  expect(wrapped('  a note about it all', 14)).toBe('  a note about\n  it all');
  for (const whole of ['evt_1  paid  delivered', 'Run posthorn redrive --endpoint-id ep_1', 'x'.repeat(30)])
    expect(wrapped(whole, 20)).toBe(whole);
  expect(wrapped('any width', Number.POSITIVE_INFINITY)).toBe('any width');
});
