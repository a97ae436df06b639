import { expect, test } from 'vitest';
import { engineActor } from '../../../packages/posthorn/src/domain/audit-entry.ts';
import type { DroppedQuery, Snooze } from '../../../packages/posthorn/src/store/dead-letters.ts';
import type { Settlement } from '../../../packages/posthorn/src/store/store.ts';
import { anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { noRoom, type Subject } from './subject.ts';

/** Groups of what did not arrive, and which of them may wait. */
export function describeDropped(subject: Subject): void {
  const { one, claim } = subject;
  const end = async (
    endpointId: string,
    at: number,
    state: 'dead' | 'delivered',
    fields: Partial<Settlement> = {},
  ): Promise<void> => {
    const { deliveries } = await claim(endpointId, at);
    await subject.store.write.settle(deliveries.map((d) => settlementOf(d, state, at, fields)));
  };
  const publish = async (
    type: string,
    count: number,
    fields: Parameters<typeof anEvent>[0] = {},
    now = start,
  ) =>
    await subject.store.write.accept([Array.from({ length: count }, () => anEvent({ type, ...fields }))], {
      ...noRoom,
      now,
    });
  const groups = async (query: Partial<DroppedQuery> = {}) =>
    (await subject.store.read.droppedGroups({ states: ['dead'], ...query })).groups;
  const eur = (amountMinor: bigint) => ({ amountMinor, currency: 'EUR' });

  test('dead letters are grouped by endpoint, class and status code, with their message and value', async () => {
    const [a, b] = [await one({ eventTypes: ['a'], owner: 'shop' }), await one({ eventTypes: ['b'] })];
    await publish('a', 3, { value: eur(100n) });
    await end(a.id, start + 10, 'dead', {
      statusCode: 503,
      responseExcerpt: 'restarting',
      message: 'HTTP 503',
    });
    await publish('a', 2, { value: eur(7n) });
    await end(a.id, start + 30, 'dead', { statusCode: 500, responseExcerpt: null, message: 'HTTP 500' });
    await publish('b', 1, {});
    await end(b.id, start + 20, 'dead', { statusCode: null, errorClass: 'timeout', message: 'no answer' });
    const found = await groups();
    expect(found).toHaveLength(3);
    expect(found.find(({ statusCode }) => statusCode === 503)).toMatchObject({
      state: 'dead',
      endpoint: { id: a.id, owner: 'shop', tenant: 'default', url: a.url, enabled: true, isDeleted: false },
      errorClass: 'http_5xx',
      count: 3,
      isPartial: false,
      oldestAt: start + 10,
      newestAt: start + 10,
      oldestPrunableAt: start + 10,
      blockedKeys: 0,
      messages: [{ message: 'HTTP 503', excerpt: 'restarting', count: 3 }],
      value: [{ currency: 'EUR', amountMinor: 300n, events: 3 }],
    });
    const [sample] = await subject.store.read.deliveries({ endpointIds: [b.id] }, { after: null, limit: 1 });
    expect(found.find(({ errorClass }) => errorClass === 'timeout')).toMatchObject({
      endpoint: { id: b.id },
      statusCode: null,
      sample: sample!.number,
      value: [],
    });
    const ids = async (query: Partial<DroppedQuery>) =>
      [...new Set((await groups(query)).map(({ endpoint }) => endpoint.id))].toSorted();
    expect(await ids({ owners: ['shop'] })).toEqual([a.id]);
    expect(await ids({ owners: ['absent'] })).toEqual([]);
    expect(await ids({ endpointIds: [b.id] })).toEqual([b.id]);
    expect(await ids({ tenants: ['other'] })).toEqual([]);
    expect(await ids({ exceptTenant: 'default' })).toEqual([]);
    expect(await ids({ since: start, until: start + 1 })).toEqual([a.id, b.id].toSorted());
    expect(await ids({ until: start })).toEqual([]);
    expect(await subject.store.read.droppedGroups({ states: ['dead'] })).toMatchObject({
      rowsRead: 6,
      hasMore: false,
    });
  });

  test('suppressed deliveries are groups of their own, and so are those of a deleted endpoint', async () => {
    const endpoint = await one({ enabled: false });
    await publish('payment.succeeded', 2);
    expect(await groups()).toEqual([]);
    expect(await groups({ states: ['suppressed'] })).toMatchObject([
      { state: 'suppressed', count: 2, errorClass: null, statusCode: null, endpoint: { enabled: false } },
    ]);
    await subject.store.write.deleteEndpoint(endpoint.id, start + 1);
    expect(await groups({ states: ['dead', 'suppressed'] })).toMatchObject([
      { endpoint: { id: endpoint.id, isDeleted: true } },
    ]);
  });

  test('what blocks its key is kept for ever, and counted', async () => {
    const endpoint = await one({ ordering: 'key', onDead: 'block' });
    await publish('payment.succeeded', 1, { orderingKey: 'k' });
    await end(endpoint.id, start + 5, 'dead');
    expect(await groups()).toMatchObject([{ blockedKeys: 1, oldestPrunableAt: null }]);
    await publish('payment.succeeded', 1, {});
    await end(endpoint.id, start + 9, 'dead');
    expect(await groups()).toMatchObject([{ blockedKeys: 1, oldestPrunableAt: start + 9, count: 2 }]);
  });

  test('what an endpoint accepts after the newest dead letter says that it works again', async () => {
    const endpoint = await one();
    const minute = 60_000;
    await publish('payment.succeeded', 1);
    await end(endpoint.id, start, 'delivered');
    await publish('payment.succeeded', 1);
    await end(endpoint.id, start + minute, 'dead');
    expect(await groups()).toMatchObject([{ deliveredSince: 0 }]);
    await publish('payment.succeeded', 4, {}, start + 3 * minute);
    await end(endpoint.id, start + 3 * minute, 'delivered');
    expect(await groups()).toMatchObject([{ deliveredSince: 4 }]);
  });

  test('a group may wait until a time; the last word of an operator counts', async () => {
    const { store } = subject;
    const snooze: Snooze = {
      groupId: 'dead.ep_1.timeout.-',
      until: start + 1000,
      untilCount: 8,
      reason: 'until the deploy',
      by: engineActor,
      at: start,
    };
    await store.write.saveSnooze(snooze);
    expect(await store.read.snoozes(start)).toEqual([snooze]);
    expect(await store.read.snoozes(start + 1000)).toEqual([]);
    const longer = { ...snooze, until: start + 5000, untilCount: null };
    await store.write.saveSnooze(longer);
    expect(await store.read.snoozes(start + 1000)).toEqual([longer]);
    expect(await store.write.deleteSnooze(snooze.groupId)).toBe(true);
    expect(await store.write.deleteSnooze(snooze.groupId)).toBe(false);
    expect(await store.read.snoozes(start)).toEqual([]);
  });
}
