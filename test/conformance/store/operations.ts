import { expect, test } from 'vitest';
import { everything } from '../../../packages/posthorn/src/store/accounting.ts';
import { beginRedrive } from '../../../packages/posthorn/src/store/redrives.ts';
import { aRedrive, anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { noRoom, type Subject } from './subject.ts';

/** What people do: pause, redrive, cancel, delete and replay (G5). */
export function describeOperations(subject: Subject): void {
  const { one, claim, balanced } = subject;

  test('G5: a disabled endpoint suppresses with a reason, and a redrive brings it back', async () => {
    const endpoint = await one({ enabled: false });
    const answer = await subject.store.write.accept([[anEvent()]], { ...noRoom, defaultRoom: 10 });
    expect(answer).toMatchObject({
      groups: [{ receipts: [{ deliveries: 1, suppressed: 1 }] }],
      claimed: [],
      waiting: [],
    });
    const [delivery] = await subject.store.read.deliveries(
      { states: ['suppressed'] },
      { after: null, limit: 10 },
    );
    expect(delivery).toMatchObject({ reason: 'endpoint_paused', attempts: 0 });
    await balanced();
    await subject.store.write.updateEndpoint(endpoint.id, { enabled: true, updatedAt: start });
    const job = await beginRedrive(subject.store, {
      id: 'rdr_1',
      ...aRedrive,
      filter: { states: ['suppressed'] },
      ratePerS: null,
      dryRun: false,
      now: start,
    });
    expect(job).toMatchObject({ matched: 1, state: 'running' });
    expect((await subject.store.write.stepRedrive('rdr_1', 10, start)).redrive).toMatchObject({
      redriven: 1,
      state: 'done',
    });
    expect((await claim(endpoint.id, start)).deliveries).toMatchObject([{ trigger: 'redrive' }]);
    await balanced();
  });

  test('cancelling takes a reason and only what has not ended', async () => {
    const endpoint = await one();
    await subject.store.write.accept([[anEvent()]], noRoom);
    const [held] = (await claim(endpoint.id, start)).deliveries;
    const cancelled = await subject.store.write.cancelDelivery(held!.number, 'wrong customer', start);
    const stored = await subject.store.read.delivery(held!.number);
    expect(cancelled).toEqual({ result: 'done', delivery: stored });
    expect(await subject.store.write.cancelDelivery(held!.number, 'again', start)).toEqual({
      result: 'refused',
      delivery: stored,
    });
    // The same shard's next but many: a number written out would be the held one in one run of 64.
    const nobodys = held!.number + 64_000;
    expect(await subject.store.write.cancelDelivery(nobodys, 'nothing', start)).toEqual({
      result: 'not_found',
      delivery: null,
    });
    expect(await subject.store.write.settle([settlementOf(held!, 'pending', start + 1)])).toEqual([
      'superseded',
    ]);
    expect(await subject.store.read.delivery(held!.number)).toMatchObject({
      state: 'cancelled',
      reason: 'cancelled: wrong customer',
    });
    await balanced();
  });

  test('G6: a suppressed delivery is cancelled with its reason: no drop any more, worth nothing, and left out of redrives in bulk', async () => {
    const { store } = subject;
    const endpoint = await one({ enabled: false });
    await store.write.accept([[anEvent({ value: { amountMinor: 700n, currency: 'EUR' } })]], noRoom);
    const [before] = await store.read.deliveries({}, { after: null, limit: 10 });
    const answer = await store.write.cancelDelivery(before!.number, 'the other sender has it', start + 9);
    const after = await store.read.delivery(before!.number);
    expect(answer).toEqual({ result: 'done', delivery: after });
    expect(after).toMatchObject({
      state: 'cancelled',
      reason: 'cancelled: the other sender has it',
      settledAt: before!.settledAt,
    });
    const counts = await store.read.accounting({ ...everything, endpointIds: [endpoint.id], now: start });
    expect(counts).toMatchObject({ accepted: 1, cancelled: 1, suppressed: 0, pending: 0 });
    const job = await beginRedrive(store, {
      id: 'rdr_1',
      ...aRedrive,
      filter: {},
      ratePerS: null,
      dryRun: true,
      now: start,
    });
    expect(job).toMatchObject({ matched: 0 });
    await balanced();
    // Singly an operator may bring it back.
    expect(await store.write.redriveDelivery(before!.number, start + 10)).toMatchObject({ result: 'done' });
    await balanced();
  });

  test('G5: a redrive answers with the delivery as it has left it', async () => {
    const { store } = subject;
    const endpoint = await one();
    await store.write.accept([[anEvent()]], noRoom);
    const [held] = (await claim(endpoint.id, start)).deliveries;
    await store.write.settle([settlementOf(held!, 'dead', start)]);
    const answer = await store.write.redriveDelivery(held!.number, start + 5);
    expect(answer).toMatchObject({ result: 'done', delivery: { state: 'pending', dueAt: start + 5 } });
    expect(answer.delivery).toEqual(await store.read.delivery(held!.number));
    const { deliveries } = await claim(endpoint.id, start + 5);
    await store.write.settle([settlementOf(deliveries[0]!, 'delivered', start + 6)]);
    expect(await store.write.redriveDelivery(held!.number, start + 7)).toEqual({
      result: 'refused',
      delivery: await store.read.delivery(held!.number),
    });
    await balanced();
  });

  test("a deleted endpoint's pending deliveries are cancelled, in batches, with a reason", async () => {
    const endpoint = await one();
    await subject.store.write.accept([[anEvent(), anEvent(), anEvent()]], noRoom);
    await subject.store.write.deleteEndpoint(endpoint.id, start);
    expect([
      await subject.store.write.cancelOrphans(2, start),
      await subject.store.write.cancelOrphans(2, start),
    ]).toEqual([2, 1]);
    expect(
      (await subject.store.read.deliveries({}, { after: null, limit: 9 })).map(({ reason }) => reason),
    ).toEqual(['endpoint_deleted', 'endpoint_deleted', 'endpoint_deleted']);
    await balanced();
  });

  test('dead letters are grouped, with the value at risk of each event once', async () => {
    const endpoint = await one({ owner: 'orders' });
    await subject.store.write.accept(
      [[anEvent({ value: { amountMinor: 2n ** 53n + 1n, currency: 'USD' } })]],
      noRoom,
    );
    const [held] = (await claim(endpoint.id, start)).deliveries;
    await subject.store.write.settle([settlementOf(held!, 'dead', start)]);
    expect(await subject.store.read.deadLetters({})).toEqual([
      {
        endpointId: endpoint.id,
        owner: 'orders',
        errorClass: 'http_5xx',
        count: 1,
        oldestAt: start,
        oldestPrunableAt: start,
        blockedKeys: 0,
        valueAtRisk: [{ currency: 'USD', amountMinor: 2n ** 53n + 1n, events: 1 }],
      },
    ]);
  });
}
