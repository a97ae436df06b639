import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { reconcile } from '../../../packages/posthorn/src/ledger/reconciler.ts';
import type { ClaimAnswer, Store, StoreRead } from '../../../packages/posthorn/src/store/store.ts';
import { anEndpoint, anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { lease, noRoom } from './subject.ts';

/** A store, and a way to write past it. */
export interface Tamperable {
  readonly store: Store;
  /** Runs a statement on the same tables, whose names need no schema. */
  run(sql: string): Promise<void>;
  close(): Promise<void>;
}

const changes = [
  ['one digit of the data', `data = replace(data, '1099', '1999')`],
  ['an invisible change of the data', `data = data || ' '`],
  ['the type', `type = 'payment.refunded'`],
  ['the amount', 'amount_minor = amount_minor + 1'],
  ['the currency', `currency = 'USD'`],
  ['the ordering key', `ordering_key = 'order 8'`],
  ['a routing key', `routing_keys = 'a,c'`],
  ['that it has routing keys', 'routing_keys = NULL'],
  ['when it occurred', 'occurred_at = occurred_at + 1'],
  ['that it occurred', 'occurred_at = NULL'],
  ['when it was accepted', 'accepted_at = accepted_at + 1'],
  ['a marker of deleted data', `digest = 'deleted'`],
] as const;

/**
 * What was changed on disk after it was accepted is never sent, and is found and named. With `fields: 'one'` by one field only,
 * where the digest itself is computed by the text that another adapter is held to.
 */
export function describeDigests(
  name: string,
  open: () => Promise<Tamperable>,
  { fields = 'all' }: { readonly fields?: 'all' | 'one' } = {},
): void {
  describe(`${name}: digests`, () => {
    let subject: Tamperable;
    beforeEach(async () => {
      subject = await open();
    });
    afterEach(async () => {
      await subject.close();
    });
    const claim = (endpointId: string): Promise<ClaimAnswer> =>
      subject.store.write.claim({
        endpointId,
        shards: null,
        limit: 100,
        maxPayload: 1e9,
        now: start,
        leaseMs: lease,
        node: 'a',
      });
    const payment = () =>
      anEvent({
        id: 'pay-1',
        data: '{"amount":1099,"note":"Grüße 🎉"}',
        orderingKey: 'order 7',
        routingKeys: ['a', 'b'],
        occurredAt: start - 5,
        value: { amountMinor: 9_007_199_254_740_993n, currency: 'EUR' },
      });
    const accepted = async (): Promise<string> => {
      const endpoint = anEndpoint();
      await subject.store.write.createEndpoint(endpoint);
      await subject.store.write.accept([[payment(), anEvent({ id: 'other' })]], noRoom);
      return endpoint.id;
    };

    test('G6: what was not changed matches its digest', async () => {
      const endpointId = await accepted();
      const { deliveries } = await claim(endpointId);
      expect(deliveries.map(({ intact }) => intact)).toEqual([true, true]);
      const { digests, balanced } = await reconcile(subject.store.read, { everyRow: true });
      expect([digests, balanced]).toEqual([{ events: 2, without: 0, dataDeleted: 0 }, true]);
      expect(await subject.store.read.event('default', 'pay-1')).toMatchObject({ integrity: 'intact' });
    });

    test('G6: deliveries whose endpoint was taken out of the store are found and named', async () => {
      const endpointId = await accepted();
      await subject.run(`DELETE FROM endpoints WHERE id = '${endpointId}'`);
      const { findings, balanced } = await reconcile(subject.store.read, { everyRow: true });
      expect(balanced).toBe(false);
      expect(findings.map(({ eventId, problem }) => [eventId, problem]).toSorted()).toEqual([
        ['other', 'the endpoint of this delivery is missing, so it cannot be delivered'],
        ['pay-1', 'the endpoint of this delivery is missing, so it cannot be delivered'],
      ]);
    });

    for (const [field, change] of fields === 'all' ? changes : changes.slice(0, 1))
      test(`G6: ${field} changed on disk is noticed when it is claimed, and found with its delivery`, async () => {
        const endpointId = await accepted();
        await subject.run(`UPDATE events SET ${change} WHERE id = 'pay-1'`);
        const { deliveries } = await claim(endpointId);
        expect(Object.fromEntries(deliveries.map(({ eventId, intact }) => [eventId, intact]))).toEqual({
          'pay-1': false,
          other: true,
        });
        const result = await reconcile(subject.store.read, { everyRow: true });
        expect(result.balanced).toBe(false);
        const { number } = deliveries.find(({ eventId }) => eventId === 'pay-1')!;
        expect(result.findings).toMatchObject([{ number, eventId: 'pay-1', endpointId }]);
        expect(result.findings[0]!.problem).toContain('digest');
        expect(await subject.store.read.event('default', 'pay-1')).toMatchObject({ integrity: 'corrupt' });
      });

    test('G6: a changed id and a changed tenant are found by their digests', async () => {
      await accepted();
      await subject.run(`UPDATE events SET id = 'pay-2' WHERE id = 'pay-1'`);
      await subject.run(`UPDATE events SET tenant = 'someone' WHERE id = 'other'`);
      const { findings } = await reconcile(subject.store.read, { everyRow: true });
      const named = findings.filter(({ problem }) => problem.includes('digest'));
      expect(named.map(({ eventId }) => eventId).toSorted()).toEqual(['other', 'pay-2']);
    });

    test('G5: its delivery ends as a dead letter with its own class, and finds the same again when it is redriven', async () => {
      const endpointId = await accepted();
      await subject.run(`UPDATE events SET data = '{}' WHERE id = 'pay-1'`);
      const find = async () =>
        (await claim(endpointId)).deliveries.find(({ eventId }) => eventId === 'pay-1')!;
      const found = await find();
      const corrupt = { reason: 'corrupt', errorClass: 'corrupt', statusCode: null } as const;
      expect(await subject.store.write.settle([settlementOf(found, 'dead', start, corrupt)])).toEqual([
        'applied',
      ]);
      const { findings } = await reconcile(subject.store.read, { everyRow: true });
      expect(findings.filter(({ problem }) => !problem.includes('digest'))).toEqual([]);
      expect(await subject.store.read.deadLetters({})).toMatchObject([
        { endpointId, errorClass: 'corrupt', count: 1 },
      ]);
      expect(await subject.store.write.redriveDelivery(found.number, start)).toMatchObject({
        result: 'done',
      });
      expect(await find()).toMatchObject({ number: found.number, intact: false });
    });

    test('a replay of it is refused, and creates nothing', async () => {
      await accepted();
      await subject.run(`UPDATE events SET data = '{}' WHERE id = 'pay-1'`);
      const before = await subject.store.read.deliveries({}, { after: null, limit: 10 });
      await expect(subject.store.write.replayEvent('default', 'pay-1', null, start)).rejects.toMatchObject({
        name: 'ConflictError',
        code: 'event_corrupt',
      });
      expect(await subject.store.read.deliveries({}, { after: null, limit: 10 })).toEqual(before);
      expect(await subject.store.write.replayEvent('default', 'other', null, start)).toMatchObject({
        receipt: { deliveries: 1 },
      });
    });

    test('G1: publishing it again is a duplicate by what was published, not by what is on disk now', async () => {
      await accepted();
      await subject.run(`UPDATE events SET data = '{}' WHERE id = 'pay-1'`);
      const again = async (event: ReturnType<typeof payment>) =>
        (await subject.store.write.accept([[event]], noRoom)).groups[0];
      expect(await again(payment())).toMatchObject({ receipts: [{ duplicate: true }] });
      expect(await again({ ...payment(), data: '{"amount":1}' })).toEqual({ conflict: 0 });
    });

    test('events of before there were digests are delivered, and counted', async () => {
      const endpointId = await accepted();
      await subject.run('UPDATE events SET digest = NULL');
      expect((await claim(endpointId)).deliveries.map(({ intact }) => intact)).toEqual([true, true]);
      const { digests, balanced } = await reconcile(subject.store.read, { everyRow: true });
      expect([digests, balanced]).toEqual([{ events: 2, without: 2, dataDeleted: 0 }, true]);
      expect(await subject.store.read.event('default', 'other')).toMatchObject({ integrity: 'unknown' });
    });

    test('G6: data that an operator deleted are not a finding; a time of deletion written by hand, and data put back, are', async () => {
      await accepted();
      await subject.store.write.accept([[anEvent({ id: 'unmatched', tenant: 'other' })]], noRoom);
      const step = { tenant: 'other', eventId: 'unmatched', after: -1, limit: 10, now: start };
      expect(await subject.store.write.deleteEventData(step)).toEqual({ result: 'deleted', next: null });
      const found = async () => {
        const { digests, balanced, findings } = await reconcile(subject.store.read, { everyRow: true });
        return [digests, balanced, findings.map(({ eventId }) => eventId).toSorted()];
      };
      expect(await found()).toEqual([{ events: 3, without: 0, dataDeleted: 1 }, true, []]);
      await subject.run(`UPDATE events SET data_deleted_at = 1 WHERE id = 'pay-1'`);
      await subject.run(`UPDATE events SET data = '{}' WHERE id = 'unmatched'`);
      expect(await found()).toEqual([
        { events: 3, without: 0, dataDeleted: 1 },
        false,
        ['pay-1', 'unmatched'],
      ]);
      expect(await subject.store.read.event('default', 'pay-1')).toMatchObject({ integrity: 'corrupt' });
    });

    test('the check goes on page by page, and sees every event once', async () => {
      const event = () => anEvent({ id: `event-${Math.random()}` });
      await subject.store.write.accept([Array.from({ length: 23 }, event)], noRoom);
      let events = 0;
      for (let after: Parameters<StoreRead['checkDigests']>[0] = null; ;) {
        const page = await subject.store.read.checkDigests(after, 5);
        expect(page.events).toBeLessThanOrEqual(5);
        events += page.events;
        if ((after = page.next) === null) break;
      }
      expect(events).toBe(23);
    });
  });
}
