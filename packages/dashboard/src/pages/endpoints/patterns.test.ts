import { expect, test } from 'vitest';
import { patternHint } from './patterns.ts';

const known = [
  { type: 'payment.succeeded', count: 1200, isDeclared: true },
  { type: 'payment.failed', count: 34, isDeclared: false },
];

test('a pattern says what it takes, and one that takes nothing what was probably meant', () => {
  expect(patternHint('payment.*', known)).toEqual({
    text: 'payment.* takes 2 known types, 1,234 deliveries in 30 days.',
    instead: null,
  });
  expect(patternHint('payment', known)).toEqual({
    text: 'payment matches nothing that was seen or declared.',
    instead: 'payment.*',
  });
  expect(patternHint('refund.*', known).instead).toBeNull();
});
