import fc from 'fast-check';
import { expect, test } from 'vitest';
import { headerText, messageIdText } from './header-text.ts';

test.each([
  ['order-7', 'order-7'],
  ["a/b:c.d_e~f!g'h(i)*", "a/b:c.d_e~f!g'h(i)*"],
  ['order 7', 'order%207'],
  ['order%207', 'order%25207'],
  ['%', '%25'],
  ['é', '%C3%A9'],
  ['%C3%A9', '%25C3%25A9'],
  ['a\u0301', 'a%CC%81'],
  ['a\r\nb: c', 'a%0D%0Ab%3A%20c'],
  ['\t', '%09'],
  ['\u007f', '%7F'],
  [' a ', '%20a%20'],
  ['\ud800', '%uD800'],
  ['%uD800', '%25uD800'],
  ['', ''],
])('%j is carried as %s', (id, text) => {
  expect(headerText(id)).toBe(text);
});

const ids = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(...Array.from('%2057aé @.<>u D8C3')), maxLength: 8 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 })
    .map((units) => String.fromCharCode(...units)),
);

test('two ids never look the same, in a header or in a mail', () => {
  fc.assert(
    fc.property(ids, ids, (a, b) => {
      fc.pre(a !== b);
      expect(headerText(a)).not.toBe(headerText(b));
      expect(messageIdText(headerText(a))).not.toBe(messageIdText(headerText(b)));
    }),
    { numRuns: 3000 },
  );
});

test('every id is visible ASCII in a header, decodes to itself, and is a dot-atom in a mail', () => {
  fc.assert(
    fc.property(ids, (id) => {
      const text = headerText(id);
      expect(text).toMatch(/^[\x21-\x7e]*$/);
      if (id.isWellFormed()) expect(text.includes('%') ? decodeURIComponent(text) : text).toBe(id);
      expect(messageIdText(text)).toMatch(/^$|^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*$/);
    }),
    { numRuns: 1000 },
  );
});
