import { expect, test } from 'vitest';
import type { AuditEntry } from '../../../packages/posthorn/src/domain/audit-entry.ts';
import type { Endpoint } from '../../../packages/posthorn/src/domain/endpoint.ts';
import { checkAuditLog } from '../../../packages/posthorn/src/ledger/audit-check.ts';
import type { AuditRecord } from '../../../packages/posthorn/src/store/audit-log.ts';
import { beginRedrive } from '../../../packages/posthorn/src/store/redrives.ts';
import type { Store, StoreRead } from '../../../packages/posthorn/src/store/store.ts';
import { settlementOf } from '../../settlement.ts';
import { aRedrive, agesAt, anEndpoint, anEvent, start } from '../../support.ts';
import { noRoom, type Subject } from './subject.ts';

export function anEntry(fields: Partial<AuditEntry> = {}): AuditEntry {
  return {
    at: start,
    actor: { kind: 'key', id: 'key_1', name: 'deploys' },
    action: 'endpoints.update',
    target: { kind: 'endpoint', id: 'ep_1' },
    tenant: 'default',
    before: { enabled: true },
    after: { enabled: false },
    from: '192.0.2.7',
    requestId: 'req_1',
    ...fields,
  };
}

const everything = async (store: Store): Promise<readonly AuditRecord[]> =>
  await store.read.auditLog({}, { after: null, limit: 1000, order: 'asc' });
const actions = async (store: Store): Promise<readonly string[]> =>
  (await everything(store)).map(({ document }) => document.action);

/** Who has changed what (G9): an entry and its change stand together or not at all (G4). */
export function describeAuditing(subject: Subject): void {
  const { one, claim } = subject;
  const intact = async (): Promise<void> => {
    expect((await checkAuditLog(subject.store.read, { keys: [] })).findings).toEqual([]);
  };
  const dead = async (endpoint: Endpoint): Promise<number> => {
    await subject.store.write.accept([[anEvent()]], noRoom);
    const [held] = (await claim(endpoint.id, start)).deliveries;
    await subject.store.write.settle([settlementOf(held!, 'dead', start)]);
    return held!.number;
  };

  test('G9: an entry is kept as it was made, with its place in the chain', async () => {
    await subject.store.write.appendAudit([anEntry(), anEntry({ at: start + 1, tenant: null, after: null })]);
    const [first, second] = await everything(subject.store);
    expect(first).toMatchObject({
      sequence: 1,
      document: {
        version: 1,
        at: '2026-01-01T00:00:00.000Z',
        actor: { kind: 'key', id: 'key_1', name: 'deploys' },
        action: 'endpoints.update',
        target: { kind: 'endpoint', id: 'ep_1' },
        tenant: 'default',
        before: { enabled: true },
        after: { enabled: false },
        from: '192.0.2.7',
        request_id: 'req_1',
      },
    });
    expect(second).toMatchObject({ sequence: 2, previousHash: first!.hash });
    await intact();
  });

  test('G9: what is longer than 16,384 characters is cut, and says so', async () => {
    const after = { name: 'large', schema: { description: 'x'.repeat(20_000) } };
    await subject.store.write.appendAudit([anEntry({ before: 'y'.repeat(20_000), after })]);
    const [entry] = await everything(subject.store);
    expect(entry!.document).toMatchObject({
      before: { cut_characters: 20_002 },
      after: { name: 'large', schema: { cut_characters: 20_018 } },
    });
    await intact();
  });

  test('G4: a change of the configuration and its entries are one transaction', async () => {
    const endpoint = anEndpoint({ name: 'orders' });
    const version = await subject.store.read.configVersion();
    const change = { version, now: start, createEndpoints: [endpoint], audit: [anEntry()] };
    expect(await subject.store.write.changeConfig(change)).toHaveLength(1);
    // Behind, or refused in the middle: neither is there.
    expect(await subject.store.write.changeConfig(change)).toBeNull();
    const again = {
      version: await subject.store.read.configVersion(),
      now: start,
      createEndpoints: [anEndpoint({ name: 'orders' })],
      audit: [anEntry()],
    };
    await expect(subject.store.write.changeConfig(again)).rejects.toThrow('has an endpoint named orders');
    expect(await actions(subject.store)).toEqual(['endpoints.update']);
    await intact();
  });

  test('G4: a command on a delivery has an entry with both states, and a refused one has none', async () => {
    const endpoint = await one();
    const number = await dead(endpoint);
    const entry = (action: string): AuditEntry => anEntry({ action, before: null, after: null });
    const { store } = subject;
    await store.write.cancelDelivery(number, 'no', start, entry('deliveries.cancel'));
    await store.write.redriveDelivery(number, start, entry('deliveries.redrive'));
    await store.write.cancelDelivery(number, 'wrong customer', start, entry('deliveries.cancel'));
    await store.write.cancelDelivery(number, 'again', start, entry('deliveries.cancel'));
    await store.write.cancelDelivery(number + 64_000, 'none', start, entry('deliveries.cancel'));
    // A change without a caller does not have one.
    await store.write.redriveDelivery(number, start);
    expect(
      (await everything(store)).map(({ document: { action, before, after } }) => [action, before, after]),
    ).toEqual([
      ['deliveries.redrive', { state: 'dead' }, { state: 'pending' }],
      [
        'deliveries.cancel',
        { state: 'pending' },
        { state: 'cancelled', reason: 'cancelled: wrong customer' },
      ],
    ]);
    await intact();
  });

  test('G4: a replay and a test have an entry each; a replay without receivers does not', async () => {
    const endpoint = await one({ eventTypes: ['wanted'] });
    const { store } = subject;
    await store.write.accept(
      [[anEvent({ id: 'a', type: 'wanted' }), anEvent({ id: 'b', type: 'unwanted' })]],
      noRoom,
    );
    const replay = anEntry({ action: 'events.replay', before: null, after: null });
    await store.write.replayEvent('default', 'a', null, start, replay);
    await store.write.replayEvent('default', 'b', null, start, replay);
    await store.write.replayEvent('default', 'c', null, start, replay);
    await store.write.acceptFor(
      anEvent({ id: 'd' }),
      endpoint.id,
      start,
      anEntry({ action: 'endpoints.test' }),
    );
    await store.write.acceptFor(
      anEvent({ id: 'e' }),
      'ep_none',
      start,
      anEntry({ action: 'endpoints.test' }),
    );
    expect((await everything(store)).map(({ document: { action, after } }) => [action, after])).toEqual([
      ['events.replay', { endpoint_id: null, deliveries: 1, suppressed: 0 }],
      ['endpoints.test', { enabled: false }],
    ]);
    await intact();
  });

  test('G4: a redrive in bulk is one entry, and one for each change of it', async () => {
    await dead(await one());
    const { store } = subject;
    const redrive = { id: 'rdr_1', ...aRedrive, filter: {}, ratePerS: null, dryRun: false, now: start };
    const entry = (action: string): AuditEntry =>
      anEntry({ action, before: null, after: { dry_run: false } });
    await beginRedrive(store, redrive, entry('redrives.create'));
    await store.write.changeRedrive('rdr_1', { ratePerS: 5 }, entry('redrives.update'));
    // The same again, what does not exist, and what has ended already change nothing.
    await store.write.changeRedrive('rdr_1', { ratePerS: 5 }, entry('redrives.update'));
    await store.write.changeRedrive('rdr_2', { ratePerS: 5 }, entry('redrives.update'));
    await store.write.stopRedrive('rdr_1', start, entry('redrives.stop'));
    await store.write.stopRedrive('rdr_1', start, entry('redrives.stop'));
    await store.write.stopRedrive('rdr_2', start, entry('redrives.stop'));
    const running = { name: null, rate_per_s: 5, state: 'running' };
    expect(
      (await everything(store)).map(({ document: { action, before, after } }) => [action, before, after]),
    ).toEqual([
      ['redrives.create', null, { dry_run: false, matched: 1, state: 'running' }],
      ['redrives.update', { ...running, rate_per_s: null }, running],
      ['redrives.stop', running, { ...running, state: 'stopped' }],
    ]);
    await intact();
  });

  test('G4: an acknowledgement that came too late does not have an entry', async () => {
    const step = { changed: [], forgotten: [], notifications: [], now: start, audit: [anEntry()] };
    const { version } = await subject.store.read.alerts();
    expect(await subject.store.write.saveAlerts({ ...step, version })).toBe(true);
    expect(await subject.store.write.saveAlerts({ ...step, version })).toBe(false);
    expect(await actions(subject.store)).toHaveLength(1);
    await intact();
  });

  test('G9: an endpoint that Posthorn pauses by itself has an entry that says so', async () => {
    const endpoint = await one();
    await subject.store.write.pauseGone(endpoint.id, `${endpoint.url}/other`, start);
    await subject.store.write.pauseGone(endpoint.id, endpoint.url, start + 5);
    expect((await everything(subject.store)).map(({ document }) => document)).toMatchObject([
      {
        actor: { kind: 'engine', id: 'posthorn' },
        action: 'endpoints.pause',
        target: { kind: 'endpoint', id: endpoint.id },
        tenant: endpoint.tenant,
        before: { enabled: true, paused_reason: null },
        after: { enabled: false, paused_reason: 'gone' },
        at: new Date(start + 5).toISOString(),
      },
    ]);
  });

  test('entries are found by tenant, actor, action, target and time, page by page', async () => {
    const { store } = subject;
    await store.write.appendAudit([
      anEntry({ tenant: 'a', action: 'x' }),
      anEntry({ tenant: 'b', action: 'x', actor: { kind: 'session', id: 'ses_1', name: 'Kim' } }),
      anEntry({ tenant: 'a', action: 'y', at: start + 10, target: { kind: 'team', id: 'ep_1' } }),
      anEntry({ tenant: null, action: 'y', at: start + 20, target: { kind: 'team', id: 'orders' } }),
    ]);
    const found = async (filter: Parameters<StoreRead['auditLog']>[0]): Promise<readonly number[]> =>
      (await store.read.auditLog(filter, { after: null, limit: 10 })).map(({ sequence }) => sequence);
    expect(await found({})).toEqual([4, 3, 2, 1]);
    expect(await found({ tenant: 'a' })).toEqual([3, 1]);
    expect(await found({ actorId: 'ses_1' })).toEqual([2]);
    expect(await found({ action: 'y' })).toEqual([4, 3]);
    expect(await found({ targetKind: 'team' })).toEqual([4, 3]);
    expect(await found({ targetId: 'ep_1', targetKind: 'team' })).toEqual([3]);
    expect(await found({ since: start + 10, until: start + 20 })).toEqual([3]);
    const page = await store.read.auditLog({}, { after: 4, limit: 2 });
    expect(page.map(({ sequence }) => sequence)).toEqual([3, 2]);
  });

  test('retention takes the oldest entries, a batch at a time, and the chain begins with what is left', async () => {
    const { store } = subject;
    const day = 86_400_000;
    const key = new Uint8Array(32).fill(7);
    await store.write.sealAuditLog(key);
    const whole = async (): Promise<void> => {
      expect(await checkAuditLog(store.read, { keys: [key] })).toMatchObject({ unsealed: 0, findings: [] });
    };
    for (let n = 0; n < 5; n++) await store.write.appendAudit([anEntry({ at: start + n * day })]);
    const ages = agesAt(start + 10 * day);
    expect(await store.write.pruneAuditLog(ages, 20 * day, 10)).toBe(0);
    expect(await store.write.pruneAuditLog(ages, 7.5 * day, 2)).toBe(2);
    expect(await store.write.pruneAuditLog(ages, 7.5 * day, 2)).toBe(1);
    expect(await store.write.pruneAuditLog(ages, 7.5 * day, 2)).toBe(0);
    expect((await everything(store)).map(({ sequence }) => sequence)).toEqual([4, 5]);
    await whole();
    expect(await store.write.pruneAuditLog(ages, day, 9)).toBe(2);
    await store.write.appendAudit([anEntry()]);
    expect((await everything(store)).map(({ sequence }) => sequence)).toEqual([6]);
    await whole();
  });

  test('G9: changes at the same time make one chain', async () => {
    const { store } = subject;
    await Promise.all(Array.from({ length: 20 }, () => store.write.appendAudit([anEntry(), anEntry()])));
    const check = await checkAuditLog(store.read, { keys: [] });
    expect(check).toMatchObject({ entries: 40, findings: [], head: { firstSequence: 1, sequence: 40 } });
  });
}
