import { expect, test } from 'vitest';
import { everything } from '../../../packages/posthorn/src/store/accounting.ts';
import { beginRedrive } from '../../../packages/posthorn/src/store/redrives.ts';
import type { DeliveryFilter, RedriveRecord } from '../../../packages/posthorn/src/store/store.ts';
import { aRedrive, anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { noRoom, type Subject } from './subject.ts';

const eur = (amountMinor: bigint) => ({ amountMinor, currency: 'EUR' });

/** Redrives: of one delivery and in bulk. */
export function describeRedriving(subject: Subject): void {
  const { one, claim, balanced } = subject;
  let jobs = 0;
  const begin = (
    filter: DeliveryFilter = {},
    fields: Partial<Pick<RedriveRecord, 'name' | 'ratePerS' | 'dryRun'>> = {},
  ): Promise<RedriveRecord> =>
    beginRedrive(subject.store, {
      id: `rdr_${String(++jobs).padStart(4, '0')}`,
      ...aRedrive,
      filter,
      ratePerS: null,
      dryRun: false,
      now: start + 5,
      ...fields,
    });
  /** Dead letters of an endpoint, and the ids of their events. */
  const dead = async (endpointId: string, count: number, fields: Parameters<typeof anEvent>[0] = {}) => {
    const events = Array.from({ length: count }, () => anEvent(fields));
    await subject.store.write.accept([events], noRoom);
    for (;;) {
      const { deliveries } = await claim(endpointId, start + 10);
      if (deliveries.length === 0) return events.map(({ id }) => id);
      await subject.store.write.settle(deliveries.map((d) => settlementOf(d, 'dead', start + 2)));
    }
  };
  const counts = async () => {
    const {
      dead: died,
      cancelled,
      pending,
      valueAtRisk,
    } = await subject.store.read.accounting({
      ...everything,
      now: start,
    });
    return { dead: died, cancelled, pending, valueAtRisk };
  };
  const run = async (id: string, limit = 500): Promise<RedriveRecord> => {
    for (let steps = 0; steps < 1000; steps++) {
      const { redrive } = await subject.store.write.stepRedrive(id, limit, start + 6);
      if (redrive.state !== 'running') return redrive;
    }
    throw new Error(`${id} does not end`);
  };

  test("G5: a deleted endpoint's dead letters stay what they are, and their value at risk stays with them", async () => {
    const [gone, other] = [await one({ eventTypes: ['a'] }), await one({ eventTypes: ['b'] })];
    await dead(gone.id, 3, { value: eur(1000n), type: 'a' });
    await dead(other.id, 2, { value: eur(10n), type: 'b' });
    await subject.store.write.deleteEndpoint(gone.id, start + 3);
    const before = await counts();
    const all = await subject.store.read.deliveries({ endpointIds: [gone.id] }, { after: null, limit: 10 });
    expect(await subject.store.write.redriveDelivery(all[0]!.number, start + 4)).toMatchObject({
      result: 'endpoint_deleted',
    });
    expect(await begin({}, { dryRun: true })).toMatchObject({
      matched: 5,
      skipped: 3,
      redriven: 0,
      state: 'done',
    });
    const job = await begin();
    expect(job).toMatchObject({ matched: 5, state: 'running' });
    expect(await run(job.id)).toMatchObject({ state: 'done', redriven: 2, skipped: 3 });
    await subject.store.write.cancelOrphans(100, start + 7);
    expect(await counts()).toEqual({
      ...before,
      dead: before.dead - 2,
      pending: 2,
      valueAtRisk: [{ currency: 'EUR', amountMinor: 3000n, events: 3 }],
    });
    await balanced();
  });

  test('G5: suppressed and cancelled deliveries of a deleted endpoint stay what they are', async () => {
    const endpoint = await one({ enabled: false });
    await subject.store.write.accept([[anEvent()]], noRoom);
    await subject.store.write.updateEndpoint(endpoint.id, { enabled: true, updatedAt: start });
    await subject.store.write.accept([[anEvent()]], noRoom);
    const [fresh, suppressed] = await subject.store.read.deliveries({}, { after: null, limit: 9 });
    await subject.store.write.cancelDelivery(fresh!.number, 'test', start);
    await subject.store.write.deleteEndpoint(endpoint.id, start);
    for (const { number } of [fresh!, suppressed!])
      expect(await subject.store.write.redriveDelivery(number, start)).toMatchObject({
        result: 'endpoint_deleted',
      });
    const job = await begin({ states: ['suppressed'] });
    expect(await run(job.id)).toMatchObject({ redriven: 0, skipped: 1, state: 'done' });
    expect(await subject.store.read.delivery(suppressed!.number)).toMatchObject({ state: 'suppressed' });
    expect(await subject.store.read.delivery(fresh!.number)).toMatchObject({ state: 'cancelled' });
    await balanced();
  });

  test('dead letters of a paused endpoint wait for its resume', async () => {
    const endpoint = await one();
    await dead(endpoint.id, 2);
    await subject.store.write.updateEndpoint(endpoint.id, { enabled: false, updatedAt: start });
    const job = await begin();
    expect(await run(job.id)).toMatchObject({ redriven: 2, skipped: 0 });
    expect((await claim(endpoint.id, start + 20)).deliveries).toEqual([]);
    expect(await counts()).toMatchObject({ dead: 0, pending: 2 });
    await subject.store.write.updateEndpoint(endpoint.id, { enabled: true, updatedAt: start });
    expect((await claim(endpoint.id, start + 20)).deliveries).toMatchObject([
      { attemptsMade: 0, trigger: 'redrive' },
      { attemptsMade: 0, trigger: 'redrive' },
    ]);
    await balanced();
  });

  test('a redrive takes what its filter matches, in steps, each of the size asked for', async () => {
    const [a, b] = [await one({ tenant: 'a' }), await one({ tenant: 'b' })];
    await dead(a.id, 7, { tenant: 'a', type: 'x', value: eur(3n) });
    await dead(a.id, 4, { tenant: 'a', type: 'y' });
    await dead(b.id, 5, { tenant: 'b', type: 'x' });
    await subject.store.write.updateEndpoint(b.id, { enabled: false, updatedAt: start });
    await subject.store.write.accept([[anEvent({ tenant: 'b', type: 'x' })]], noRoom);
    const matched = async (filter: DeliveryFilter) => (await begin(filter, { dryRun: true })).matched;
    expect(await matched({})).toBe(17);
    expect(await matched({ states: ['suppressed'] })).toBe(1);
    expect(await matched({ states: ['dead'], tenants: ['a'] })).toBe(11);
    expect(await matched({ endpointIds: [b.id] })).toBe(6);
    expect(await matched({ endpointIds: ['ep_absent'] })).toBe(0);
    expect(await matched({ eventTypes: ['x'], errorClasses: ['http_5xx'] })).toBe(12);
    expect(await matched({ errorClasses: ['timeout'] })).toBe(0);
    expect(await matched({ until: start })).toBe(0);
    const job = await begin({ states: ['dead'], eventTypes: ['x'] }, { ratePerS: 5, name: 'after the fix' });
    expect(job).toMatchObject({
      name: 'after the fix',
      ratePerS: 5,
      matched: 12,
      oldestAt: start,
      newestAt: start,
      value: [{ currency: 'EUR', amountMinor: 21n, events: 7 }],
    });
    const sizes: number[] = [];
    for (let state = 'running'; state === 'running';) {
      const before = (await subject.store.read.redrive(job.id))!.redriven;
      const { redrive, endpointIds } = await subject.store.write.stepRedrive(job.id, 5, start + 6);
      sizes.push(redrive.redriven - before);
      for (const id of endpointIds) expect([a.id, b.id]).toContain(id);
      ({ state } = redrive);
    }
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(12);
    expect(Math.max(...sizes)).toBe(5);
    expect(await counts()).toMatchObject({ dead: 4, pending: 12 });
    await balanced();
  });

  test('what dies after a redrive has begun, or dies again, is not its business', async () => {
    const endpoint = await one();
    await dead(endpoint.id, 3);
    const job = await begin();
    expect((await subject.store.write.stepRedrive(job.id, 1, start + 6)).redrive).toMatchObject({
      redriven: 1,
    });
    // The one that was redriven dies again, and a new one dies.
    await dead(endpoint.id, 1);
    expect(await run(job.id)).toMatchObject({ redriven: 3, matched: 3 });
    expect(await counts()).toMatchObject({ dead: 2, pending: 2 });
    await balanced();
  });

  test('G8: a step reads a bounded number of deliveries, and goes on behind them', async () => {
    const endpoint = await one();
    await dead(endpoint.id, 1100);
    const job = await begin({ eventTypes: ['nothing'] });
    // Nothing matches, so it is done before it begins.
    expect(job).toMatchObject({ matched: 0, state: 'done' });
    const [, last] = [await dead(endpoint.id, 1, { type: 'rare' }), await begin({ eventTypes: ['rare'] })];
    const first = await subject.store.write.stepRedrive(last.id, 500, start + 6);
    expect(first.redrive).toMatchObject({ state: 'running', redriven: 0 });
    expect(await run(last.id)).toMatchObject({ state: 'done', redriven: 1 });
    await balanced();
  });

  test('a stop is final: no later step redrives anything, and what was redriven stays so', async () => {
    const endpoint = await one();
    await dead(endpoint.id, 4);
    const job = await begin({}, { ratePerS: 1 });
    await subject.store.write.stepRedrive(job.id, 1, start + 6);
    expect(await subject.store.write.stopRedrive(job.id, start + 7)).toMatchObject({
      state: 'stopped',
      redriven: 1,
      finishedAt: start + 7,
    });
    expect((await subject.store.write.stepRedrive(job.id, 9, start + 8)).redrive).toMatchObject({
      state: 'stopped',
      redriven: 1,
    });
    expect(await subject.store.read.runningRedrives()).toEqual([]);
    // Stopped again, it stays as it was.
    expect(await subject.store.write.stopRedrive(job.id, start + 9)).toMatchObject({ finishedAt: start + 7 });
    expect(await subject.store.write.stopRedrive('rdr_nobody', start)).toBeNull();
    expect(await counts()).toMatchObject({ dead: 3, pending: 1 });
    await balanced();
  });

  test('rate and name can be changed while a redrive runs, and its name later too', async () => {
    const endpoint = await one();
    await dead(endpoint.id, 1);
    const job = await begin({}, { ratePerS: 1, name: 'slow' });
    expect(await subject.store.write.changeRedrive(job.id, { ratePerS: null })).toMatchObject({
      ratePerS: null,
      name: 'slow',
    });
    expect(await subject.store.write.changeRedrive(job.id, { name: 'fast' })).toMatchObject({
      ratePerS: null,
      name: 'fast',
    });
    await run(job.id);
    expect(await subject.store.write.changeRedrive(job.id, { ratePerS: 5 })).toBe('ended');
    expect(await subject.store.write.changeRedrive(job.id, { name: null })).toMatchObject({
      name: null,
      state: 'done',
    });
    expect(await subject.store.write.changeRedrive('rdr_nobody', { name: 'x' })).toBe('not_found');
  });

  test('redrives are listed newest first, page by page', async () => {
    const made = [await begin(), await begin(), await begin()].map(({ id }) => id).toReversed();
    const page = await subject.store.read.redrives({ kind: 'redrive', after: null, limit: 2 });
    expect(page.map(({ id }) => id)).toEqual(made.slice(0, 2));
    expect((await subject.store.read.redrives({ kind: 'redrive', after: made[1]!, limit: 2 }))[0]?.id).toBe(
      made[2],
    );
  });

  test('G8: no more than a hundred redrives run at the same time', async () => {
    const endpoint = await one();
    await dead(endpoint.id, 1);
    const made: RedriveRecord[] = [];
    for (let n = 0; n < 100; n++) made.push(await begin({}, { ratePerS: 1 }));
    await expect(begin()).rejects.toMatchObject({ name: 'ConflictError' });
    // Counting takes no place.
    expect(await begin({}, { dryRun: true })).toMatchObject({ state: 'done' });
    await subject.store.write.stopRedrive(made[0]!.id, start);
    expect(await begin()).toMatchObject({ state: 'running' });
  });
}
