import { expect, test } from 'vitest';
import { hostOf, visible } from './untrusted.tsx';

test('what would be invisible, or turn the text around it, is shown by its number', () => {
  expect(visible('a\u202Eb\u0000c\uD800d\u200Be\u2028')).toBe(
    'a⟨U+202E⟩b⟨U+0000⟩c⟨U+D800⟩d⟨U+200B⟩e⟨U+2028⟩',
  );
  expect(visible('line\n\ttab ünïcode 😀')).toBe('line\n\ttab ünïcode 😀');
  expect(hostOf('https://orders.kestrel.example/webhooks?token=1')).toBe('orders.kestrel.example');
  expect(hostOf('no url')).toBe('no url');
});
