import { expect, test } from 'vitest';
import type { Replayed } from '../../../packages/posthorn/src/store/store.ts';
import { agesAt, anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { noRoom, type Subject } from './subject.ts';

/** Who gets a past event again. */
export function describeReplaying(subject: Subject): void {
  const { one, claim, balanced } = subject;
  const replay = async (eventId: string, endpointId: string | null = null): Promise<Replayed> => {
    const answer = await subject.store.write.replayEvent('default', eventId, endpointId, start + 1);
    if (typeof answer === 'string') throw new Error(answer);
    return answer;
  };

  test('a replay goes to the endpoints that would receive the event now, and to no other', async () => {
    const data = '{"region":"eu"}';
    const former = await one({ eventTypes: ['payment.*'] });
    await subject.store.write.accept([[anEvent({ id: 'e', data, routingKeys: ['a'] })]], noRoom);
    await subject.store.write.deleteEndpoint(former.id, start);
    const later = await one({ eventTypes: ['payment.*'], filter: { '/region': 'eu' } });
    await one({ filter: { '/region': 'us' } });
    await one({ routingKeys: ['b'] });
    const keyed = await one({ routingKeys: ['a'] });
    await one({ eventTypes: ['invoice.*'] });
    await one({ tenant: 'other' });
    const paused = await one({ enabled: false });
    const answer = await replay('e');
    expect(answer).toMatchObject({
      receipt: { id: 'e', acceptedAt: start, deliveries: 3, suppressed: 1, duplicate: false },
      filtered: 2,
      overridden: [],
    });
    expect(answer.deliveries.map(({ endpointId }) => endpointId).toSorted()).toEqual(
      [later.id, keyed.id, paused.id].toSorted(),
    );
    for (const { number, endpointId } of answer.deliveries)
      expect(await subject.store.read.delivery(number)).toMatchObject(
        endpointId === paused.id
          ? { endpointId, state: 'suppressed', reason: 'endpoint_paused' }
          : { endpointId, state: 'pending', dueAt: start + 1 },
      );
    await balanced();
  });

  test('naming an endpoint overrides its subscription and its filter, and the answer says so', async () => {
    const endpoint = await one({ eventTypes: ['invoice.*'], filter: { '/region': 'us' } });
    await subject.store.write.accept(
      [[anEvent({ id: 'e' }), anEvent({ id: 'plain', type: 'invoice.paid' })]],
      noRoom,
    );
    expect(await replay('e', endpoint.id)).toMatchObject({
      receipt: { deliveries: 1 },
      deliveries: [{ endpointId: endpoint.id }],
      overridden: ['subscription', 'filter'],
    });
    expect(await replay('plain', endpoint.id)).toMatchObject({ overridden: ['filter'] });
    const keyed = await one({ routingKeys: ['a'] });
    expect(await replay('plain', keyed.id)).toMatchObject({ overridden: ['filter'] });
    await balanced();
  });

  test('a replay to an endpoint that is deleted, or of another tenant, is refused', async () => {
    const deleted = await one();
    const other = await one({ tenant: 'other' });
    await subject.store.write.accept([[anEvent({ id: 'e' })]], noRoom);
    await subject.store.write.deleteEndpoint(deleted.id, start);
    for (const id of [deleted.id, other.id, 'ep_absent'])
      expect(await subject.store.write.replayEvent('default', 'e', id, start)).toBe('no_endpoint');
    expect(await subject.store.write.replayEvent('default', 'none', null, start)).toBe('no_event');
    expect(await subject.store.write.replayEvent('other', 'e', null, start)).toBe('no_event');
    await balanced();
  });

  test('an event that retention has taken is not replayed; one that is replayed stays as long as its deliveries', async () => {
    const endpoint = await one();
    await subject.store.write.accept([[anEvent({ id: 'e' })]], noRoom);
    const settle = async (): Promise<void> => {
      const { deliveries } = await claim(endpoint.id, start + 1);
      await subject.store.write.settle(deliveries.map((d) => settlementOf(d, 'delivered', start + 1)));
    };
    await settle();
    const prune = (settledBefore: number) =>
      subject.store.write.prune({
        ages: agesAt(start + 1),
        settledBefore,
        deadBefore: start,
        limit: 10,
        after: -1,
      });
    await replay('e');
    await prune(start + 1e9);
    expect(await subject.store.read.event('default', 'e')).not.toBeNull();
    await settle();
    await prune(start + 1e9);
    expect(await subject.store.write.replayEvent('default', 'e', null, start)).toBe('no_event');
    await balanced();
  });

  test('a replay keeps its ordering key, behind what is pending of it', async () => {
    const endpoint = await one({ ordering: 'key' });
    for (const id of ['k-1', 'k-2'])
      await subject.store.write.accept([[anEvent({ id, orderingKey: 'k' })]], noRoom);
    await replay('k-1');
    const order: string[] = [];
    for (let now = start + 1; order.length < 3; now += 2000) {
      const { deliveries } = await claim(endpoint.id, now);
      expect(deliveries).toHaveLength(1);
      order.push(deliveries[0]!.eventId);
      await subject.store.write.settle([settlementOf(deliveries[0]!, 'delivered', now, { keyed: true })]);
    }
    expect(order).toEqual(['k-1', 'k-2', 'k-1']);
  });

  test('concurrent replays make a delivery each', async () => {
    await one();
    await subject.store.write.accept([[anEvent({ id: 'e' })]], noRoom);
    const answers = await Promise.all([replay('e'), replay('e'), replay('e')]);
    const numbers = answers.flatMap(({ deliveries }) => deliveries.map(({ number }) => number));
    expect(new Set(numbers).size).toBe(3);
    expect(await subject.store.read.event('default', 'e')).toMatchObject({ deliveries: 4 });
    await balanced();
  });
}
