import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Endpoint } from '../../../packages/posthorn/src/domain/endpoint.ts';
import { reconcile } from '../../../packages/posthorn/src/ledger/reconciler.ts';
import { everything } from '../../../packages/posthorn/src/store/accounting.ts';
import type { FanOutRequest, FanOutStep } from '../../../packages/posthorn/src/store/store.ts';
import { agesAt, anEndpoint, anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import type { Tamperable } from './digests.ts';
import { lease, noRoom } from './subject.ts';

/** A request with more deliveries than one transaction may have gets them in steps; nothing of it can be lost between two. */
export function describeFanOut(name: string, open: () => Promise<Tamperable>): void {
  describe(`${name}: fan-out in steps`, () => {
    let subject: Tamperable;
    let turn: string | null = null;
    beforeEach(async () => {
      turn = null;
      subject = await open();
    });
    afterEach(async () => {
      await subject.close();
    });
    const narrow = { ...noRoom, defaultRoom: 9, maxDirect: 3 };
    const endpoints = async (count: number, fields: Partial<Endpoint> = {}): Promise<Endpoint[]> => {
      const made = Array.from({ length: count }, () => anEndpoint(fields));
      for (const endpoint of made) await subject.store.write.createEndpoint(endpoint);
      return made;
    };
    const step = async (limit = 4, more: Partial<FanOutRequest> = {}): Promise<FanOutStep> => {
      const answer = await subject.store.write.stepFanOut({
        ...noRoom,
        ...more,
        now: start + 1,
        limit,
        after: turn,
      });
      turn = answer.tenant;
      return answer;
    };
    const finish = async (): Promise<number> => {
      let made = 0;
      for (let steps = 0; steps < 1000; steps++) {
        const answer = await step();
        if (answer.tenant === null) return made;
        made += answer.made;
      }
      throw new Error('the fan-outs do not end');
    };
    const balanced = async (): Promise<void> => {
      const { findings, unaccounted, balanced: is } = await reconcile(subject.store.read, { everyRow: true });
      expect({ findings, unaccounted, is }).toEqual({ findings: [], unaccounted: 0, is: true });
    };
    const rows = async (eventId: string) =>
      await subject.store.read.deliveries(
        { eventIds: [eventId], tenants: ['default'] },
        { after: null, limit: 1000 },
      );
    const claim = async (endpointId: string) =>
      (
        await subject.store.write.claim({
          endpointId,
          shards: null,
          limit: 100,
          maxPayload: 1e9,
          now: start + 5,
          leaseMs: lease,
          node: 'a',
        })
      ).deliveries;

    test('G2: what is created after the clock has gone back is due at once all the same', async () => {
      const made = await endpoints(4);
      const hour = 3_600_000;
      await subject.store.write.accept([[anEvent({ id: 'a' })]], { ...narrow, now: start + 5 * hour });
      await finish();
      const dueTimes = (await rows('a')).map(({ dueAt }) => dueAt);
      expect(dueTimes).toEqual(made.map(() => start + 1));
      const claimed = [];
      for (const { id } of made) claimed.push(...(await claim(id)));
      expect(claimed.length).toBe(4);
    });

    test('G1, G6: the receipt says all of it, steps are bounded, and every reading in between balances', async () => {
      await endpoints(5);
      await endpoints(2, { enabled: false });
      const events = ['a', 'b', 'c'].map((id) => anEvent({ id }));
      const { groups, claimed, fanOuts } = await subject.store.write.accept([events], narrow);
      expect([claimed, fanOuts]).toEqual([[], 1]);
      const receipts = { deliveries: 7, suppressed: 2, duplicate: false };
      expect(groups).toMatchObject([{ receipts: [receipts, receipts, receipts] }]);
      let made = 0;
      for (let tenant: string | null = ''; tenant !== null;) {
        await balanced();
        const counts = await subject.store.read.accounting({ ...everything, now: start });
        expect([counts.events, counts.accepted, counts.pending + counts.suppressed]).toEqual([3, made, made]);
        expect(await subject.store.read.fanOuts(9)).toMatchObject({
          planned: 21,
          made,
          remaining: 21 - made,
        });
        // The same request again is the same receipt, whatever is done of it.
        const again = await subject.store.write.accept([events], narrow);
        expect(again.groups).toMatchObject([
          { receipts: [{ deliveries: 7, suppressed: 2, duplicate: true }, {}, {}] },
        ]);
        const answer = await step();
        ({ tenant } = answer);
        expect(answer.made).toBeLessThanOrEqual(4 + 3);
        made += answer.made;
      }
      expect(made).toBe(21);
      for (const id of ['a', 'b', 'c'])
        expect(new Set((await rows(id)).map(({ endpointId }) => endpointId)).size).toBe(7);
      expect(await subject.store.read.fanOuts(9)).toEqual({
        planned: 21,
        made: 21,
        remaining: 0,
        underWay: [],
      });
      expect(await subject.store.read.nextDue(null)).toHaveLength(5);
      await balanced();
    });

    test('a small request is created at once, beside a large one in the same call; a refused one leaves nothing', async () => {
      await endpoints(3);
      await subject.store.write.accept([[anEvent({ id: 'used' })]], narrow);
      const { groups, claimed, fanOuts } = await subject.store.write.accept(
        [
          [anEvent({ id: 'small' })],
          [anEvent({ id: 'large-1' }), anEvent({ id: 'large-2' })],
          [anEvent({ id: 'refused' }), anEvent({ id: 'used', data: '0' })],
        ],
        narrow,
      );
      expect(groups).toMatchObject([{ receipts: [{}] }, { receipts: [{}, {}] }, { conflict: 1 }]);
      expect([claimed.length, fanOuts]).toEqual([3, 1]);
      expect(await rows('small')).toHaveLength(3);
      expect(await rows('large-1')).toHaveLength(0);
      expect(await subject.store.read.event('default', 'refused')).toBeNull();
      expect(await finish()).toBe(6);
      await balanced();
    });

    test('filters and types are decided when the event is accepted', async () => {
      const [cheap] = await endpoints(1, { filter: { '/n': 1 } });
      const [dear] = await endpoints(1, { filter: { '/n': 2 } });
      const [refunds] = await endpoints(1, { eventTypes: ['refund'] });
      const [all] = await endpoints(1);
      const { groups } = await subject.store.write.accept(
        [
          [
            anEvent({ id: 'one', data: '{"n":1}' }),
            anEvent({ id: 'two', data: '{"n":2}', type: 'refund' }),
            anEvent({ id: 'three', data: '{"n":3}' }),
            anEvent({ id: 'four', data: '{"n":1}', tenant: 'absent' }),
          ],
        ],
        narrow,
      );
      expect(groups).toMatchObject([
        { receipts: [{ deliveries: 2 }, { deliveries: 3 }, { deliveries: 1 }, { deliveries: 0 }] },
      ]);
      expect(await finish()).toBe(6);
      const of = async (id: string) => (await rows(id)).map(({ endpointId }) => endpointId).toSorted();
      expect(await of('one')).toEqual([cheap!.id, all!.id].toSorted());
      expect(await of('two')).toEqual([dear!.id, refunds!.id, all!.id].toSorted());
      expect(await of('three')).toEqual([all!.id]);
      await balanced();
    });

    test('G5: what happens to endpoints between two steps changes no plan', async () => {
      const [paused] = await endpoints(1, { enabled: false });
      const [kept, stops, goes] = await endpoints(3);
      await subject.store.write.accept([[anEvent({ id: 'e' })]], narrow);
      await subject.store.write.updateEndpoint(paused!.id, { enabled: true, updatedAt: start });
      await subject.store.write.updateEndpoint(stops!.id, { enabled: false, updatedAt: start });
      await subject.store.write.deleteEndpoint(goes!.id, start);
      await endpoints(2);
      expect(await finish()).toBe(4);
      await subject.store.write.cancelOrphans(9, start);
      const states = new Map(
        (await rows('e')).map(({ endpointId, state, reason }) => [endpointId, `${state} ${reason}`]),
      );
      expect(states).toEqual(
        new Map([
          [paused!.id, 'suppressed endpoint_paused'],
          [kept!.id, 'pending null'],
          [stops!.id, 'pending null'],
          [goes!.id, 'cancelled endpoint_deleted'],
        ]),
      );
      await balanced();
    });

    test('a later event of an ordering key does not overtake one that is still fanned out', async () => {
      const [first] = await endpoints(4, { ordering: 'key' });
      const keyed = (id: string) => anEvent({ id, orderingKey: 'k' });
      await subject.store.write.accept([[keyed('1'), keyed('2')]], narrow);
      await step(1);
      // Small enough to be created at once, but for its key; one without a key is.
      const { fanOuts } = await subject.store.write.accept([[keyed('3')]], { ...narrow, maxDirect: 1000 });
      expect(fanOuts).toBe(1);
      expect(
        (await subject.store.write.accept([[anEvent({ id: 'free' })]], { ...narrow, maxDirect: 1000 }))
          .fanOuts,
      ).toBe(0);
      expect(await finish()).toBe(10);
      const order = (await Promise.all(['1', '2', '3'].map(rows))).map((list) =>
        list.find(({ endpointId }) => endpointId === first!.id),
      );
      expect(order.map((row) => row!.number)).toEqual(
        order.map((row) => row!.number).toSorted((a, b) => a - b),
      );
      const got: string[] = [];
      for (let round = 0; round < 9; round++) {
        const deliveries = await claim(first!.id);
        await subject.store.write.settle(
          deliveries.map((d) => settlementOf(d, 'delivered', start + 5, { keyed: true })),
        );
        got.push(...deliveries.map(({ eventId }) => eventId).filter((id) => id !== 'free'));
      }
      expect(got).toEqual(['1', '2', '3']);
      await balanced();
    });

    test('G8: tenants take turns', async () => {
      await endpoints(8, { tenant: 'large' });
      await endpoints(4, { tenant: 'small' });
      const ten = () => Array.from({ length: 10 }, () => anEvent({ tenant: 'large' }));
      await subject.store.write.accept([ten(), [anEvent({ tenant: 'small', id: 's' })]], narrow);
      expect((await subject.store.read.fanOuts(9)).underWay).toEqual([
        { tenant: 'large', acceptedAt: start, movedAt: start, remaining: 80 },
        { tenant: 'small', acceptedAt: start, movedAt: start, remaining: 4 },
      ]);
      const turns: (string | null)[] = [];
      for (let n = 0; n < 6; n++) turns.push((await step()).tenant);
      expect(turns.slice(0, 2)).toEqual(['large', 'small']);
      await subject.store.write.accept([ten()], { ...narrow, now: start + 9 });
      // Behind the first: the tenant moves as long as the first does.
      expect((await subject.store.read.fanOuts(9)).underWay).toMatchObject([
        { tenant: 'large', acceptedAt: start, movedAt: start + 1 },
      ]);
      expect(await finish()).toBeGreaterThan(0);
      expect(await subject.store.read.fanOuts(9)).toMatchObject({ planned: 164, made: 164, remaining: 0 });
      await balanced();
    });

    test('what there is room for is created claimed and handed over with its event, once for all of its deliveries', async () => {
      const [one, two] = await endpoints(2);
      const [stops] = await endpoints(1);
      const [keyed] = await endpoints(1, { ordering: 'key' });
      const event = anEvent({ id: 'e', orderingKey: 'k', occurredAt: start - 9 });
      const changed = anEvent({ id: 'changed' });
      await subject.store.write.accept([[event, changed]], narrow);
      await subject.store.write.updateEndpoint(stops!.id, { enabled: false, updatedAt: start });
      await subject.run("UPDATE events SET data = '{}' WHERE id = 'changed'");
      const room = new Map([[two!.id, 0]]);
      const steps = [await step(1, { defaultRoom: 9, room }), await step(99, { defaultRoom: 9, room })];
      const claimed = steps.flatMap((answer) =>
        answer.claimed.map((of) => ({ ...of, event: answer.events[of.event] })),
      );
      const sent = { id: 'e', type: event.type, acceptedAt: start, occurredAt: start - 9, data: event.data };
      for (const of of claimed)
        expect(of).toMatchObject({
          endpointId: one!.id,
          leaseUntil: start + 1 + one!.timeoutMs + noRoom.leaseMs,
          event: sent,
        });
      expect(claimed).toHaveLength(1);
      const waiting = new Set(steps.flatMap((answer) => answer.waiting));
      // The changed event is left to a claim, which finds it; nothing waits where the endpoint stopped.
      expect([...waiting].toSorted()).toEqual([one!.id, two!.id, keyed!.id].toSorted());
      const { unaccounted } = await reconcile(subject.store.read, { everyRow: false });
      expect(unaccounted).toBe(0);
      // What was handed over belongs to its claim, and comes due again if its node dies.
      for (const { number } of claimed)
        expect(await subject.store.read.delivery(number)).toMatchObject({ state: 'pending' });
      expect(await subject.store.write.takeOver('a', start + 5)).toBe(claimed.length);
      expect((await claim(one!.id)).map(({ eventId, intact }) => [eventId, intact]).toSorted()).toEqual([
        ['changed', false],
        ['e', true],
      ]);
    });

    test('G7: an event is kept while it is fanned out; replays, redrives and cancels in between stay right', async () => {
      const [one] = await endpoints(6);
      await subject.store.write.accept([[anEvent({ id: 'e' })]], narrow);
      await step(2);
      for (const { number } of await rows('e'))
        await subject.store.write.cancelDelivery(number, 'test', start + 2);
      await balanced();
      const { deleted } = await subject.store.write.prune({
        ages: agesAt(start + 9),
        settledBefore: start + 9,
        deadBefore: start + 9,
        limit: 100,
        after: -1,
      });
      expect(deleted).toBe(2);
      expect(await subject.store.read.event('default', 'e')).not.toBeNull();
      await balanced();
      await subject.store.write.replayEvent('default', 'e', one!.id, start + 3);
      await step(2);
      const [newest] = await rows('e');
      await subject.store.write.cancelDelivery(newest!.number, 'test', start + 4);
      await subject.store.write.redriveDelivery(newest!.number, start + 5);
      await balanced();
      await finish();
      expect(await rows('e')).toHaveLength(6 - 2 + 1);
      await balanced();
    });

    test('G6: a remainder that vanishes is found, while it is fanned out and after', async () => {
      await endpoints(4);
      await subject.store.write.accept([[anEvent({ id: 'a' }), anEvent({ id: 'b' })]], narrow);
      await step(2);
      await subject.run(
        "DELETE FROM fan_out_events WHERE event_number = (SELECT number FROM events WHERE id = 'a')",
      );
      const {
        unaccounted,
        findings,
        balanced: is,
      } = await reconcile(subject.store.read, { everyRow: false });
      expect([unaccounted, is]).toEqual([3, false]);
      expect(findings).toMatchObject([{ eventId: 'a' }]);
      expect(await finish()).toBe(3);
      expect(await reconcile(subject.store.read, { everyRow: false })).toMatchObject({
        unaccounted: 3,
        findings: [{ eventId: 'a' }],
      });
    });

    test('G6: a fan-out without its head, and a delivery that vanishes meanwhile, are found', async () => {
      await endpoints(4);
      await subject.store.write.accept([[anEvent({ id: 'a' })]], narrow);
      await step(2);
      await balanced();
      await subject.run('DELETE FROM deliveries');
      const lost = await reconcile(subject.store.read, { everyRow: true });
      expect(lost.unaccounted).toBe(2);
      expect(lost.findings).toMatchObject([{ eventId: 'a' }]);
      await subject.run('DELETE FROM fan_outs');
      const headless = await reconcile(subject.store.read, { everyRow: true });
      expect(headless.findings.map(({ problem }) => problem)).toEqual(
        expect.arrayContaining([expect.stringContaining('the fan-out of this event is missing')]),
      );
    });

    test('what is missing of a window leaves out what is still to be created', async () => {
      await endpoints(4);
      await subject.store.write.accept([[anEvent({ id: 'a' })]], narrow);
      await step(2);
      const window = { tenant: 'default', since: start, until: start + 3_600_000 };
      expect((await subject.store.read.missing(window, 9)).events).toEqual([]);
      await subject.run('DELETE FROM deliveries');
      expect((await subject.store.read.missing(window, 9)).events).toMatchObject([{ missing: 2 }]);
    });
  });
}
