import { expect, test } from 'vitest';
import { engineActor } from '../../../packages/posthorn/src/domain/audit-entry.ts';
import { firstCount } from '../../../packages/posthorn/src/store/first-sent.ts';
import { beginRedrive } from '../../../packages/posthorn/src/store/redrives.ts';
import { allNumbers, type DeliverySearch } from '../../../packages/posthorn/src/store/search.ts';
import type {
  BulkRequest,
  NewRedrive,
  RedriveRecord,
  RedriveStep,
} from '../../../packages/posthorn/src/store/store.ts';
import { anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { noRoom, type Subject } from './subject.ts';

/** Redrives and replays in bulk: what they find, how they go on, and what became of their deliveries. */
export function describeBulkJobs(subject: Subject): void {
  const { one, claim, balanced } = subject;
  let jobs = 0;
  const begin = (
    request: Pick<BulkRequest, 'kind'> & Partial<BulkRequest>,
    fields: Partial<Omit<NewRedrive, 'match' | 'firstNumber' | 'belowNumber'>> = {},
  ): Promise<RedriveRecord> =>
    beginRedrive(subject.store, {
      id: `job_${String(++jobs).padStart(4, '0')}`,
      name: null,
      filter: {},
      target: null,
      by: engineActor,
      ratePerS: null,
      dryRun: false,
      now: start + 100,
      ...request,
      ...fields,
    });
  /** Each step at a later time than the one before. */
  let now = start + 200;
  const step = (id: string, limit = 200): Promise<RedriveStep> =>
    subject.store.write.stepRedrive(id, limit, (now += 10));
  const run = async (id: string, limit = 200): Promise<RedriveRecord> => {
    for (let steps = 0; steps < 500; steps++) {
      const { redrive, isWaiting } = await step(id, limit);
      if (redrive.state !== 'running') return redrive;
      if (isWaiting) now += 1000;
    }
    throw new Error(`${id} does not end`);
  };
  /** Attempts whatever is due, all with this outcome. */
  const attempt = async (endpointId: string, state: 'delivered' | 'dead' | 'pending'): Promise<number> => {
    for (let count = 0; ;) {
      const { deliveries } = await claim(endpointId, now);
      if (deliveries.length === 0) return count;
      count += deliveries.length;
      await subject.store.write.settle(
        deliveries.map((d) => settlementOf(d, state, now, { dueAt: state === 'pending' ? now + 1e9 : null })),
      );
    }
  };
  const outcome = async (id: string) => (await subject.store.read.redriveOutcomes([id]))[0]!.states;
  const found = async (search: DeliverySearch): Promise<readonly number[]> => {
    const page = { after: null, limit: 1000, order: 'desc', maxRows: 100_000, within: allNumbers } as const;
    return (await subject.store.read.searchDeliveries(search, page)).numbers;
  };
  const all = (filter = {}) => subject.store.read.deliveries(filter, { after: null, limit: 1000 });

  test('a redrive sends a few first, goes on once one of them is delivered, and knows what became of its own', async () => {
    const endpoint = await one();
    await subject.store.write.accept([Array.from({ length: 50 }, () => anEvent())], noRoom);
    await attempt(endpoint.id, 'dead');
    const job = await begin({ kind: 'redrive' });
    expect(job).toMatchObject({ by: engineActor, stopReason: null, kind: 'redrive' });
    expect((await step(job.id)).redrive.redriven).toBe(firstCount);
    expect(await step(job.id)).toMatchObject({ isWaiting: true, redrive: { redriven: firstCount } });
    expect(await attempt(endpoint.id, 'delivered')).toBe(firstCount);
    expect(await run(job.id)).toMatchObject({ state: 'done', redriven: 50, stopReason: null });
    expect(await outcome(job.id)).toEqual({ delivered: firstCount, pending: 30 });
    await attempt(endpoint.id, 'dead');
    expect(await outcome(job.id)).toEqual({ delivered: firstCount, dead: 30 });
    const ofJob = await found({ redriveIds: [job.id, 'job_none'] });
    expect(ofJob).toEqual((await all()).map(({ number }) => number));
    expect(await found({ redriveIds: [job.id], states: ['dead'] })).toHaveLength(30);
    // Another one takes them over.
    const again = await begin({ kind: 'redrive' });
    await run(again.id);
    expect(await outcome(job.id)).toEqual({ delivered: firstCount });
    expect(await outcome(again.id)).toEqual({ pending: 30 });
    await balanced();
  });

  test.each(['dead', 'pending'] as const)(
    'a redrive stops itself if the first 20 all fail again (%s), and leaves the rest as it is',
    async (state) => {
      const endpoint = await one();
      await subject.store.write.accept([Array.from({ length: 30 }, () => anEvent())], noRoom);
      await attempt(endpoint.id, 'dead');
      const job = await begin({ kind: 'redrive' });
      await step(job.id, 12);
      expect(await attempt(endpoint.id, state)).toBe(12);
      // Twelve are not twenty.
      expect((await step(job.id, 50)).redrive).toMatchObject({ state: 'running', redriven: firstCount });
      await attempt(endpoint.id, state);
      const { redrive, endpointIds } = await step(job.id);
      expect(redrive).toMatchObject({ state: 'stopped', stopReason: 'failing', redriven: firstCount });
      expect([redrive.finishedAt, endpointIds]).toEqual([now, []]);
      expect(await outcome(job.id)).toEqual({ [state]: firstCount });
      expect(await all({ states: ['dead'] })).toHaveLength(state === 'dead' ? 30 : 10);
      await subject.store.write.stopRedrive(job.id, now);
      expect(await subject.store.read.redrive(job.id)).toEqual(redrive);
      await balanced();
    },
  );

  test('a dry run says which endpoints and how many ordering keys it is about', async () => {
    const [keyed, plain] = [await one({ ordering: 'key' }), await one({ eventTypes: ['other'] })];
    const value = { amountMinor: 5n, currency: 'EUR' };
    for (const orderingKey of ['a', 'a', 'b', null]) {
      await subject.store.write.accept([[anEvent({ orderingKey, value })]], noRoom);
      await attempt(keyed.id, 'dead');
    }
    await subject.store.write.accept([[anEvent({ type: 'other', orderingKey: 'c' })]], noRoom);
    await attempt(keyed.id, 'dead');
    await attempt(plain.id, 'dead');
    expect(await begin({ kind: 'redrive' }, { dryRun: true })).toMatchObject({
      matched: 6,
      keysHeld: 3,
      endpoints: 2,
      byEndpoint: [
        {
          endpointId: keyed.id,
          matched: 5,
          value: [{ currency: 'EUR', amountMinor: 20n, events: 4 }],
        },
        { endpointId: plain.id, matched: 1, value: [] },
      ],
    });
  });

  test('G6: a replay makes new deliveries of what its filter matches, each at its own endpoint', async () => {
    const [a, b] = [await one({ eventTypes: ['x', 'y'] }), await one({ eventTypes: ['y'] })];
    const value = { amountMinor: 7n, currency: 'EUR' };
    await subject.store.write.accept(
      [Array.from({ length: 25 }, () => anEvent({ type: 'x', value }))],
      noRoom,
    );
    await subject.store.write.accept([Array.from({ length: 5 }, () => anEvent({ type: 'y' }))], noRoom);
    await attempt(a.id, 'delivered');
    await attempt(b.id, 'dead');
    const count = async (filter: BulkRequest['filter']) =>
      (await begin({ kind: 'replay', filter }, { dryRun: true })).matched;
    expect(await count({})).toBe(35);
    expect(await count({ states: ['dead'] })).toBe(5);
    expect(await count({ states: ['cancelled'] })).toBe(0);
    expect(await count({ endpointIds: [a.id], eventTypes: ['y'] })).toBe(5);
    expect(await count({ statusCodes: [200] })).toBe(30);
    expect(await count({ statusCodes: [500, 503] })).toBe(5);
    expect(await count({ until: start })).toBe(0);
    const [first, second] = await all({ endpointIds: [b.id] });
    expect(await count({ eventIds: [first!.eventId, 'absent'] })).toBe(2);

    const filter = { states: ['delivered' as const], eventTypes: ['x'] };
    const job = await begin({ kind: 'replay', filter }, { name: 'again' });
    expect(job).toMatchObject({
      kind: 'replay',
      name: 'again',
      matched: 25,
      value: [{ currency: 'EUR', amountMinor: 175n, events: 25 }],
    });
    expect((await step(job.id, 7)).redrive.redriven).toBe(7);
    expect(await attempt(a.id, 'delivered')).toBe(7);
    expect(await run(job.id, 7)).toMatchObject({ state: 'done', redriven: 25, skipped: 0 });
    await attempt(a.id, 'delivered');
    expect(await outcome(job.id)).toEqual({ delivered: 25 });
    // It takes what was there when it began, and not what it makes itself.
    expect(await all({ eventTypes: ['x'] })).toHaveLength(50);
    const dead = await begin({
      kind: 'replay',
      filter: { states: ['dead'], eventIds: [first!.eventId, second!.eventId] },
    });
    expect(await run(dead.id)).toMatchObject({ redriven: 2 });
    expect(await all({ endpointIds: [b.id], states: ['pending'] })).toMatchObject([{}, {}]);
    await balanced();
    // A job of one kind is not among those of the other.
    expect(await subject.store.read.redrives({ kind: 'redrive', after: null, limit: 9 })).toEqual([]);
  });

  test('a replay of a window reads what can be in it, and finds all of that', async () => {
    const endpoint = await one();
    const hour = 3_600_000;
    for (let n = 0; n < 8; n++)
      await subject.store.write.accept([[anEvent()]], { ...noRoom, now: start + n * 3 * hour });
    now += 100 * hour;
    await attempt(endpoint.id, 'delivered');
    const filter = { since: start + 9 * hour, until: start + 15 * hour };
    for (const target of [null, endpoint.id]) {
      const job = await begin({ kind: 'replay', filter: { ...filter, tenants: ['default'] }, target });
      expect(job.matched).toBe(2);
      expect(job.firstNumber).toBeGreaterThan(0);
      expect(await run(job.id)).toMatchObject({ redriven: 2 });
      await attempt(endpoint.id, 'delivered');
    }
    await balanced();
  });

  test('G6: a replay to one endpoint brings it each event once, also what no endpoint wanted', async () => {
    const [a, b] = [await one({ eventTypes: ['x'] }), await one({ eventTypes: ['x'] })];
    await subject.store.write.accept([[anEvent({ type: 'x' }), anEvent({ type: 'x' })]], noRoom);
    await subject.store.write.accept(
      [[anEvent({ type: 'unwanted' }), anEvent({ type: 'x', tenant: 'other' })]],
      noRoom,
    );
    await attempt(a.id, 'delivered');
    await attempt(b.id, 'dead');
    const fresh = await one({ eventTypes: ['never'], ordering: 'key' });
    const request = { kind: 'replay', target: fresh.id, filter: { tenants: ['default'] } } as const;
    expect(await begin(request, { dryRun: true })).toMatchObject({
      matched: 3,
      byEndpoint: [{ endpointId: fresh.id, matched: 3 }],
    });
    const failed = {
      ...request,
      filter: { tenants: ['default'], endpointIds: [b.id], states: ['dead' as const] },
    };
    expect(await begin(failed, { dryRun: true })).toMatchObject({ matched: 2 });
    const job = await begin(request);
    expect(await run(job.id, 2)).toMatchObject({ state: 'done', redriven: 3, target: fresh.id });
    const made = await all({ endpointIds: [fresh.id] });
    expect(made.map(({ eventType, state }) => [eventType, state]).toSorted()).toEqual([
      ['unwanted', 'pending'],
      ['x', 'pending'],
      ['x', 'pending'],
    ]);
    expect(new Set(made.map(({ eventId }) => eventId)).size).toBe(3);
    await balanced();
  });

  test('G5: what a paused endpoint is replayed is suppressed, and what nothing can deliver is skipped', async () => {
    const [paused, gone] = [await one({ eventTypes: ['p'] }), await one({ eventTypes: ['g'] })];
    const value = { amountMinor: 7n, currency: 'EUR' };
    await subject.store.write.accept([[anEvent({ type: 'p', value }), anEvent({ type: 'g' })]], noRoom);
    for (const { id } of [paused, gone]) await attempt(id, 'delivered');
    await subject.store.write.updateEndpoint(paused.id, { enabled: false, updatedAt: now });
    await subject.store.write.deleteEndpoint(gone.id, now);
    const job = await begin({ kind: 'replay' });
    expect(job).toMatchObject({ matched: 2, skipped: 0 });
    expect(await run(job.id)).toMatchObject({ state: 'done', redriven: 1, skipped: 1 });
    expect(await all({ states: ['suppressed'] })).toMatchObject([
      { endpointId: paused.id, reason: 'endpoint_paused' },
    ]);
    expect(await outcome(job.id)).toEqual({ suppressed: 1 });
    const event = (await all({ states: ['suppressed'] }))[0]!.eventId;
    expect(await subject.store.read.event('default', event)).toMatchObject({ deliveries: 2, suppressed: 1 });
    await balanced();
    const lost = await begin({ kind: 'replay', target: gone.id, filter: { tenants: ['default'] } });
    expect(await run(lost.id)).toMatchObject({ redriven: 0, skipped: 2 });
  });
}
