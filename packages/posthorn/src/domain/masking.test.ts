import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maskedJson, maskedText } from './masking.ts';

const pan = '4111111111111111';
const iban = 'DE89370400440532013000';

describe('G9: what looks like payment data is replaced', () => {
  test.each([
    // Cards, in every length from 12 to 19, in groups and in sentences.
    [pan, '[card number]'],
    ['4111 1111 1111 1111', '[card number]'],
    ['4111-1111-1111-1111', '[card number]'],
    ['3782 822463 10005', '[card number]'],
    ['card 4111 1111 1111 1111, exp 12/29', 'card [card number], exp 12/29'],
    ['12 4111 1111 1111 1111', '12 [card number]'],
    ['ref4111111111111111x', 'ref[card number]x'],
    ['6011000990139424 and 5555555555554444', '[card number] and [card number]'],
    ['501800000009', '[card number]'],
    ['6304000000000000000', '[card number]'],
    // Accounts.
    [iban, '[IBAN]'],
    ['DE89 3704 0044 0532 0130 00', '[IBAN]'],
    ['pay DE89 3704 0044 0532 0130 00 is mine', 'pay [IBAN] is mine'],
    ['gb82 west 1234 5698 7654 32', '[IBAN]'],
    ['NO9386011117947', '[IBAN]'],
    ['MT84MALT011000012345MTLCAST001S', '[IBAN]'],
    // Addresses.
    ['jenny.rosen@example.com', '[email address]'],
    ['Jenny <jenny+a_b%c@mail.example.co.uk>.', 'Jenny <[email address]>.'],
    ['write to jörg@müller.example!', 'write to [email address]!'],
    ['a@b.co,c@d.org', '[email address],[email address]'],
  ])('%s', (text, masked) => {
    expect(maskedText(text)).toBe(masked);
  });

  test.each([
    'pi_1PgafyB7WZ01zgkWSjxsAJo3',
    '4111111111111112',
    '41111111111',
    '41111111111111111111111',
    'DE88370400440532013000',
    'XDE89370400440532013000',
    'user@localhost',
    '@example.com',
    'a@',
    '2026-11-20T08:15:00.000Z',
    '+49 30 1234567',
    '',
  ])('and %s is not', (text) => {
    expect(maskedText(text)).toBe(text);
  });

  test('in JSON, names and structure stay, and so do the digits of every other number', () => {
    const json = `{ "amount":1099.00 ,"big":123456789012345678901234567890,"e":1e400,"card" : ${pan},"negative":-${pan},
      "scaled":4.111111111111111e15,"nested":[{"number":"${pan}","iban":"${iban}","email":"a\\u0040b.co","n":null,"t":true}],
      "escaped":"4111\\u00201111 1111 1111 \\"","kept":"\\u00e9\\/" }`;
    expect(maskedJson(json))
      .toBe(`{ "amount":1099.00 ,"big":123456789012345678901234567890,"e":1e400,"card" : "[card number]","negative":"[card number]",
      "scaled":"[card number]","nested":[{"number":"[card number]","iban":"[IBAN]","email":"[email address]","n":null,"t":true}],
      "escaped":"[card number] \\"","kept":"\\u00e9\\/" }`);
  });

  test.each([
    '6304000000000000000.0',
    '6.304e18',
    '63040000000000000000000e-4',
    '0.6304E+19',
    '-6304000000000000000.000',
  ])('a whole number is one however it is written: %s', (number) => {
    expect(maskedJson(`[${number},1]`)).toBe('["[card number]",1]');
  });

  test.each(['6304000000000000000.5', '6.304e19', '6304e999999999999999999', '0e18', '4111111111111111e-1'])(
    'and %s is none',
    (number) => {
      expect(maskedJson(number)).toBe(number);
    },
  );

  test('a name that is a card number or an address is data', () => {
    expect(maskedJson(`{"${pan}":1,"a@b.co":2}`)).toBe('{"[card number]":1,"[email address]":2}');
  });

  const surrounding = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !/[\w@.\d-]/.test(text));
  const digits = fc.array(fc.nat(9), { minLength: 11, maxLength: 18 });
  const checked = digits.map((body) => {
    const sum = body.reduceRight((total, digit, at) => {
      const doubled = (body.length - at) % 2 === 1 ? 2 * digit : digit;
      return total + (doubled > 9 ? doubled - 9 : doubled);
    }, 0);
    return [...body, (10 - (sum % 10)) % 10].join('');
  });

  test('any card number, in any place', () => {
    fc.assert(
      fc.property(surrounding, checked, fc.constantFrom('', ' ', '-'), surrounding, (a, card, gap, b) => {
        const written = card.match(/.{1,4}/g)!.join(gap);
        const masked = maskedJson(JSON.stringify([`${a}${written}${b}`]));
        expect(JSON.parse(masked)).toEqual([`${a}[card number]${b}`]);
      }),
    );
  });

  test('any JSON stays JSON of the same shape; a second time changes nothing', () => {
    const shape = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shape);
      if (typeof value === 'object' && value !== null)
        return Object.entries(value).map(([, field]) => shape(field));
      return typeof value === 'string' || typeof value === 'number' ? 'leaf' : value;
    };
    const leaf = fc.oneof(
      fc.string({ unit: 'binary' }),
      checked,
      fc.maxSafeInteger(),
      fc.double({ noNaN: true }),
      fc.emailAddress(),
    );
    const json = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.constantFrom(null, true),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), tie('tree'), { maxKeys: 4 }),
      ),
    })).tree;
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value);
        const masked = maskedJson(text);
        expect(shape(JSON.parse(masked))).toEqual(shape(JSON.parse(text)));
        expect(maskedJson(masked)).toBe(masked);
      }),
    );
  });

  test('G8: a hostile text of 256 KiB takes as long as any other', () => {
    for (const piece of ['1 ', '1-', 'AA11 ', 'a@', 'a.', '4111 1111 ', '"\\"@', 'AA11A '])
      expect(maskedText(piece.repeat(262_144 / piece.length)).length).toBeGreaterThan(0);
  });
});
