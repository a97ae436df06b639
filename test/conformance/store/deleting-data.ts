import { expect, test } from 'vitest';
import { engineActor } from '../../../packages/posthorn/src/domain/audit-entry.ts';
import { beginRedrive } from '../../../packages/posthorn/src/store/redrives.ts';
import type {
  BulkRequest,
  ClaimedDelivery,
  DataDeletion,
  RedriveRecord,
} from '../../../packages/posthorn/src/store/store.ts';
import { anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { anEntry } from './auditing.ts';
import { noRoom, type Subject } from './subject.ts';

const canary = 'anna@example.org';
const data = JSON.stringify({ email: canary });

/** Deletes the data of an event, with the answers to it, and leaves everything that is counted. */
export function describeDeletingData(subject: Subject): void {
  const { one, claim, balanced } = subject;
  const erase = (eventId: string, limit = 100, after = -1, now = start + 50): Promise<DataDeletion> =>
    subject.store.write.deleteEventData(
      { tenant: 'default', eventId, after, limit, now },
      anEntry({ action: 'events.deleteData', target: { kind: 'event', id: eventId }, before: null }),
    );
  const deleted = { result: 'deleted', next: null };
  const all = (eventId: string) =>
    subject.store.read.deliveries({ eventIds: [eventId] }, { after: null, limit: 100 });
  const wire = {
    address: '192.0.2.1',
    headers: [['x-echo', canary]] as const,
    phasesMs: { lookup: null, connect: 1, proxy: null, tls: null, firstByte: 2 },
  };
  const echo = { message: `cannot read ${canary}`, responseExcerpt: `unknown ${canary}`, wire };
  const settle = async (
    deliveries: readonly ClaimedDelivery[],
    state: 'delivered' | 'dead' | 'pending',
  ): Promise<void> => {
    await subject.store.write.settle(deliveries.map((d) => settlementOf(d, state, start, echo)));
  };
  /** Events of one endpoint that have ended in this state. */
  const ended = async (state: 'delivered' | 'dead', ids: readonly string[]): Promise<string> => {
    const { id } = await one();
    const value = { amountMinor: 1099n, currency: 'EUR' };
    await subject.store.write.accept([ids.map((event) => anEvent({ id: event, data, value }))], noRoom);
    await settle((await claim(id, start)).deliveries, state);
    return id;
  };
  const finish = async (request: Pick<BulkRequest, 'kind' | 'target'>): Promise<RedriveRecord> => {
    const job = {
      id: `job_${request.kind}_${request.target ?? ''}`,
      name: null,
      filter: {},
      by: engineActor,
      ratePerS: null,
      now: start + 100,
      ...request,
    };
    const counted = await beginRedrive(subject.store, { ...job, id: `${job.id}_dry`, dryRun: true });
    expect(counted).toMatchObject({ matched: 2, skipped: 1 });
    await beginRedrive(subject.store, { ...job, dryRun: false });
    for (let steps = 0; steps < 100; steps++) {
      const { redrive } = await subject.store.write.stepRedrive(job.id, 100, start + 200 + steps * 1000);
      if (redrive.state !== 'running') return redrive;
    }
    throw new Error(`${job.id} does not end`);
  };

  test('G6: data and answers are deleted; the event, its deliveries, its worth and every count stay', async () => {
    await ended('dead', ['e']);
    const before = await subject.store.read.event('default', 'e');
    const [dead] = await all('e');
    const letters = await subject.store.read.deadLetters({});
    expect(await erase('e')).toEqual(deleted);
    expect(await subject.store.read.event('default', 'e')).toEqual({
      ...before,
      data: 'null',
      integrity: 'deleted',
      dataDeletedAt: start + 50,
    });
    const { number, state, reason, attempts } = dead!;
    expect(await all('e')).toMatchObject([{ number, state, reason, attempts, lastMessage: null }]);
    const [attempt] = await subject.store.read.attempts(dead!.number);
    expect(attempt).toMatchObject({ statusCode: 500, message: null, responseExcerpt: null });
    expect(attempt!.wire).toEqual({ ...wire, headers: [] });
    expect(await subject.store.read.deadLetters({})).toEqual(letters);
    expect(await subject.store.read.deliveryDetails(dead!.number)).toMatchObject({
      event: { dataDeletedAt: start + 50, value: { amountMinor: 1099n, currency: 'EUR' } },
    });
    await balanced();
  });

  test('repeating it changes nothing, and leaves one entry in the audit log', async () => {
    await ended('delivered', ['e']);
    for (const now of [start + 50, start + 60]) expect(await erase('e', 100, -1, now)).toEqual(deleted);
    expect(await subject.store.read.event('default', 'e')).toMatchObject({ dataDeletedAt: start + 50 });
    const entries = await subject.store.read.auditLog(
      { action: 'events.deleteData' },
      { after: null, limit: 9 },
    );
    expect(entries.map(({ document }) => document.after)).toEqual([
      { data_deleted_at: new Date(start + 50).toISOString() },
    ]);
    expect(await erase('none')).toEqual({ result: 'not_found' });
  });

  test('answers are cleared a bounded number of deliveries at a time', async () => {
    for (let n = 0; n < 3; n++) await one();
    await subject.store.write.accept([[anEvent({ id: 'e', data })]], noRoom);
    for (const { endpointId } of await all('e'))
      await settle((await claim(endpointId, start)).deliveries, 'delivered');
    const excerpts = async () => {
      const of = (await all('e')).toSorted((a, b) => a.number - b.number);
      const attempts = await Promise.all(of.map(({ number }) => subject.store.read.attempts(number)));
      return attempts.flat().map(({ responseExcerpt }) => responseExcerpt === null);
    };
    const first = (await erase('e', 2)) as { readonly next: number };
    expect(await excerpts()).toEqual([true, true, false]);
    expect(await erase('e', 2, first.next)).toEqual(deleted);
    expect(await excerpts()).toEqual([true, true, true]);
  });

  test('an event with pending deliveries is refused, also while its fan-out goes on', async () => {
    const { id } = await one();
    await one();
    await subject.store.write.accept([[anEvent({ id: 'e', data })]], noRoom);
    expect(await erase('e')).toEqual({ result: 'unfinished', pending: 2, blocking: 0 });
    await settle((await claim(id, start)).deliveries, 'pending');
    expect(await erase('e')).toEqual({ result: 'unfinished', pending: 2, blocking: 0 });
    for (const { number } of await all('e'))
      await subject.store.write.cancelDelivery(number, 'wrong customer', start);
    expect(await erase('e')).toEqual(deleted);
    await subject.store.write.accept([[anEvent({ id: 'steps', data })]], { ...noRoom, maxDirect: 1 });
    expect(await erase('steps')).toEqual({ result: 'unfinished', pending: 2, blocking: 0 });
    expect(await subject.store.read.event('default', 'steps')).toMatchObject({ data, dataDeletedAt: null });
  });

  test('a dead letter that blocks its key is to be cancelled first', async () => {
    const { id } = await one({ ordering: 'key', onDead: 'block' });
    await subject.store.write.accept([[anEvent({ id: 'e', data, orderingKey: 'k' })]], noRoom);
    await settle((await claim(id, start)).deliveries, 'dead');
    expect(await erase('e')).toEqual({ result: 'unfinished', pending: 0, blocking: 1 });
    await subject.store.write.cancelDelivery((await all('e'))[0]!.number, 'wrong customer', start);
    expect(await erase('e')).toEqual(deleted);
    await balanced();
  });

  test('it is neither redriven nor replayed, one by one or in bulk, and bulk jobs count it', async () => {
    const endpoint = await ended('dead', ['e', 'kept']);
    await erase('e');
    const [dead] = await all('e');
    expect(await subject.store.write.redriveDelivery(dead!.number, start)).toMatchObject({
      result: 'data_deleted',
      delivery: { state: 'dead' },
    });
    await expect(subject.store.write.replayEvent('default', 'e', null, start)).rejects.toMatchObject({
      name: 'ConflictError',
      code: 'event_data_deleted',
    });
    expect(await finish({ kind: 'replay', target: endpoint })).toMatchObject({ redriven: 1, skipped: 1 });
    expect((await all('e')).map(({ state }) => state)).toEqual(['dead']);
    const created = await claim(endpoint, start + 300);
    expect(created.deliveries.map(({ eventId }) => eventId)).toEqual(['kept']);
    await settle(created.deliveries, 'delivered');
    expect(await finish({ kind: 'redrive', target: null })).toMatchObject({ redriven: 1, skipped: 1 });
    expect((await all('e')).map(({ state }) => state)).toEqual(['dead']);
    await balanced();
  });

  test('an answer that comes after its deletion is not kept', async () => {
    const { id } = await one();
    await subject.store.write.accept([[anEvent({ id: 'e', data })]], noRoom);
    const { deliveries } = await claim(id, start);
    await subject.store.write.cancelDelivery(deliveries[0]!.number, 'wrong customer', start);
    expect(await erase('e')).toEqual(deleted);
    await settle(deliveries, 'delivered');
    const [late] = await subject.store.read.attempts(deliveries[0]!.number);
    expect(late).toMatchObject({ outcome: 'superseded', message: null, responseExcerpt: null, wire: null });
    await balanced();
  });

  test('G1: its id gives the same receipt to an event that differs in its data alone, and no other', async () => {
    await ended('delivered', ['e']);
    const value = { amountMinor: 1099n, currency: 'EUR' };
    await erase('e');
    const again = async (fields: Parameters<typeof anEvent>[0]) =>
      (await subject.store.write.accept([[anEvent({ id: 'e', data, value, ...fields })]], noRoom)).groups[0];
    expect(await again({})).toMatchObject({ receipts: [{ id: 'e', duplicate: true }] });
    expect(await again({ data: '{}' })).toMatchObject({ receipts: [{ duplicate: true }] });
    expect(await again({ type: 'payment.failed' })).toEqual({ conflict: 0 });
    expect(await again({ value: null })).toEqual({ conflict: 0 });
    expect(await subject.store.read.event('default', 'e')).toMatchObject({ data: 'null' });
  });

  test('filters are not tried on it', async () => {
    await ended('delivered', ['e', 'kept']);
    await erase('e');
    const { events, complete } = await subject.store.read.recentEvents({
      tenant: 'default',
      eventTypes: ['*'],
      limit: 10,
      maxScanned: 1000,
      maxPayload: 1e6,
    });
    expect([events.map(({ id }) => id), complete]).toEqual([['kept'], true]);
  });
}
