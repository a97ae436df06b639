import { expect, test } from 'vitest';
import type { RecentEventsRequest } from '../../../packages/posthorn/src/store/recent.ts';
import { anEvent, start } from '../../support.ts';
import { noRoom, type Subject } from './subject.ts';

/** A tenant's newest events, within bounds. */
export function describeRecent(subject: Subject): void {
  const recent = async (request: Partial<RecentEventsRequest>) => {
    const { events, complete } = await subject.store.read.recentEvents({
      tenant: 'a',
      eventTypes: ['*'],
      limit: 100,
      maxScanned: 6400,
      maxPayload: 1_000_000,
      ...request,
    });
    return { ids: events.map(({ id }) => id), complete, events };
  };

  test('the newest events of a tenant, the newest first, of the types that are asked for', async () => {
    for (let n = 0; n < 6; n++)
      await subject.store.write.accept(
        [
          [
            anEvent({
              id: `a${n}`,
              tenant: 'a',
              type: n % 2 === 0 ? 'pay.made' : 'order.made',
              data: `{"n": ${n}}`,
            }),
            anEvent({ id: `b${n}`, tenant: 'b', orderingKey: 'k' }),
          ],
        ],
        { ...noRoom, now: start + n },
      );
    expect(await recent({})).toMatchObject({
      ids: ['a5', 'a4', 'a3', 'a2', 'a1', 'a0'],
      complete: true,
      events: [{ type: 'order.made', acceptedAt: start + 5, data: '{"n": 5}' }, {}, {}, {}, {}, {}],
    });
    expect(await recent({ eventTypes: ['pay.*'] })).toMatchObject({
      ids: ['a4', 'a2', 'a0'],
      complete: true,
    });
    expect(await recent({ tenant: 'absent' })).toMatchObject({ ids: [], complete: true });
    expect(await recent({ limit: 2 })).toMatchObject({ ids: ['a5', 'a4'], complete: false });
    expect(await recent({ maxPayload: 9 })).toMatchObject({ ids: ['a5', 'a4'], complete: false });
    // A bound on what is looked through is one for all tenants.
    expect((await recent({ maxScanned: 1 })).complete).toBe(false);
  });
}
