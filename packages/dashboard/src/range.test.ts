import { expect, test } from 'vitest';
import { fixedLink, lastMs, pastedRange, rangeFrom, shifted } from './range.ts';

const now = Date.parse('2026-11-24T12:00:30Z');

test('`last` moves with the clock, by the minute; fixed times stand still', () => {
  expect(rangeFrom({ last: '24h' }, now)).toEqual({ since: '2026-11-23T12:00:00.000Z', last: '24h' });
  expect(rangeFrom({ since: '2026-11-01T00:00:00Z', until: '2026-11-02', last: '1h' }, now)).toEqual({
    since: '2026-11-01T00:00:00.000Z',
    until: '2026-11-02T00:00:00.000Z',
    last: null,
  });
  expect(rangeFrom({ last: 'for ever' }, now, '7d').since).toBe('2026-11-17T12:00:00.000Z');
  expect([lastMs('30m'), lastMs('0h'), lastMs('7w')]).toEqual([1_800_000, null, null]);
});

test('times can be pasted', () => {
  const expected = { since: '2026-11-24T02:00:00.000Z', until: '2026-11-24T03:00:00.000Z' };
  for (const text of [
    '2026-11-24 02:00..03:00',
    '2026-11-24T02:00:00Z .. 2026-11-24T03:00:00Z',
    '2026-11-24 02:00 – 2026-11-24 03:00',
    '2026-11-24T03:00:00+01:00 to 2026-11-24T03:00Z',
  ])
    expect(pastedRange(text), text).toEqual(expected);
  for (const text of ['', 'yesterday', '2026-11-24 03:00..02:00', '2026-11-24 02:00'])
    expect(pastedRange(text), text).toBeNull();
});

test('the window before and after has the same length, and what has not come is none', () => {
  const nowMs = Date.parse('2026-11-24T12:00:00Z');
  const day = rangeFrom({ last: '24h' }, nowMs);
  expect(shifted(day, nowMs, -1)).toEqual({
    since: '2026-11-22T12:00:00.000Z',
    until: '2026-11-23T12:00:00.000Z',
  });
  expect(shifted(day, nowMs, 1)).toBeNull();
  const hour = { since: '2026-11-24T10:30:00.000Z', until: '2026-11-24T11:30:00.000Z', last: null };
  expect(shifted(hour, nowMs, 1)).toEqual({
    since: '2026-11-24T11:30:00.000Z',
    until: '2026-11-24T12:00:00.000Z',
  });
});

test('a copied link says the same times later', () => {
  const nowMs = Date.parse('2026-11-24T12:00:00Z');
  const range = rangeFrom({ last: '1h' }, nowMs);
  expect(fixedLink('https://p.example/deliveries?state=dead,pending&last=1h', range, nowMs)).toBe(
    'https://p.example/deliveries?state=dead,pending&since=2026-11-24T11:00:00.000Z&until=2026-11-24T12:00:00.000Z',
  );
  const fixed = { since: '2026-11-24T11:00:00.000Z', last: null };
  expect(fixedLink('https://p.example/?since=x', fixed, nowMs)).toBe('https://p.example/?since=x');
});
