import { describe, expect, test } from 'vitest';
import { maxDataBytes, maxNesting } from '../contract/limits.ts';
import { eventShard } from '../domain/ids.ts';
import { hashShard } from '../domain/shard.ts';
import { systemClock } from '../runtime/clock.ts';
import { systemRandom } from '../runtime/random.ts';
import { eventFromObject, eventMaker } from './new-event.ts';

const make = eventMaker(systemClock, systemRandom, { check: async (events) => events.map(() => null) });

function nested(levels: number): unknown {
  let data: unknown = 1;
  for (let level = 0; level < levels; level++) data = [data];
  return data;
}
const cycle: { self?: unknown } = {};
cycle.self = cycle;

describe('an event that an application hands over as an object', () => {
  test('is written as JSON', () => {
    const at = new Date(0);
    expect(eventFromObject({ type: 'a.b', data: { at, half: '\ud800', none: undefined } }, '')).toMatchObject(
      {
        event: { type: 'a.b' },
        tenant: 'default',
        dataText: String.raw`{"at":"1970-01-01T00:00:00.000Z","half":"\ud800"}`,
      },
    );
  });

  test.each([
    ['a function', () => 1],
    ['a bigint', { amount: 1n }],
    ['a cycle', cycle],
  ])('is refused if its data is %s', (_, data) => {
    expect(() => eventFromObject({ type: 'a.b', data }, '/events/3')).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        errors: [{ path: '/events/3/data', message: 'cannot be written as JSON' }],
      }),
    );
  });

  test('nests no deeper than one that comes by HTTP', () => {
    expect(eventFromObject({ type: 'a.b', data: nested(maxNesting - 1) }, '').dataText).toHaveLength(127);
    for (const levels of [maxNesting, 1_000_000])
      expect(() => eventFromObject({ type: 'a.b', data: nested(levels) }, '')).toThrow(
        '/data is nested deeper than 63 levels',
      );
  });
});

describe('the maker of events', () => {
  test('puts events without id and key into one shard in runs, and says it in their ids', async () => {
    const events = await make(
      Array.from({ length: 256 }, (_, n) => eventFromObject({ type: 'a.b', data: n }, '')),
    );
    expect(new Set(events.map(({ shard }) => shard)).size).toBe(1);
    for (const { id, tenant, shard } of events) expect(eventShard(tenant, id)).toBe(shard);
  });

  test('puts those of one request into one shard, also at the end of a run', async () => {
    for (const size of [200, 100, 256, 1, 256]) {
      const inputs = Array.from({ length: size }, (_, n) => eventFromObject({ type: 'a.b', data: n }, ''));
      expect(new Set((await make(inputs)).map(({ shard }) => shard)).size).toBe(1);
    }
  });

  test('puts the events of a key into its shard, and says it in the ids that it makes', async () => {
    const keyed = { type: 'a.b', data: 1, tenant: 't', ordering_key: 'k' };
    const [made, given] = await make([
      eventFromObject(keyed, ''),
      eventFromObject({ ...keyed, id: 'mine' }, ''),
    ]);
    expect(made!.shard).toBe(hashShard('t', 'k'));
    expect(eventShard('t', made!.id)).toBe(made!.shard);
    expect(given).toMatchObject({ id: 'mine', callerId: true, shard: made!.shard });
  });

  test('refuses data by its bytes', async () => {
    const input = (text: string) => [eventFromObject({ type: 'a.b', data: text }, '/events/0')];
    expect(await make(input('é'.repeat(maxDataBytes / 2 - 1)))).toHaveLength(1);
    await expect(make(input('é'.repeat(maxDataBytes / 2)))).rejects.toMatchObject({
      code: 'too_large',
      errors: [{ path: '/events/0/data' }],
    });
  });
});
