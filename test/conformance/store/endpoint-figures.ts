import { expect, test } from 'vitest';
import { noContact } from '../../../packages/posthorn/src/domain/contact.ts';
import { anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { noRoom, type Subject } from './subject.ts';

const minute = 60_000;
const hour = 60 * minute;

/** What pages about endpoints read: contacts, counters, what is at risk, and why one fails. */
export function describeEndpointFigures(subject: Subject): void {
  const { one, claim } = subject;

  const accept = (now: number, ...events: Parameters<typeof anEvent>[0][]) =>
    subject.store.write.accept([events.map((fields) => anEvent(fields))], { ...noRoom, now });

  test('the endpoint’s row has its contacts: those of two nodes are merged, until the URL changes', async () => {
    const { store } = subject;
    const [endpoint, silent] = [await one(), await one()];
    const { id: endpointId, url } = endpoint;
    const read = async () =>
      (await store.read.receiverHealth([endpointId, silent.id], start)).map(({ contact, ...rest }) => [
        rest.endpointId,
        contact,
      ]);
    expect(await read()).toEqual([]);
    await store.write.saveContacts([
      { endpointId, url, contact: { ...noContact, lastSuccessAt: start + 5 } },
    ]);
    const failures = {
      lastSuccessAt: null,
      lastFailureAt: start + 20,
      failedSince: start + 10,
      failuresInARow: 3,
      lastErrorClass: 'http_5xx',
      lastStatusCode: 503,
    } as const;
    await store.write.saveContacts([
      { endpointId, url, contact: failures },
      { endpointId, url: 'http://127.0.0.1:1/former', contact: { ...noContact, lastSuccessAt: start + 90 } },
      { endpointId: 'ep_absent', url, contact: failures },
    ]);
    expect(await read()).toEqual([[endpointId, { ...failures, lastSuccessAt: start + 5 }]]);
    await store.write.updateEndpoint(endpointId, { description: 'changed', updatedAt: start + 30 });
    expect(await read()).toHaveLength(1);
    await store.write.updateEndpoint(endpointId, { url: 'http://127.0.0.1:1/other', updatedAt: start + 40 });
    expect(await read()).toEqual([]);
  });

  test('figures of endpoints are the counters: by the hour, up to the deadline, and the next due time', async () => {
    const { store } = subject;
    const [busy, idle] = [await one(), await one({ eventTypes: ['refund.updated'] })];
    await accept(start + minute, {}, {});
    // Claimed before there are others: where statements name one shard, which ones come first is not said.
    const { deliveries } = await claim(busy.id, start + minute, 2);
    await accept(start + 30 * minute, {});
    await accept(start + 2 * hour, {});
    await store.write.settle([
      settlementOf(deliveries[0]!, 'delivered', start + 2 * hour, { late: true }),
      settlementOf(deliveries[1]!, 'dead', start + 2 * hour),
    ]);
    const figures = await store.read.endpointFigures({
      endpoints: [busy, idle, { id: 'ep_absent' }].map(({ id }) => ({
        endpointId: id,
        dueUntil: start + 20 * minute,
      })),
      since: start,
      latencySince: start,
    });
    expect(figures.map(({ endpointId }) => endpointId).toSorted()).toEqual([busy.id, idle.id].toSorted());
    const found = figures.find(({ endpointId }) => endpointId === busy.id);
    expect(found).toMatchObject({
      accepted: 4,
      pending: 2,
      dead: 1,
      suppressed: 0,
      hours: [
        { at: start, accepted: 3, delivered: 1, dead: 1, late: 1 },
        { at: start + 2 * hour, accepted: 1, delivered: 0 },
      ],
      partial: { accepted: 2, delivered: 1, dead: 1 },
      nextDueAt: start + 30 * minute,
    });
    expect(found!.latency.reduce((sum, { count }) => sum + count, 0)).toBe(1);
    expect(figures.find(({ endpointId }) => endpointId === idle.id)).toMatchObject({
      accepted: 0,
      pending: 0,
      hours: [],
      latency: [],
      nextDueAt: null,
    });
  });

  test('at risk are dead, suppressed and late deliveries, by type and currency; it is said if not all were read', async () => {
    const { store } = subject;
    const endpoint = await one();
    const euro = (amount: bigint) => ({ value: { amountMinor: amount, currency: 'EUR' } });
    await accept(start, { type: 'a', ...euro(100n) }, { type: 'a', ...euro(20n) }, { type: 'b' });
    const { deliveries } = await claim(endpoint.id, start);
    await store.write.settle(deliveries.map((delivery) => settlementOf(delivery, 'dead', start + 1)));
    await accept(start + 1, { type: 'b', value: { amountMinor: 2n ** 60n, currency: 'JPY' } });
    await accept(start + hour, { type: 'b', ...euro(7n) });
    await store.write.updateEndpoint(endpoint.id, { enabled: false, updatedAt: start + hour });
    await accept(start + hour, { type: 'c', ...euro(9n) });
    const ask = (maxRows: number) =>
      store.read.atRisk({ endpoints: [{ endpointId: endpoint.id, lateBefore: start + hour }], maxRows });
    const { risks, complete } = await ask(10);
    const key = ({ kind, eventType }: (typeof risks)[number]): string => `${kind} ${eventType}`;
    expect(complete).toBe(true);
    expect(risks.toSorted((x, y) => (key(x) < key(y) ? -1 : 1))).toEqual(
      [
        {
          eventType: 'a',
          kind: 'dead',
          deliveries: 2,
          worth: [{ currency: 'EUR', amountMinor: 120n, events: 2 }],
        },
        { eventType: 'b', kind: 'dead', deliveries: 1, worth: [] },
        {
          eventType: 'b',
          kind: 'late_pending',
          deliveries: 1,
          worth: [{ currency: 'JPY', amountMinor: 2n ** 60n, events: 1 }],
        },
        {
          eventType: 'c',
          kind: 'suppressed',
          deliveries: 1,
          worth: [{ currency: 'EUR', amountMinor: 9n, events: 1 }],
        },
      ].map((risk) => ({ endpointId: endpoint.id, ...risk })),
    );
    expect((await ask(2)).complete).toBe(false);
  });

  test('the evidence says what waits by its tries, when it is due, how attempts failed, and the last errors', async () => {
    const { store } = subject;
    const endpoint = await one();
    await accept(start, { id: 'first', type: 'a' }, { id: 'second', type: 'b' }, { id: 'third', type: 'a' });
    const { deliveries } = await claim(endpoint.id, start + 1, 2);
    const dueAt = start + 30 * minute;
    await store.write.settle([
      settlementOf(deliveries[0]!, 'pending', start + 2, {
        dueAt,
        responseExcerpt: 'database is restarting',
      }),
      settlementOf(deliveries[1]!, 'dead', start + 3, {
        errorClass: 'timeout',
        statusCode: null,
        startedAt: start + 3,
      }),
    ]);
    await claim(endpoint.id, start + 4, 1);
    const ask = (maxPending: number) =>
      store.read.endpointEvidence({
        endpointId: endpoint.id,
        now: start + 5,
        dueBounds: [start + minute, start + hour],
        maxPending,
        failuresSince: start,
        maxErrors: 10,
      });
    const evidence = await ask(100);
    expect(evidence).toMatchObject({
      waiting: [
        { tries: 0, count: 1, earliestAt: start + 5, oldestCreatedAt: start },
        { tries: 1, count: 1, earliestAt: dueAt, oldestCreatedAt: start },
      ],
      complete: true,
      claimed: 1,
      due: [0, 2, 0],
      nextAt: dueAt,
    });
    const types = new Map(deliveries.map(({ eventId, eventType }) => [eventId, eventType]));
    expect(evidence!.failures).toEqual([
      { errorClass: 'http_5xx', eventType: types.get(deliveries[0]!.eventId), count: 1 },
      { errorClass: 'timeout', eventType: types.get(deliveries[1]!.eventId), count: 1 },
    ]);
    expect(evidence!.errors).toMatchObject([
      { deliveryNumber: deliveries[1]!.number, errorClass: 'timeout', eventId: deliveries[1]!.eventId },
      { deliveryNumber: deliveries[0]!.number, statusCode: 500, responseExcerpt: 'database is restarting' },
    ]);
    expect((await ask(1))!.complete).toBe(false);
    expect(
      await store.read.endpointEvidence({
        endpointId: 'ep_absent',
        now: start,
        dueBounds: [],
        maxPending: 1,
        failuresSince: start,
        maxErrors: 1,
      }),
    ).toBeNull();
  });
}
