import { expect, test } from 'vitest';
import { everything } from '../../../packages/posthorn/src/store/accounting.ts';
import { expiredSettlement } from '../../../packages/posthorn/src/domain/settlement.ts';
import { anEndpoint, anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { lease, noRoom, type Subject } from './subject.ts';

/** What an outcome changes, and what comes too late (G3, G4). */
export function describeSettling(subject: Subject): void {
  const { one, claim, balanced } = subject;

  test('G3: a late settlement is superseded and changes nothing else', async () => {
    const endpoint = await one();
    await subject.store.write.accept([[anEvent()]], noRoom);
    const [old] = (await claim(endpoint.id, start)).deliveries;
    const [fresh] = (await claim(endpoint.id, start + lease, 1, 'b')).deliveries;
    expect(await subject.store.write.settle([settlementOf(old!, 'dead', start + lease + 1)])).toEqual([
      'superseded',
    ]);
    expect(await subject.store.read.delivery(old!.number)).toMatchObject({
      state: 'pending',
      dueAt: start + 2 * lease,
    });
    expect(
      await subject.store.write.settle([
        settlementOf(fresh!, 'delivered', start + lease + 2),
        settlementOf(fresh!, 'pending', start + lease + 3),
      ]),
    ).toEqual(['applied', 'superseded']);
    expect(await subject.store.read.delivery(old!.number)).toMatchObject({ state: 'delivered', dueAt: null });
    expect((await subject.store.read.attempts(old!.number)).map(({ outcome }) => outcome)).toEqual([
      'superseded',
      'delivered',
    ]);
    await balanced();
  });

  test('G3: a redrive neither disturbs an attempt in flight nor revives its fence', async () => {
    const endpoint = await one();
    await subject.store.write.accept([[anEvent()]], noRoom);
    const [held] = (await claim(endpoint.id, start)).deliveries;
    expect(await subject.store.write.redriveDelivery(held!.number, start + 1)).toMatchObject({
      result: 'done',
    });
    expect((await claim(endpoint.id, start + 1)).deliveries).toEqual([]);
    expect(await subject.store.write.settle([settlementOf(held!, 'dead', start + 2)])).toEqual(['redriven']);
    expect(await subject.store.write.redriveDelivery(held!.number, start + 3)).toMatchObject({
      result: 'done',
    });
    expect(await subject.store.write.settle([settlementOf(held!, 'delivered', start + 4)])).toEqual([
      'superseded',
    ]);
    const [again] = (await claim(endpoint.id, start + 5)).deliveries;
    expect(again).toMatchObject({ claim: 2, attemptsMade: 0, trigger: 'manual' });
    await balanced();
  });

  test('G5: what is too old for its next attempt ends without one, and keeps what its last attempt has come to', async () => {
    const endpoint = await one();
    const { read, write } = subject.store;
    await write.accept([[anEvent(), anEvent()]], noRoom);
    const [tried, untried] = (await claim(endpoint.id, start, 2)).deliveries;
    await write.settle([settlementOf(tried!, 'pending', start + 1, { statusCode: 503, message: 'busy' })]);
    const [again] = (await claim(endpoint.id, start + 5001)).deliveries;
    const expired = (delivery: typeof tried, now: number) =>
      expiredSettlement(delivery!, anEndpoint({ id: endpoint.id }), 'a', now);
    const both = [expired(again, start + 6000), expired(untried, start + 6000)];
    expect(await write.settle(both)).toEqual(['applied', 'applied']);
    const ended = { state: 'dead', reason: 'too_old', dueAt: null, settledAt: start + 6000 };
    expect(await read.delivery(tried!.number)).toMatchObject({
      ...ended,
      attempts: 1,
      lastErrorClass: 'http_5xx',
    });
    expect(await read.delivery(untried!.number)).toMatchObject({
      ...ended,
      attempts: 0,
      lastErrorClass: null,
    });
    expect((await read.attempts(tried!.number)).map(({ outcome }) => outcome)).toEqual(['retry']);
    expect(await read.attempts(untried!.number)).toEqual([]);
    await balanced();
    // Once more, because its answer was lost: nothing is counted or logged.
    expect(await write.settle(both)).toEqual(['superseded', 'superseded']);
    expect(await read.attempts(tried!.number)).toHaveLength(1);
    const counted = await read.accounting({ ...everything, now: start + 6000 });
    expect(counted).toMatchObject({ dead: 2, supersededAttempts: 0 });
    // An operator's command begins a fresh schedule, whatever the age; here while it was about to be given up.
    await write.redriveDelivery(tried!.number, start + 7000);
    const [redriven] = (await claim(endpoint.id, start + 7000)).deliveries;
    expect(redriven).toMatchObject({ number: tried!.number, attemptsMade: 0, trigger: 'manual' });
    await write.settle([settlementOf(redriven!, 'delivered', start + 7001)]);
    await write.redriveDelivery(untried!.number, start + 8000);
    const [held] = (await claim(endpoint.id, start + 8000)).deliveries;
    await write.redriveDelivery(untried!.number, start + 8001);
    expect(await write.settle([expired(held, start + 8002)])).toEqual(['redriven']);
    expect(await read.delivery(untried!.number)).toMatchObject({ state: 'pending', dueAt: start + 8002 });
    await balanced();
  });

  test('G3: a failed manual attempt leaves the automatic retry in place', async () => {
    const endpoint = await one();
    await subject.store.write.accept([[anEvent()]], noRoom);
    const [first] = (await claim(endpoint.id, start)).deliveries;
    await subject.store.write.settle([settlementOf(first!, 'pending', start + 1)]);
    await subject.store.write.redriveDelivery(first!.number, start + 2);
    const [manual] = (await claim(endpoint.id, start + 2)).deliveries;
    expect(manual).toMatchObject({ trigger: 'manual', attemptsMade: 1 });
    await subject.store.write.settle([settlementOf(manual!, 'pending', start + 3)]);
    expect((await claim(endpoint.id, start + 3 + 5000)).deliveries).toMatchObject([
      { trigger: 'schedule', attemptsMade: 2 },
    ]);
  });

  test('G3, G4: an outcome that is settled again, because its answer was lost, is answered as it was', async () => {
    const endpoint = await one();
    await subject.store.write.accept([[anEvent()]], noRoom);
    const [first] = (await claim(endpoint.id, start)).deliveries;
    const failed = settlementOf(first!, 'pending', start + 5);
    expect(await subject.store.write.settle([failed])).toEqual(['applied']);
    expect(await subject.store.write.settle([failed])).toEqual(['applied']);
    const [second] = (await claim(endpoint.id, start + 60_000)).deliveries;
    const delivered = settlementOf(second!, 'delivered', start + 60_005);
    expect(await subject.store.write.settle([delivered])).toEqual(['applied']);
    expect(await subject.store.write.settle([delivered])).toEqual(['applied']);
    // Another outcome under a claim that has its own is none of these.
    expect(
      await subject.store.write.settle([
        settlementOf(second!, 'dead', start + 60_009, { startedAt: start + 1 }),
      ]),
    ).toEqual(['superseded']);
    expect(await subject.store.read.attempts(first!.number)).toMatchObject([
      { n: 1, outcome: 'retry' },
      { n: 2, outcome: 'delivered' },
    ]);
    expect(
      await subject.store.read.accounting({
        ...everything,
        now: start,
      }),
    ).toMatchObject({
      delivered: 1,
      dead: 0,
      supersededAttempts: 0,
    });
    await balanced();
  });
}
