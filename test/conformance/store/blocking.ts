import { expect, test } from 'vitest';
import { heldMs } from '../../../packages/posthorn/src/domain/ordering.ts';
import { everything } from '../../../packages/posthorn/src/store/accounting.ts';
import type { DeliveryRecord, Settlement } from '../../../packages/posthorn/src/store/store.ts';
import { agesAt, anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { lease, noRoom, type Subject } from './subject.ts';

const block = { ordering: 'key', onDead: 'block' } as const;

/** Ordering keys whose dead letters hold what comes after them, until an operator has dealt with them. */
export function describeBlocking(subject: Subject): void {
  const { one, claim, balanced } = subject;

  const publish = async (...ids: readonly string[]): Promise<void> => {
    for (const id of ids)
      await subject.store.write.accept([[anEvent({ id, orderingKey: id.split('-')[0]! })]], noRoom);
  };
  const claimed = async (endpointId: string, now: number): Promise<string[]> =>
    (await claim(endpointId, now)).deliveries.map(({ eventId }) => eventId).toSorted();
  /** Claims what is due, and settles it as said; what is not named is delivered. Answers what was claimed. */
  const attempt = async (
    endpointId: string,
    now: number,
    outcomes: Readonly<Record<string, Settlement['state']>> = {},
  ): Promise<string[]> => {
    const { deliveries } = await claim(endpointId, now);
    await subject.store.write.settle(
      deliveries.map((d) =>
        settlementOf(d, outcomes[d.eventId] ?? 'delivered', now + 1, {
          keyed: true,
          // As the engine says it.
          first: d.attemptsMade === 0 && d.trigger === 'schedule',
        }),
      ),
    );
    return deliveries.map(({ eventId }) => eventId).toSorted();
  };
  const of = async (eventId: string): Promise<DeliveryRecord> => {
    const [found] = await subject.store.read.deliveries(
      { tenants: ['default'], eventIds: [eventId] },
      { after: null, limit: 1, order: 'asc' },
    );
    return found!;
  };
  const blockedNow = async (): Promise<string[]> =>
    (await subject.store.read.deliveries({ blocked: true }, { after: null, limit: 100, order: 'asc' })).map(
      ({ eventId }) => eventId,
    );

  test('a dead letter holds later deliveries of its key and no other; a redrive that delivers it frees them', async () => {
    const endpoint = await one(block);
    await publish('k-1', 'k-2', 'k-3', 'other-1');
    expect(await attempt(endpoint.id, start, { 'k-1': 'dead' })).toEqual(['k-1', 'other-1']);
    expect(await attempt(endpoint.id, start + 1)).toEqual([]);
    await publish('k-4', 'other-2');
    expect(await attempt(endpoint.id, start + 2)).toEqual(['other-2']);
    const dead = await of('k-1');
    expect(await blockedNow()).toEqual(['k-2', 'k-3', 'k-4']);
    expect(await of('k-4')).toMatchObject({ state: 'pending', blockedBy: dead.number });
    expect(dead).toMatchObject({ state: 'dead', blockedBy: null });
    // Once more a dead letter after its redrive: the key stays as it was.
    expect((await subject.store.write.redriveDelivery(dead.number, start + 10)).result).toBe('done');
    expect(await of('k-4')).toMatchObject({ blockedBy: null });
    expect(await attempt(endpoint.id, start + 10, { 'k-1': 'dead' })).toEqual(['k-1']);
    expect(await attempt(endpoint.id, start + 12)).toEqual([]);
    expect(await blockedNow()).toEqual(['k-2', 'k-3', 'k-4']);
    await subject.store.write.redriveDelivery(dead.number, start + 20);
    const order: string[] = [];
    for (let now = start + 20; order.length < 4; now += 2) order.push(...(await attempt(endpoint.id, now)));
    expect(order).toEqual(['k-1', 'k-2', 'k-3', 'k-4']);
    expect(await blockedNow()).toEqual([]);
    await balanced();
  });

  test('G5: a dead letter that blocks its key is cancelled with its reason, counted, and the next of the key is due', async () => {
    const endpoint = await one(block);
    await publish('k-1', 'k-2', 'k-3');
    await attempt(endpoint.id, start, { 'k-1': 'dead' });
    expect(await attempt(endpoint.id, start + 1)).toEqual([]);
    const { number } = await of('k-1');
    expect((await subject.store.write.cancelDelivery(number, 'booked by hand', start + 2)).result).toBe(
      'done',
    );
    expect(await of('k-1')).toMatchObject({
      state: 'cancelled',
      reason: 'cancelled: booked by hand',
      settledAt: start + 2,
    });
    expect((await subject.store.write.cancelDelivery(number, 'again', start + 2)).result).toBe('refused');
    const counts = await subject.store.read.accounting({ ...everything, now: start + 2 });
    expect(counts).toMatchObject({ accepted: 3, dead: 0, cancelled: 1, pending: 2 });
    await balanced();
    expect(await attempt(endpoint.id, start + 2)).toEqual(['k-2']);
    expect(await attempt(endpoint.id, start + 4)).toEqual(['k-3']);
  });

  test('a dead letter that blocks nothing cannot be cancelled', async () => {
    const skip = await one({ ordering: 'key' });
    await publish('k-1');
    await attempt(skip.id, start, { 'k-1': 'dead' });
    expect((await subject.store.write.cancelDelivery((await of('k-1')).number, 'x', start + 2)).result).toBe(
      'refused',
    );
    await subject.store.write.deleteEndpoint(skip.id, start);
    const unkeyed = await one(block);
    await subject.store.write.accept([[anEvent({ id: 'plain-1' }), anEvent({ id: 'plain-2' })]], noRoom);
    await attempt(unkeyed.id, start + 3, { 'plain-1': 'dead' });
    expect(
      (await subject.store.write.cancelDelivery((await of('plain-1')).number, 'x', start + 4)).result,
    ).toBe('refused');
  });

  test('G2: what is held is pending with a due_at, not polled, and not overdue', async () => {
    const endpoint = await one(block);
    await publish('k-1', 'k-2', 'k-3');
    await attempt(endpoint.id, start, { 'k-1': 'dead' });
    // Some of the key's queue sleep until the lease of the previous head ends.
    const at = start + lease;
    expect(await claimed(endpoint.id, start + 1)).toEqual([]);
    expect(await of('k-2')).toMatchObject({ state: 'pending', dueAt: start + 1 + heldMs });
    expect(await claimed(endpoint.id, at)).toEqual([]);
    expect(await of('k-3')).toMatchObject({ state: 'pending', dueAt: at + heldMs });
    expect(await subject.store.read.nextDue(null)).toEqual([
      { endpointId: endpoint.id, dueAt: start + 1 + heldMs },
    ]);
    expect(await subject.store.read.overdue(start + heldMs)).toEqual([]);
    // Looked at again in any case, and held again.
    expect(await claimed(endpoint.id, at + heldMs)).toEqual([]);
    for (const id of ['k-2', 'k-3']) expect(await of(id)).toMatchObject({ dueAt: at + 2 * heldMs });
  });

  test('what is held, or late because it was, is counted as such by type and minute of acceptance', async () => {
    const endpoint = await one(block);
    await publish('k-1', 'k-2', 'k-3', 'j-1');
    const range = { endpointId: endpoint.id, since: start, until: start + 60_000 };
    const later = { ...range, since: start + 60_000, until: start + 120_000 };
    const counted = async () =>
      (await subject.store.read.counters([range, later])).map((of) =>
        of.map(({ held, heldLate, late }) => [held, heldLate, late]),
      );
    await attempt(endpoint.id, start, { 'k-1': 'dead' });
    await claimed(endpoint.id, start + lease);
    expect(await counted()).toEqual([[[2, 0, 0]], []]);
    await subject.store.write.cancelDelivery((await of('k-1')).number, 'x', start + lease);
    expect(await counted()).toEqual([[[0, 0, 0]], []]);
    for (const now of [start + lease, start + lease + 5]) {
      const { deliveries } = await claim(endpoint.id, now);
      const late = now === start + lease;
      await subject.store.write.settle(
        deliveries.map((d) => settlementOf(d, 'delivered', now + 1, { keyed: true, late })),
      );
    }
    expect(await counted()).toEqual([[[0, 1, 1]], []]);
  });

  test('an operator who redrives a held delivery does not let it pass', async () => {
    const endpoint = await one(block);
    await publish('k-1', 'k-2', 'k-3');
    await attempt(endpoint.id, start, { 'k-1': 'dead' });
    await claimed(endpoint.id, start + 1);
    expect((await subject.store.write.redriveDelivery((await of('k-2')).number, start + 2)).result).toBe(
      'done',
    );
    expect(await claimed(endpoint.id, start + 2)).toEqual([]);
    // One that is called off does not hold the rest either.
    expect((await subject.store.write.cancelDelivery((await of('k-2')).number, 'x', start + 3)).result).toBe(
      'done',
    );
    expect(await claimed(endpoint.id, start + 3)).toEqual([]);
    expect(await blockedNow()).toEqual(['k-3']);
  });

  test('a replay is a later delivery of its key: held as any', async () => {
    const endpoint = await one(block);
    await publish('k-1', 'k-2');
    await attempt(endpoint.id, start, { 'k-1': 'dead' });
    await subject.store.write.replayEvent('default', 'k-1', null, start + 1);
    expect(await claimed(endpoint.id, start + 1)).toEqual([]);
    expect(await blockedNow()).toEqual(['k-2', 'k-1']);
  });

  test('with several dead letters of a key the first one holds all that come after it', async () => {
    const endpoint = await one({ ordering: 'key' });
    await publish('k-1', 'k-2', 'k-3');
    await attempt(endpoint.id, start, { 'k-1': 'dead' });
    await attempt(endpoint.id, start + 2, { 'k-2': 'dead' });
    // From now on dead letters count, those of before too.
    await subject.store.write.updateEndpoint(endpoint.id, { onDead: 'block', updatedAt: start + 4 });
    expect(await claimed(endpoint.id, start + 4)).toEqual([]);
    const [first, second] = [await of('k-1'), await of('k-2')];
    expect(await of('k-3')).toMatchObject({ blockedBy: first.number });
    // A later one that is redriven before an earlier one waits for it.
    await subject.store.write.redriveDelivery(second.number, start + 5);
    expect(await claimed(endpoint.id, start + 5)).toEqual([]);
    expect(await of('k-2')).toMatchObject({ state: 'pending', blockedBy: first.number });
    await subject.store.write.cancelDelivery(first.number, 'x', start + 6);
    expect(await attempt(endpoint.id, start + 6, { 'k-2': 'dead' })).toEqual(['k-2']);
    expect(await claimed(endpoint.id, start + 8)).toEqual([]);
    expect(await of('k-3')).toMatchObject({ blockedBy: second.number });
    await balanced();
  });

  test('a change from block to skip, or to no order at all, frees what was held', async () => {
    const endpoint = await one(block);
    const { id: endpointId } = endpoint;
    await publish('a-1', 'a-2', 'a-3', 'b-1', 'b-2');
    await attempt(endpointId, start, { 'a-1': 'dead', 'b-1': 'dead' });
    expect(await claimed(endpointId, start + 1)).toEqual([]);
    await subject.store.write.updateEndpoint(endpointId, { onDead: 'skip', updatedAt: start + 2 });
    expect(await blockedNow()).toEqual([]);
    const next = await subject.store.write.freeKeys({ endpointId, now: start + 2, after: -1, limit: 1 });
    expect(await subject.store.write.freeKeys({ endpointId, now: start + 2, after: next!, limit: 10 })).toBe(
      null,
    );
    expect(await attempt(endpointId, start + 2, { 'b-2': 'dead' })).toEqual(['a-2', 'b-2']);
    await subject.store.write.updateEndpoint(endpointId, { onDead: 'block', updatedAt: start + 4 });
    expect(await claimed(endpointId, start + 4)).toEqual([]);
    expect(await of('a-3')).toMatchObject({ blockedBy: (await of('a-1')).number });
    await subject.store.write.updateEndpoint(endpointId, {
      ordering: 'none',
      onDead: 'skip',
      updatedAt: start + 5,
    });
    expect(
      await subject.store.write.bringForward({ endpointId, only: 'deferred', now: start + 5, limit: 10 }),
    ).toBe(1);
    expect(await claimed(endpointId, start + 5)).toEqual(['a-3']);
  });

  test('retries that are brought forward leave what waits behind them where it is', async () => {
    const endpoint = await one(block);
    await publish('k-1', 'k-2', 'j-1');
    await attempt(endpoint.id, start, { 'k-1': 'pending', 'j-1': 'pending' });
    await claimed(endpoint.id, start + 2);
    const bring = { endpointId: endpoint.id, only: 'all', now: start + 3, limit: 10 } as const;
    expect(await subject.store.write.bringForward(bring)).toBe(2);
    expect(await claimed(endpoint.id, start + 3)).toEqual(['j-1', 'k-1']);
  });

  test('G7: retention keeps a dead letter while it blocks its key, whether or not anything waits', async () => {
    const endpoint = await one(block);
    await publish('k-1', 'k-2', 'l-1');
    await subject.store.write.accept([[anEvent({ id: 'plain-1' })]], noRoom);
    await attempt(endpoint.id, start, { 'k-1': 'dead', 'l-1': 'dead', 'plain-1': 'dead' });
    const prune = () =>
      subject.store.write.prune({
        ages: agesAt(start + 1e9),
        settledBefore: start + 1e9,
        deadBefore: start + 1e9,
        limit: 100,
        after: -1,
      });
    expect(await prune()).toMatchObject({ deleted: 1 });
    expect(await of('k-1')).toMatchObject({ state: 'dead' });
    expect(await of('l-1')).toMatchObject({ state: 'dead' });
    expect(await subject.store.read.event('default', 'plain-1')).toBeNull();
    await balanced();
    await subject.store.write.updateEndpoint(endpoint.id, { onDead: 'skip', updatedAt: start });
    expect(await prune()).toMatchObject({ deleted: 2 });
    await balanced();
  });

  test('deliveries of a deleted endpoint are cancelled, held or not', async () => {
    const endpoint = await one(block);
    await publish('k-1', 'k-2', 'k-3');
    await attempt(endpoint.id, start, { 'k-1': 'dead' });
    await claimed(endpoint.id, start + 1);
    await subject.store.write.deleteEndpoint(endpoint.id, start + 2);
    expect(await subject.store.write.cancelOrphans(10, start + 2)).toBe(2);
    expect(await of('k-2')).toMatchObject({
      state: 'cancelled',
      reason: 'endpoint_deleted',
      blockedBy: null,
    });
    expect(await subject.store.read.blockedKeys({ after: null, limit: 10 })).toEqual([]);
    await balanced();
  });

  test('G3: a redriven delivery waits for a later one of its key that is in flight', async () => {
    const endpoint = await one(block);
    await publish('k-1', 'k-2', 'k-3');
    await attempt(endpoint.id, start, { 'k-1': 'dead' });
    await claimed(endpoint.id, start + 1);
    const { number } = await of('k-1');
    await subject.store.write.cancelDelivery(number, 'x', start + 2);
    const { deliveries } = await claim(endpoint.id, start + 2);
    expect(deliveries.map(({ eventId }) => eventId)).toEqual(['k-2']);
    await subject.store.write.redriveDelivery(number, start + 3);
    expect(await claimed(endpoint.id, start + 3)).toEqual([]);
    await subject.store.write.settle([settlementOf(deliveries[0]!, 'delivered', start + 4, { keyed: true })]);
    expect(await claimed(endpoint.id, start + 4)).toEqual(['k-1']);
  });

  test('blocked keys are listed by endpoint, page by page, with what waits; and counted', async () => {
    const endpoint = await one(block);
    const other = await one({ ...block, eventTypes: ['other'] });
    const skip = await one({ ordering: 'key' });
    await publish('a-1', 'a-2', 'a-3', 'b-1', 'c-1');
    await subject.store.write.accept(
      [
        [
          anEvent({ id: 'd-1', orderingKey: 'd', type: 'other' }),
          anEvent({ id: 'd-2', orderingKey: 'd', type: 'other' }),
        ],
      ],
      noRoom,
    );
    const dead = { 'a-1': 'dead', 'b-1': 'dead', 'd-1': 'dead' } as const;
    for (const { id } of [endpoint, other, skip]) await attempt(id, start, dead);
    const all = await subject.store.read.blockedKeys({ after: null, limit: 10 });
    expect(all).toHaveLength(4);
    expect(all.filter(({ endpointId }) => endpointId === endpoint.id)).toMatchObject([
      { orderingKey: 'a', eventId: 'a-1', reason: 'schedule_exhausted', since: start + 1, waiting: 2 },
      { orderingKey: 'b', waiting: 0 },
      { orderingKey: 'd', waiting: 1 },
    ]);
    const paged = [];
    for (let after: { endpointId: string; number: number } | null = null; ;) {
      const [key] = await subject.store.read.blockedKeys({ after, limit: 1 });
      if (key === undefined) break;
      paged.push(key);
      after = { endpointId: key.endpointId, number: key.blockedBy };
    }
    expect(paged).toEqual(all);
    expect(
      await subject.store.read.blockedKeys({ endpointIds: [other.id], after: null, limit: 10 }),
    ).toMatchObject([{ endpointId: other.id, tenant: 'default', orderingKey: 'd', waiting: 1 }]);
    expect(await subject.store.read.blockedKeys({ tenants: ['absent'], after: null, limit: 10 })).toEqual([]);
    const counts = await subject.store.read.deadKeyCounts([skip.id, other.id, endpoint.id]);
    expect(counts).toHaveLength(3);
    expect(counts).toEqual(
      expect.arrayContaining([
        { endpointId: skip.id, keys: 3 },
        { endpointId: other.id, keys: 1 },
        { endpointId: endpoint.id, keys: 3 },
      ]),
    );
    const groups = await subject.store.read.deadLetters({});
    expect(
      groups.map(({ endpointId, blockedKeys, oldestPrunableAt }) => [
        endpointId,
        blockedKeys,
        oldestPrunableAt,
      ]),
    ).toEqual(
      expect.arrayContaining([
        [endpoint.id, 3, null],
        [other.id, 1, null],
        [skip.id, 0, start + 1],
      ]),
    );
  });
}
