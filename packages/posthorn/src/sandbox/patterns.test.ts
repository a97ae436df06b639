import { describe, expect, test } from 'vitest';
import { linearPattern } from './patterns.ts';

describe('G8: declared patterns take linear time', () => {
  test.each([
    ['(a|a)*$', 'aaaa!', true],
    ['^(a+)+$', `${'a'.repeat(100_000)}!`, false],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(100_000), false],
    ['a*b', 'a'.repeat(200_000), false],
    ['(x+x+)+y', 'x'.repeat(200_000), false],
    ['^[A-Z]{3}$', 'EUR', true],
    ['^[A-Z]{3}$', 'EURO', false],
    ['^pay_[A-Za-z0-9]+$', 'pay_1', true],
    ['^[\\p{Letter}\\p{Mark}]+$', 'é', true],
    ['^.{1,2000}$', 'a'.repeat(2001), false],
    ['\\u0041', 'A', true],
    ['^\\d+(\\.\\d{2})?$', '10.99', true],
  ])('%s', (pattern, text, matches) => {
    expect(linearPattern(pattern).test(text)).toBe(matches);
  });

  test.each(['(?=a)b', '(?<!a)b', '(a)\\1', '(', '[z-a]'])('%s is refused', (pattern) => {
    expect(() => linearPattern(pattern)).toThrow(/pattern|regular expression/i);
  });
});
