import { describe, expect, test } from 'vitest';
import { MappingError, type MappingText, mappingFrom } from './mapping.ts';
import type { Message } from './source.ts';

const aMessage = (fields: Partial<Message> = {}): Message => ({
  position: 'payments/3/1042',
  body: '{"payment":{"id":"pay_1","n":17,"big":12345678901234567890},"amount": 1.0}',
  key: Buffer.from('customer-7'),
  subject: 'payments.paid',
  at: 1_767_225_600_000,
  fields: () => [
    ['event-type', 'former'],
    ['event-type', Buffer.from('payment.paid')],
  ],
  ...fields,
});
const mapped = (texts: Partial<MappingText>, message: Partial<Message> = {}, idPrefix?: string) => {
  const mapping = mappingFrom(
    { type: 'subject', ...texts },
    { source: 'kafka', word: 'header', ...(idPrefix === undefined ? {} : { idPrefix }) },
  );
  return mapping(aMessage(message), 0).text;
};

test('each field comes from its place, and the data stays byte for byte', () => {
  expect(
    mapped({
      id: '/payment/id',
      type: 'header:event-type',
      tenant: '=acme',
      orderingKey: 'key',
      occurredAt: 'time',
    }),
  ).toBe(
    '{"id":"pay_1","type":"payment.paid","tenant":"acme","ordering_key":"customer-7","occurred_at":"2026-01-01T00:00:00.000Z","data":{"payment":{"id":"pay_1","n":17,"big":12345678901234567890},"amount": 1.0}}',
  );
  expect(mapped({ id: '/payment/n', data: '/payment' }, {}, 'eu1-')).toBe(
    '{"id":"eu1-17","type":"payments.paid","data":{"id":"pay_1","n":17,"big":12345678901234567890}}',
  );
});

test('G1: the id of a message that names none is its position, one to one, whatever its length', () => {
  expect(mapped({})).toContain('"id":"kafka:payments/3/1042"');
  const long = 'x'.repeat(249);
  const ids = [`${long}/1/23`, `${long}/12/3`].map(
    (position) => (JSON.parse(mapped({}, { position })) as { id: string }).id,
  );
  expect(new Set(ids).size).toBe(2);
  for (const id of ids) expect(id.length).toBeLessThanOrEqual(255);
  // The derivation is for ever: an upgrade must not publish what is delivered again as another event.
  expect(ids[0]).toBe('kafka:Yy-GnE7uK7eRO6nxsDpqFElhZatIdgG8saVoWH1ZqM8');
});

test('what may be missing is left out', () => {
  expect(mapped({ orderingKey: 'header:none', occurredAt: '/none' }, { body: '1' })).toBe(
    '{"id":"kafka:payments/3/1042","type":"payments.paid","data":1}',
  );
});

describe('a message that does not fit is refused', () => {
  test.each([
    [{}, { body: null }, 'no_body', 'the message has no body'],
    [{}, { body: '{"a":' }, 'not_json', 'the body is not JSON'],
    // It would end this event and begin another.
    [{}, { body: '1},{"id":"x","type":"a","data":1' }, 'not_json', 'the body is not JSON'],
    [{}, { body: Buffer.from([0x22, 0xff, 0x22]) }, 'not_utf8', 'the body is not UTF-8 text'],
    [{ orderingKey: 'key' }, { key: Buffer.from([0xff]) }, 'not_utf8', 'the key is not UTF-8 text'],
    [{ type: 'header:none' }, {}, 'missing', 'the header none is missing or empty'],
    [{ tenant: '/tenant' }, {}, 'missing', 'the member /tenant is missing or empty'],
    [
      { id: '/payment/big' },
      {},
      'not_text',
      'the member /payment/big is not a string or a whole number below 2^53',
    ],
    [
      { occurredAt: '/payment/id' },
      {},
      'not_a_time',
      'the member /payment/id is not a time: use RFC 3339 or milliseconds since the epoch',
    ],
    [{ data: '/payload' }, {}, 'no_data', 'the body has no member /payload'],
    [{ data: '/payload' }, { body: '[1]' }, 'no_data', 'the body has no member /payload'],
  ])('%j', (texts, message, code, reason) => {
    expect(() => mapped(texts, message)).toThrow(expect.objectContaining({ code, message: reason }));
  });
});

test.each([
  { type: 'event-type' },
  { type: 'header:' },
  { type: 'attribute:a' },
  { id: '=same' },
  { tenant: 'time' },
  { data: 'payload' },
])('a location that cannot be is refused before anything is read: %j', (texts) => {
  expect(() => mapped(texts)).toThrow(MappingError);
});
