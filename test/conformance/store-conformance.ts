import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Alert } from '../../src/domain/alert.ts';
import { equationOf, reconcile } from '../../src/ledger/reconciler.ts';
import type { AcceptOptions, ClaimedDelivery, Store } from '../../src/store/store.ts';
import { anEndpoint, anEvent, start } from '../support.ts';
import { settlementOf } from './settlement.ts';
import { everything } from '../../src/store/accounting.ts';

const noRoom: AcceptOptions = { now: start, node: 'a', leaseMs: 30_000, defaultRoom: 0, room: new Map() };
const lease = 60_000;

function anAlert(id: string): Alert {
  return {
    id,
    rule: 'dead_letters',
    group: 'ep_1/timeout',
    severity: 'ticket',
    state: 'firing',
    owner: null,
    summary: 'dead letters',
    evidence: { z: 1, a: [2] },
    since: start,
    resolvedAt: null,
    acknowledgedAt: null,
    notifiedAt: start,
    notifiedSeverity: 'ticket',
  };
}

/** The books, and the tallies by event type and minute, come to the same. */
async function sameSums(store: Store): Promise<void> {
  const query = {
    ...everything,
    now: start,
  };
  const [books] = await store.accountingBy(query, 'tenant');
  const [tallies] = await store.accountingBy({ ...query, eventType: '*' }, 'tenant');
  expect(tallies).toEqual(books);
}

/** What every adapter of the store port must do. A second adapter runs this suite unchanged. */
export function describeStore(name: string, open: () => Promise<Store>, propertyRuns = 40): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store.close();
    });

    const claim = (endpointId: string, now: number, limit = 100, node = 'a') =>
      store.claim({ endpointId, shards: null, limit, maxPayload: 1e9, now, leaseMs: lease, node });
    const balanced = async (): Promise<void> => {
      const result = await reconcile(store, { everyRow: true });
      expect(result.findings).toEqual([]);
      expect(result.balanced).toBe(true);
    };
    const one = async (fields: Parameters<typeof anEndpoint>[0] = {}) => {
      const endpoint = anEndpoint(fields);
      await store.createEndpoint(endpoint);
      return endpoint;
    };

    test('the breaker stands in the endpoint: the later of two changes counts, and deleted ones are left out', async () => {
      const [a, b, gone] = [await one(), await one(), await one()];
      expect(await store.openBreakers()).toEqual([]);
      await store.saveBreakers([
        { endpointId: a.id, open: true, at: start + 10 },
        { endpointId: b.id, open: true, at: start + 10 },
        { endpointId: gone.id, open: true, at: start + 10 },
        { endpointId: 'ep_nobody', open: true, at: start + 10 },
      ]);
      // The one happened before, the other after: only the other changes anything.
      await store.saveBreakers([
        { endpointId: a.id, open: false, at: start + 9 },
        { endpointId: b.id, open: false, at: start + 11 },
      ]);
      await store.deleteEndpoint(gone.id, start + 20);
      await store.updateEndpoint(a.id, { description: 'changed', updatedAt: start + 30 });
      expect(await store.openBreakers()).toEqual([{ endpointId: a.id, openSince: start + 10 }]);
      await store.saveBreakers([{ endpointId: a.id, open: false, at: start + 10 }]);
      expect(await store.openBreakers()).toEqual([]);
    });

    test('G1: the same id and body again gives the same receipt, another body conflicts', async () => {
      await one();
      const event = anEvent({ id: 'order-1' });
      const first = await store.accept([[event]], noRoom);
      const again = await store.accept([[event], [{ ...event, data: '{"amount":1}' }], [anEvent()]], {
        ...noRoom,
        now: start + 9,
      });
      expect(first.groups[0]).toMatchObject({
        receipts: [{ duplicate: false, deliveries: 1, acceptedAt: start }],
      });
      expect(again.groups[0]).toMatchObject({
        receipts: [{ duplicate: true, deliveries: 1, acceptedAt: start }],
      });
      expect(again.groups[1]).toEqual({ conflict: 0 });
      expect(again.groups[2]).toMatchObject({ receipts: [{ duplicate: false }] });
      await balanced();
    });

    test('G1: an id is guarded across ordering keys, and not across tenants', async () => {
      await one();
      const event = anEvent({ id: 'order-2', orderingKey: 'customer-7' });
      await store.accept([[event]], noRoom);
      const answer = await store.accept(
        [
          [event],
          [anEvent({ id: 'order-2', orderingKey: 'customer-8' })],
          [anEvent({ id: 'order-2', tenant: 'other' })],
        ],
        noRoom,
      );
      expect(answer.groups).toMatchObject([
        { receipts: [{ duplicate: true }] },
        { conflict: 0 },
        { receipts: [{ duplicate: false }] },
      ]);
      expect((await store.event('default', 'order-2'))?.orderingKey).toBe('customer-7');
    });

    test('a group is all or none, and twins inside it are one event', async () => {
      await one();
      const taken = anEvent({ id: 'taken' });
      await store.accept([[taken]], noRoom);
      const twin = anEvent({ id: 'twin' });
      const answer = await store.accept(
        [
          [anEvent({ id: 'fresh' }), { ...taken, data: '1' }],
          [twin, twin],
        ],
        noRoom,
      );
      expect(answer.groups[0]).toEqual({ conflict: 1 });
      expect(answer.groups[1]).toMatchObject({ receipts: [{ duplicate: false }, { duplicate: true }] });
      expect(await store.event('default', 'fresh')).toBeNull();
      await balanced();
    });

    test('room bounds what is handed over claimed; the rest waits', async () => {
      const endpoint = await one();
      const answer = await store.accept([[anEvent(), anEvent(), anEvent()]], { ...noRoom, defaultRoom: 2 });
      expect(answer.claimed).toHaveLength(2);
      expect(answer.waiting).toEqual([endpoint.id]);
      const { deliveries, nextDueAt } = await claim(endpoint.id, start);
      expect(deliveries).toHaveLength(1);
      expect(nextDueAt).toBe(start + endpoint.timeoutMs + 30_000);
    });

    test('G2: a claim moves due_at by its lease, and runs out by itself', async () => {
      const endpoint = await one();
      await store.accept([[anEvent()]], noRoom);
      const [first] = (await claim(endpoint.id, start)).deliveries;
      expect(first).toMatchObject({ claim: 1, leaseUntil: start + lease, attemptsMade: 0 });
      expect((await claim(endpoint.id, start + lease - 1)).deliveries).toEqual([]);
      expect((await claim(endpoint.id, start + lease)).deliveries).toMatchObject([{ claim: 2 }]);
    });

    test('G3: a late settlement is superseded and changes nothing else', async () => {
      const endpoint = await one();
      await store.accept([[anEvent()]], noRoom);
      const [old] = (await claim(endpoint.id, start)).deliveries;
      const [fresh] = (await claim(endpoint.id, start + lease, 1, 'b')).deliveries;
      expect(await store.settle([settlementOf(old!, 'dead', start + lease + 1)])).toEqual([false]);
      expect(await store.delivery(old!.number)).toMatchObject({ state: 'pending', dueAt: start + 2 * lease });
      expect(
        await store.settle([
          settlementOf(fresh!, 'delivered', start + lease + 2),
          settlementOf(fresh!, 'pending', start + lease + 3),
        ]),
      ).toEqual([true, false]);
      expect(await store.delivery(old!.number)).toMatchObject({ state: 'delivered', dueAt: null });
      expect((await store.attempts(old!.number)).map(({ outcome }) => outcome)).toEqual([
        'superseded',
        'delivered',
      ]);
      await balanced();
    });

    test('G3: a redrive neither disturbs an attempt in flight nor revives its fence', async () => {
      const endpoint = await one();
      await store.accept([[anEvent()]], noRoom);
      const [held] = (await claim(endpoint.id, start)).deliveries;
      expect(await store.redriveDelivery(held!.number, start + 1)).toBe('done');
      expect((await claim(endpoint.id, start + 1)).deliveries).toEqual([]);
      expect(await store.settle([settlementOf(held!, 'dead', start + 2)])).toEqual([true]);
      expect(await store.redriveDelivery(held!.number, start + 3)).toBe('done');
      expect(await store.settle([settlementOf(held!, 'delivered', start + 4)])).toEqual([false]);
      const [again] = (await claim(endpoint.id, start + 5)).deliveries;
      expect(again).toMatchObject({ claim: 2, attemptsMade: 0, trigger: 'manual' });
      await balanced();
    });

    test('G3: a failed manual attempt leaves the automatic retry in place', async () => {
      const endpoint = await one();
      await store.accept([[anEvent()]], noRoom);
      const [first] = (await claim(endpoint.id, start)).deliveries;
      await store.settle([settlementOf(first!, 'pending', start + 1)]);
      await store.redriveDelivery(first!.number, start + 2);
      const [manual] = (await claim(endpoint.id, start + 2)).deliveries;
      expect(manual).toMatchObject({ trigger: 'manual', attemptsMade: 1 });
      await store.settle([settlementOf(manual!, 'pending', start + 3)]);
      expect((await claim(endpoint.id, start + 3 + 5000)).deliveries).toMatchObject([
        { trigger: 'schedule', attemptsMade: 2 },
      ]);
    });

    test('G5: a disabled endpoint suppresses with a reason, and a redrive brings it back', async () => {
      const endpoint = await one({ enabled: false });
      const answer = await store.accept([[anEvent()]], { ...noRoom, defaultRoom: 10 });
      expect(answer).toMatchObject({
        groups: [{ receipts: [{ deliveries: 1, suppressed: 1 }] }],
        claimed: [],
        waiting: [],
      });
      const [delivery] = await store.deliveries({ state: 'suppressed' }, { before: null, limit: 10 });
      expect(delivery).toMatchObject({ reason: 'endpoint_paused', attempts: 0 });
      await balanced();
      await store.updateEndpoint(endpoint.id, { enabled: true, updatedAt: start });
      const job = await store.createRedrive({
        id: 'rdr_1',
        filter: { state: 'suppressed' },
        ratePerS: null,
        dryRun: false,
        now: start,
      });
      expect(job).toMatchObject({ matched: 1, state: 'running' });
      expect((await store.stepRedrive('rdr_1', 10, start)).redrive).toMatchObject({
        redriven: 1,
        state: 'done',
      });
      expect((await claim(endpoint.id, start)).deliveries).toMatchObject([{ trigger: 'redrive' }]);
      await balanced();
    });

    test('G5: unmatched and filtered events are counted', async () => {
      await one({ eventTypes: ['invoice.*'] });
      await one({ filter: { '/amount': 5 } });
      await store.accept([[anEvent(), anEvent({ data: '{"amount":5}' })]], noRoom);
      const counts = await store.accounting({
        ...everything,
        now: start,
      });
      expect(counts).toMatchObject({ events: 2, unmatched: 1, accepted: 1, pending: 1 });
    });

    test('a paused endpoint keeps its pending deliveries and is not claimed from', async () => {
      const endpoint = await one();
      await store.accept([[anEvent()]], noRoom);
      await store.updateEndpoint(endpoint.id, { enabled: false, updatedAt: start });
      expect(await claim(endpoint.id, start)).toEqual({ deliveries: [], nextDueAt: null });
      await store.updateEndpoint(endpoint.id, { enabled: true, updatedAt: start });
      expect((await claim(endpoint.id, start)).deliveries).toHaveLength(1);
    });

    test('ordering: only the head of a key is claimed; the next follows when it has ended', async () => {
      const endpoint = await one({ ordering: 'key' });
      for (const id of ['k-1', 'k-2', 'k-3'])
        await store.accept([[anEvent({ id, orderingKey: 'k' })]], { ...noRoom, defaultRoom: 9 });
      const first = (await claim(endpoint.id, start)).deliveries;
      expect(first.map(({ eventId }) => eventId)).toEqual(['k-1']);
      await store.settle([settlementOf(first[0]!, 'pending', start + 1, { keyed: true })]);
      expect((await claim(endpoint.id, start + 2)).deliveries).toEqual([]);
      const retried = (await claim(endpoint.id, start + 6000)).deliveries;
      expect(retried.map(({ eventId }) => eventId)).toEqual(['k-1']);
      await store.settle([settlementOf(retried[0]!, 'dead', start + 6001, { keyed: true })]);
      expect((await claim(endpoint.id, start + 6001)).deliveries.map(({ eventId }) => eventId)).toEqual([
        'k-2',
      ]);
    });

    test('ordering: a long queue of one key takes one claim a step, and is not read again and again', async () => {
      const endpoint = await one({ ordering: 'key' });
      const count = 300;
      const events = Array.from({ length: count }, (_, n) => anEvent({ id: `q${n}`, orderingKey: 'k' }));
      await store.accept([events, [anEvent({ id: 'free' })]], noRoom);
      const arrived: string[] = [];
      let now = start;
      let claims = 0;
      while (arrived.length < count + 1 && claims < 2 * count) {
        claims++;
        const { deliveries } = await claim(endpoint.id, ++now, 20);
        arrived.push(...deliveries.map(({ eventId }) => eventId));
        await store.settle(deliveries.map((d) => settlementOf(d, 'delivered', now, { keyed: true })));
      }
      expect(arrived.filter((id) => id !== 'free')).toEqual(events.map(({ id }) => id));
      expect(claims).toBeLessThan(count + 40);
    });

    test('released claims are due again; those of a former life of the node too, and of no other', async () => {
      const endpoint = await one();
      await store.accept([[anEvent()], [anEvent()]], noRoom);
      const [mine] = (await claim(endpoint.id, start, 1)).deliveries;
      await store.release([{ number: mine!.number, claim: mine!.claim, dueAt: start + 7 }]);
      expect(await store.delivery(mine!.number)).toMatchObject({ dueAt: start + 7 });
      await claim(endpoint.id, start + 7, 1, 'a');
      await claim(endpoint.id, start + 7, 1, 'b');
      expect(await store.takeOver('a', start + 8)).toBe(1);
      expect((await claim(endpoint.id, start + 8)).deliveries).toHaveLength(1);
    });

    test('cancelling takes a reason and only what is pending', async () => {
      const endpoint = await one();
      await store.accept([[anEvent()]], noRoom);
      const [held] = (await claim(endpoint.id, start)).deliveries;
      expect(await store.cancelDelivery(held!.number, 'wrong customer', start)).toBe('done');
      expect(await store.cancelDelivery(held!.number, 'again', start)).toBe('refused');
      // The same shard's next but many: a number written out would be the held one in one run of 64.
      const nobodys = held!.number + 64_000;
      expect(await store.cancelDelivery(nobodys, 'nothing', start)).toBe('not_found');
      expect(await store.settle([settlementOf(held!, 'pending', start + 1)])).toEqual([false]);
      expect(await store.delivery(held!.number)).toMatchObject({
        state: 'cancelled',
        reason: 'cancelled: wrong customer',
      });
      await balanced();
    });

    test("a deleted endpoint's pending deliveries are cancelled, in batches, with a reason", async () => {
      const endpoint = await one();
      await store.accept([[anEvent(), anEvent(), anEvent()]], noRoom);
      const [held] = (await claim(endpoint.id, start, 1)).deliveries;
      await store.deleteEndpoint(endpoint.id, start);
      expect([await store.cancelOrphans(2, start), await store.cancelOrphans(2, start)]).toEqual([2, 1]);
      expect(await store.settle([settlementOf(held!, 'delivered', start)])).toEqual([false]);
      await balanced();
    });

    test('replay makes new deliveries of a past event', async () => {
      const endpoint = await one();
      await store.accept([[anEvent({ id: 'e' })]], noRoom);
      expect(await store.replayEvent('default', 'e', endpoint.id, start)).toMatchObject({ deliveries: 1 });
      expect(await store.replayEvent('default', 'none', null, start)).toBeNull();
      expect(await store.deliveries({ eventId: 'e' }, { before: null, limit: 9 })).toHaveLength(2);
      await balanced();
    });

    test('G7: pruning never takes what is pending, keeps dead letters longer, and keeps the books', async () => {
      const endpoint = await one();
      await store.accept(
        [[anEvent({ id: 'done' }), anEvent({ id: 'dead' }), anEvent({ id: 'open' })]],
        noRoom,
      );
      const { deliveries } = await claim(endpoint.id, start);
      const of = (id: string) => deliveries.find(({ eventId }) => eventId === id)!;
      await store.settle([
        settlementOf(of('done'), 'delivered', start),
        settlementOf(of('dead'), 'dead', start),
      ]);
      const later = start + 1e9;
      await store.prune({ now: start, settledBefore: later, deadBefore: start, limit: 100, after: -1 });
      expect(await store.event('default', 'done')).toBeNull();
      expect(await store.deliveries({}, { before: null, limit: 9 })).toMatchObject([
        { state: 'pending' },
        { state: 'dead' },
      ]);
      await balanced();
      await store.prune({ now: start, settledBefore: later, deadBefore: later, limit: 100, after: -1 });
      expect(await store.deliveries({}, { before: null, limit: 9 })).toMatchObject([{ state: 'pending' }]);
      await balanced();
      const [books] = (await store.conservation()).map(equationOf);
      expect(books).toMatchObject({ accepted: 3, delivered: 1, dead: 1, pending: 1, residue: 0 });
      // Pruned is not lost, and how many of which state are no rows any more is known.
      const hour = Math.floor(start / 3_600_000) * 3_600_000;
      const window = { tenant: null, since: hour, until: hour + 3_600_000 };
      const pruned = { delivered: 1, dead: 1, cancelled: 0, suppressed: 0 };
      expect(await store.gone(window, 9)).toEqual({ pruned, events: [] });
      const none = { delivered: 0, dead: 0, cancelled: 0, suppressed: 0 };
      expect(await store.gone({ ...window, tenant: 'other' }, 9)).toEqual({ pruned: none, events: [] });
      expect(await store.gone({ ...window, since: window.until, until: later }, 9)).toEqual({
        pruned: none,
        events: [],
      });
    });

    test('G7: pruning goes on where it stopped, past what stays, and ends where all is young', async () => {
      const endpoint = await one();
      const events = Array.from({ length: 10 }, (_, n) =>
        anEvent({ id: `old_${n}`, orderingKey: n === 9 ? 'k' : null }),
      );
      await store.accept([events], noRoom);
      const { deliveries } = await claim(endpoint.id, start);
      const odd = deliveries.filter((_, n) => n % 2 === 1);
      await store.settle(odd.map((delivery) => settlementOf(delivery, 'delivered', start)));
      const later = start + 1e9;
      await store.accept([[anEvent()]], { ...noRoom, now: later });
      const request = { now: start, settledBefore: later, deadBefore: later, limit: 3 };
      let deleted = 0;
      let rounds = 0;
      for (let after: number | null = -1; after !== null; rounds++) {
        const answer: { deleted: number; next: number | null } = await store.prune({ ...request, after });
        deleted += answer.deleted;
        after = answer.next;
      }
      expect(deleted).toBe(odd.length);
      expect(rounds).toBeGreaterThan(2);
      // A pruned id is free again, also one that an ordering key had put elsewhere.
      const again = odd.map(({ eventId }) => anEvent({ id: eventId, data: '2' }));
      expect((await store.accept([again], noRoom)).groups[0]).toHaveProperty('receipts');
      await balanced();
    });

    test('G7: events that nobody wanted are pruned too', async () => {
      await store.accept([[anEvent({ id: 'unwanted' })]], noRoom);
      const request = { now: start, settledBefore: start, deadBefore: start, limit: 10, after: -1 };
      expect(await store.prune(request)).toEqual({ deleted: 0, next: null });
      expect(await store.prune({ ...request, settledBefore: start + 1 })).toEqual({ deleted: 1, next: null });
    });

    test('of two that settle a setting at once, one wins', async () => {
      const values = await Promise.all(['a', 'b', 'c'].map((value) => store.settleSetting('key', value)));
      expect(new Set(values).size).toBe(1);
      expect(await store.setting('key')).toBe(values[0]);
      await store.saveSetting('key', 'd');
      expect(await store.settleSetting('key', 'e')).toBe('d');
    });

    test('dead letters are grouped, with the value at risk of each event once', async () => {
      const endpoint = await one({ owner: 'orders' });
      await store.accept([[anEvent({ value: { amountMinor: 2n ** 53n + 1n, currency: 'USD' } })]], noRoom);
      const [held] = (await claim(endpoint.id, start)).deliveries;
      await store.settle([settlementOf(held!, 'dead', start)]);
      expect(await store.deadLetters(null)).toEqual([
        {
          endpointId: endpoint.id,
          owner: 'orders',
          errorClass: 'http_5xx',
          count: 1,
          oldestAt: start,
          valueAtRisk: [{ currency: 'USD', amountMinor: 2n ** 53n + 1n, events: 1 }],
        },
      ]);
    });

    test('G3, G4: an outcome that is settled again, because its answer was lost, is answered as it was', async () => {
      const endpoint = await one();
      await store.accept([[anEvent()]], noRoom);
      const [first] = (await claim(endpoint.id, start)).deliveries;
      const failed = settlementOf(first!, 'pending', start + 5);
      expect(await store.settle([failed])).toEqual([true]);
      expect(await store.settle([failed])).toEqual([true]);
      const [second] = (await claim(endpoint.id, start + 60_000)).deliveries;
      const delivered = settlementOf(second!, 'delivered', start + 60_005);
      expect(await store.settle([delivered])).toEqual([true]);
      expect(await store.settle([delivered])).toEqual([true]);
      // Another outcome under a claim that has its own is none of these.
      expect(
        await store.settle([settlementOf(second!, 'dead', start + 60_009, { startedAt: start + 1 })]),
      ).toEqual([false]);
      expect(await store.attempts(first!.number)).toMatchObject([
        { n: 1, outcome: 'retry' },
        { n: 2, outcome: 'delivered' },
      ]);
      expect(
        await store.accounting({
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

    test('alerts: a step and what is told of it are stored together, once', async () => {
      const endpoint = await one({ tenant: 'posthorn', envelope: 'none' });
      const alert = anAlert('alr_1');
      expect(await store.alerts()).toEqual({ version: 0, alerts: [] });
      const step = {
        version: 0,
        changed: [alert, anAlert('alr_2')],
        forgotten: [],
        notifications: [
          {
            event: anEvent({ id: 'told', tenant: 'posthorn', data: '{"text":"x"}' }),
            endpointId: endpoint.id,
          },
        ],
        now: start,
      };
      // Two nodes that worked out the same step: one stores it.
      expect((await Promise.all([store.saveAlerts(step), store.saveAlerts(step)])).toSorted()).toEqual([
        false,
        true,
      ]);
      const { version, alerts } = await store.alerts();
      expect(version).toBe(1);
      expect(JSON.stringify(alerts)).toBe(JSON.stringify(step.changed));
      expect(await store.deliveries({ endpointId: endpoint.id }, { before: null, limit: 10 })).toMatchObject([
        { eventId: 'told', state: 'pending' },
      ]);
      expect(
        await store.saveAlerts({
          ...step,
          version: 1,
          changed: [{ ...alert, state: 'resolved' }],
          forgotten: ['alr_2'],
          notifications: [],
        }),
      ).toBe(true);
      expect((await store.alerts()).alerts).toMatchObject([{ id: 'alr_1', state: 'resolved' }]);
      await balanced();
    });

    test('documents are kept by kind and name', async () => {
      await store.putDocument('team', 'b', { channels: ['x'] });
      await store.putDocument('team', 'a', { channels: [] });
      await store.putDocument('channel', 'a', { kind: 'webhook' });
      await store.putDocument('team', 'b', { channels: ['y'] });
      expect(await store.documents('team')).toEqual([
        { name: 'a', document: { channels: [] } },
        { name: 'b', document: { channels: ['y'] } },
      ]);
      expect([await store.deleteDocument('team', 'a'), await store.deleteDocument('team', 'a')]).toEqual([
        true,
        false,
      ]);
      expect(await store.documents('channel')).toHaveLength(1);
    });

    test('G4, G6: the books balance after any sequence of steps', async () => {
      const step = fc.record({
        kind: fc.constantFrom(
          'accept',
          'claim',
          'settle',
          'stale',
          'redrive',
          'cancel',
          'release',
          'prune',
          'pause',
          'replay',
          'takeOver',
        ),
        pick: fc.nat(1000),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          const fresh = await open();
          try {
            const endpoint = anEndpoint();
            await fresh.createEndpoint(endpoint);
            const claims: ClaimedDelivery[] = [];
            let now = start;
            for (const { kind, pick } of steps) {
              now += pick * 100;
              const all = await fresh.deliveries({}, { before: null, limit: 1000 });
              const some = all[pick % Math.max(1, all.length)]?.number ?? 0;
              const held = claims[pick % Math.max(1, claims.length)];
              const ending = (['pending', 'delivered', 'dead'] as const)[pick % 3]!;
              if (kind === 'accept')
                await fresh.accept([[anEvent({ id: `e${pick % 20}` })]], {
                  ...noRoom,
                  now,
                  defaultRoom: pick % 2,
                });
              else if (kind === 'claim')
                claims.push(
                  ...(
                    await fresh.claim({
                      endpointId: endpoint.id,
                      shards: null,
                      limit: 3,
                      maxPayload: 1e9,
                      now,
                      leaseMs: lease,
                      node: 'a',
                    })
                  ).deliveries,
                );
              else if ((kind === 'settle' || kind === 'stale') && held !== undefined)
                await fresh.settle([settlementOf(held, ending, now)]);
              else if (kind === 'redrive') await fresh.redriveDelivery(some, now);
              else if (kind === 'cancel') await fresh.cancelDelivery(some, 'test', now);
              else if (kind === 'release' && held !== undefined)
                await fresh.release([{ number: held.number, claim: held.claim, dueAt: now }]);
              else if (kind === 'prune') {
                await fresh.prune({ now, settledBefore: now, deadBefore: now - 50_000, limit: 2, after: -1 });
                // As if it were long ago: what comes later is added to what is coarse already.
                await fresh.fold(now + 30 * 86_400_000);
              } else if (kind === 'pause')
                await fresh.updateEndpoint(endpoint.id, { enabled: pick % 2 === 0, updatedAt: now });
              else if (kind === 'replay') await fresh.replayEvent('default', `e${pick % 20}`, null, now);
              else if (kind === 'takeOver') await fresh.takeOver('a', now);
              const result = await reconcile(fresh, { everyRow: true });
              expect(result.findings).toEqual([]);
              expect(result.balanced).toBe(true);
            }
            await sameSums(fresh);
          } finally {
            await fresh.close();
          }
        }),
        { numRuns: propertyRuns },
      );
    });
  });
}
