import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decimalText, moneyLine, moneyText, sortedMoney, sumMoney, worthLine } from './money.ts';

test('amounts have the digits of their currency', () => {
  expect(moneyText({ currency: 'EUR', amount_minor: 341_240 })).toBe('€3,412.40');
  expect(moneyText({ currency: 'JPY', amount_minor: 5000 })).toBe('¥5,000');
  expect(moneyText({ currency: 'KWD', amount_minor: 1234 })).toMatch(/1\.234$/);
  expect(moneyText({ currency: 'USD', amount_minor: -5 })).toBe('-$0.05');
  expect(moneyText({ currency: 'not one', amount_minor: 5 })).toBe('0.05 not one');
});

test('amounts above 2^53 are exact', () => {
  expect(moneyText({ currency: 'EUR', amount_minor: '900719925474099301' })).toBe(
    '€9,007,199,254,740,993.01',
  );
});

test('currencies are never added: the one with the most events first, zeros left out', () => {
  expect(
    moneyLine([
      { currency: 'USD', amount_minor: 112_000, events: 1 },
      { currency: 'EUR', amount_minor: 391_240, events: 40 },
      { currency: 'GBP', amount_minor: 0, events: 3 },
    ]),
  ).toBe('€3,912.40 and $1,120.00');
  expect(moneyLine([])).toBe('');
  expect(
    moneyLine(
      [
        { currency: 'JPY', amount_minor: 16_363 },
        { currency: 'KWD', amount_minor: 51_720 },
        { currency: 'EUR', amount_minor: 98_062 },
      ],
      1,
    ),
  ).toBe('¥16,363 and 2 more currencies');
  expect(
    sortedMoney([
      { currency: 'KWD', amount_minor: 51_720 },
      { currency: 'EUR', amount_minor: 32_090 },
    ])[0]?.currency,
  ).toBe('EUR');
});

test('no digit is lost', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), (amount) => {
      const text = decimalText({ currency: 'EUR', amount_minor: amount.toString() });
      expect(BigInt(text.replace('.', ''))).toBe(amount);
    }),
  );
});

test('amounts of one currency are added exactly, and others never', () => {
  expect(
    sumMoney([
      { currency: 'EUR', amount_minor: '9007199254740993' },
      { currency: 'EUR', amount_minor: 1 },
      { currency: 'JPY', amount_minor: 5 },
    ]),
  ).toEqual([
    { currency: 'EUR', amount_minor: '9007199254740994', events: 0 },
    { currency: 'JPY', amount_minor: '5', events: 0 },
  ]);
  expect(
    worthLine([
      { currency: 'EUR', amount_minor: 1000 },
      null,
      undefined,
      { currency: 'EUR', amount_minor: 1000 },
    ]),
  ).toBe('€20.00');
});
