import { expect, test } from 'vitest';
import { Again } from './send-again.ts';

test('an event with several deliveries is sent once, and not at all while one of them is pending', () => {
  const again = new Again();
  again.add({ eventId: 'replayed-before', state: 'delivered' });
  again.add({ eventId: 'replayed-before', state: 'pending' });
  again.add({ eventId: 'dead-then-delivered', state: 'delivered' });
  again.add({ eventId: 'dead-then-delivered', state: 'dead' });
  again.add({ eventId: 'twice', state: 'delivered' });
  again.add({ eventId: 'twice', state: 'delivered' });
  again.add({ eventId: 'cancelled', state: 'cancelled' });
  again.add({ eventId: 'paused', state: 'suppressed' });
  expect(again.parts).toEqual([
    { kind: 'replay', eventIds: ['twice'] },
    { kind: 'redrive', eventIds: ['dead-then-delivered', 'paused'] },
  ]);
  expect(again.left).toEqual({ pending: 1, cancelled: 1 });
});

test('a job names up to 1,000 events, and fewer where their ids are long: its request stays under the limit', () => {
  const short = new Again();
  for (let n = 0; n < 2100; n++) short.add({ eventId: `evt_${n}`, state: 'delivered' });
  expect(short.parts.map(({ eventIds }) => eventIds.length)).toEqual([1000, 1000, 100]);
  const long = new Again();
  for (let n = 0; n < 900; n++) long.add({ eventId: `${n}-${'é'.repeat(250)}`, state: 'delivered' });
  for (const { eventIds } of long.parts)
    expect(Buffer.byteLength(JSON.stringify(eventIds))).toBeLessThan(256 * 1024);
  expect(long.parts.flatMap(({ eventIds }) => eventIds)).toHaveLength(900);
});
