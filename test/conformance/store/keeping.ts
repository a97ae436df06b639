import { expect, test } from 'vitest';
import type { Alert } from '../../../src/domain/alert.ts';
import { anEvent, start } from '../../support.ts';
import { type Subject } from './subject.ts';

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

/** What is kept beside deliveries: breakers, settings, alerts and documents. */
export function describeKeeping(subject: Subject): void {
  const { one, balanced } = subject;

  test('the breaker stands in the endpoint: the later of two changes counts, and deleted ones are left out', async () => {
    const [a, b, gone] = [await one(), await one(), await one()];
    expect(await subject.store.openBreakers()).toEqual([]);
    await subject.store.saveBreakers([
      { endpointId: a.id, open: true, at: start + 10 },
      { endpointId: b.id, open: true, at: start + 10 },
      { endpointId: gone.id, open: true, at: start + 10 },
      { endpointId: 'ep_nobody', open: true, at: start + 10 },
    ]);
    // The one happened before, the other after: only the other changes anything.
    await subject.store.saveBreakers([
      { endpointId: a.id, open: false, at: start + 9 },
      { endpointId: b.id, open: false, at: start + 11 },
    ]);
    await subject.store.deleteEndpoint(gone.id, start + 20);
    await subject.store.updateEndpoint(a.id, { description: 'changed', updatedAt: start + 30 });
    expect(await subject.store.openBreakers()).toEqual([{ endpointId: a.id, openSince: start + 10 }]);
    await subject.store.saveBreakers([{ endpointId: a.id, open: false, at: start + 10 }]);
    expect(await subject.store.openBreakers()).toEqual([]);
  });

  test('of two that settle a setting at once, one wins', async () => {
    const values = await Promise.all(
      ['a', 'b', 'c'].map((value) => subject.store.settleSetting('key', value)),
    );
    expect(new Set(values).size).toBe(1);
    expect(await subject.store.setting('key')).toBe(values[0]);
    await subject.store.saveSetting('key', 'd');
    expect(await subject.store.settleSetting('key', 'e')).toBe('d');
  });

  test('alerts: a step and what is told of it are stored together, once', async () => {
    const endpoint = await one({ tenant: 'posthorn', envelope: 'none' });
    const alert = anAlert('alr_1');
    expect(await subject.store.alerts()).toEqual({ version: 0, alerts: [] });
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
    expect(
      (await Promise.all([subject.store.saveAlerts(step), subject.store.saveAlerts(step)])).toSorted(),
    ).toEqual([false, true]);
    const { version, alerts } = await subject.store.alerts();
    expect(version).toBe(1);
    expect(JSON.stringify(alerts)).toBe(JSON.stringify(step.changed));
    expect(
      await subject.store.deliveries({ endpointId: endpoint.id }, { before: null, limit: 10 }),
    ).toMatchObject([{ eventId: 'told', state: 'pending' }]);
    expect(
      await subject.store.saveAlerts({
        ...step,
        version: 1,
        changed: [{ ...alert, state: 'resolved' }],
        forgotten: ['alr_2'],
        notifications: [],
      }),
    ).toBe(true);
    expect((await subject.store.alerts()).alerts).toMatchObject([{ id: 'alr_1', state: 'resolved' }]);
    await balanced();
  });

  test('documents are kept by kind and name', async () => {
    await subject.store.putDocument('team', 'b', { channels: ['x'] });
    await subject.store.putDocument('team', 'a', { channels: [] });
    await subject.store.putDocument('channel', 'a', { kind: 'webhook' });
    await subject.store.putDocument('team', 'b', { channels: ['y'] });
    expect(await subject.store.documents('team')).toEqual([
      { name: 'a', document: { channels: [] } },
      { name: 'b', document: { channels: ['y'] } },
    ]);
    expect([
      await subject.store.deleteDocument('team', 'a'),
      await subject.store.deleteDocument('team', 'a'),
    ]).toEqual([true, false]);
    expect(await subject.store.documents('channel')).toHaveLength(1);
  });
}
