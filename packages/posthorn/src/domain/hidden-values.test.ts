import { expect, test } from 'vitest';
import { withoutSecrets } from './hidden-values.ts';

test.each([
  ['{"authorization":"Bearer token-1234567"}', '{"authorization":"…"}'],
  ['you sent token-1234567', 'you sent …'],
  ['ok 1', 'ok 1'],
])('G9: a receiver that repeats what it was sent does not make it readable: %s', (answered, shown) => {
  expect(withoutSecrets(answered, ['Bearer token-1234567', '1'])).toBe(shown);
});

test('an attempt without an answer is without an excerpt', () => {
  expect(withoutSecrets(null, ['something-long'])).toBeNull();
});
