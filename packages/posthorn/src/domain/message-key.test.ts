import { expect, test } from 'vitest';
import { messageKey, frequentMessage } from './message-key.ts';

test.each([
  ['HTTP 503', 'HTTP 503'],
  ['database is restarting', 'database is restarting'],
  ['  order 4711 is\n locked, try in 30 s ', 'order # is locked, try in # s'],
  ['no row pi_1PgafyB7WZ01zgkWSjxsAJo3', 'no row …'],
  ['request 0191a3c2-7b1e-7c3a-9f0e-1c2d3e4f5a6b failed', 'request … failed'],
  ['connect ECONNREFUSED 127.0.0.1:8080', 'connect ECONNREFUSED #'],
  ['lock 9f86d081884c7d65 held', 'lock … held'],
  ['internal-server-error', 'internal-server-error'],
])('%j is counted as %j', (text, key) => {
  expect(messageKey(text)).toBe(key);
});

test('the text is bounded, and one of blanks says nothing', () => {
  expect(messageKey('word '.repeat(1_000_000))).toHaveLength(160);
  expect(messageKey(' \n ')).toBeNull();
});

test('what most of them say is the message, whatever their ids are', () => {
  const texts = [
    { text: 'too many connections', count: 2 },
    { text: 'order 1 is locked', count: 1 },
    { text: 'order 22 is locked', count: 1 },
    { text: 'order 333 is locked', count: 1 },
    { text: '', count: 9 },
  ];
  expect(frequentMessage(texts)).toBe('order # is locked');
  expect(frequentMessage([{ text: ' ', count: 1 }])).toBeNull();
});
