import { expect, test } from 'vitest';
import type { Alert } from '../../../packages/posthorn/src/domain/alert.ts';
import { anEvent, start } from '../../support.ts';
import { aChannel, aTeam } from './documents.ts';
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

  test('the endpoint’s row has the breaker: the later of two changes counts, and deleted endpoints are left out', async () => {
    const [a, b, gone] = [await one(), await one(), await one()];
    expect(await subject.store.read.openBreakers()).toEqual([]);
    await subject.store.write.saveBreakers([
      { endpointId: a.id, url: a.url, open: true, at: start + 10 },
      { endpointId: b.id, url: b.url, open: true, at: start + 10 },
      { endpointId: gone.id, url: gone.url, open: true, at: start + 10 },
      { endpointId: 'ep_absent', url: a.url, open: true, at: start + 10 },
    ]);
    // The one happened before, the other after: only the other changes anything.
    await subject.store.write.saveBreakers([
      { endpointId: a.id, url: a.url, open: false, at: start + 9 },
      { endpointId: b.id, url: b.url, open: false, at: start + 11 },
    ]);
    await subject.store.write.deleteEndpoint(gone.id, start + 20);
    await subject.store.write.updateEndpoint(a.id, { description: 'changed', updatedAt: start + 30 });
    expect(await subject.store.read.openBreakers()).toEqual([{ endpointId: a.id, openSince: start + 10 }]);
    await subject.store.write.saveBreakers([{ endpointId: a.id, url: a.url, open: false, at: start + 10 }]);
    expect(await subject.store.read.openBreakers()).toEqual([]);
  });

  test('the endpoint’s row has the receiver’s certificate: the later one counts, until the URL changes', async () => {
    const { store } = subject;
    const [a, gone] = [await one(), await one()];
    const certificate = (subject: string, notAfter: number) => ({
      subject,
      issuer: 'CN=an authority',
      notBefore: start - 1000,
      notAfter,
      fingerprint: subject,
    });
    const seen = ({ id, url }: typeof a, name: string, at: number, ends = start + 1000) => ({
      endpointId: id,
      url,
      certificate: certificate(name, ends),
      at,
    });
    const known = async () => (await store.read.receiverHealth([a.id], start))[0]?.serverCertificate ?? null;
    await store.write.saveServerCertificates([seen(a, 'CN=first', start), seen(gone, 'CN=gone', start)]);
    await store.write.deleteEndpoint(gone.id, start + 1);
    expect(await known()).toEqual(certificate('CN=first', start + 1000));
    await store.write.saveServerCertificates([seen(a, 'CN=late', start - 1)]);
    await store.write.saveServerCertificates([
      { ...seen(a, 'CN=elsewhere', start + 5), url: 'https://other.example/' },
    ]);
    expect(await known()).toEqual(certificate('CN=first', start + 1000));
    await store.write.saveServerCertificates([seen(a, 'CN="zweites", O=Größe', start + 10, start + 9000)]);
    expect(await known()).toEqual(certificate('CN="zweites", O=Größe', start + 9000));
    expect(await store.read.serverCertificates(start + 9001)).toEqual([
      { endpointId: a.id, certificate: certificate('CN="zweites", O=Größe', start + 9000) },
    ]);
    expect(await store.read.serverCertificates(start + 9000)).toEqual([]);
    await store.write.updateEndpoint(a.id, { url: 'https://other.example/', updatedAt: start + 20 });
    expect(await known()).toBeNull();
    expect(await store.read.serverCertificates(start + 100_000)).toEqual([]);
  });

  test('the endpoint’s row has the throttle: the later one counts, an operator clears it, and it expires', async () => {
    const [a, b] = [await one(), await one()];
    const until = start + 60_000;
    const throttles = () => subject.store.read.throttles(start);
    await subject.store.write.saveThrottles([
      { endpointId: a.id, url: a.url, until, at: start },
      { endpointId: b.id, url: 'http://former/', until, at: start },
      { endpointId: 'ep_absent', url: a.url, until, at: start },
    ]);
    expect(await throttles()).toEqual([{ endpointId: a.id, until }]);
    expect(await subject.store.read.throttles(until)).toEqual([]);
    expect([
      await subject.store.write.clearThrottle(a.id, start + 5),
      await subject.store.write.clearThrottle(a.id, start + 5),
    ]).toEqual([true, false]);
    // Learned before it was cleared, and written after.
    await subject.store.write.saveThrottles([{ endpointId: a.id, url: a.url, until, at: start + 4 }]);
    expect(await throttles()).toEqual([]);
    await subject.store.write.saveThrottles([{ endpointId: a.id, url: a.url, until, at: start + 6 }]);
    expect(await throttles()).toHaveLength(1);
    await subject.store.write.deleteEndpoint(a.id, start + 7);
    expect(await throttles()).toEqual([]);
  });

  test('what was learned of a URL ends with it, and nothing is learned of a former one', async () => {
    const endpoint = await one();
    const { id, url } = endpoint;
    const learn = async (at: number): Promise<void> => {
      await subject.store.write.saveBreakers([{ endpointId: id, url, open: true, at }]);
      await subject.store.write.saveThrottles([{ endpointId: id, url, until: at + 60_000, at }]);
    };
    const known = async () => [
      await subject.store.read.openBreakers(),
      await subject.store.read.throttles(start),
    ];
    await learn(start);
    await subject.store.write.updateEndpoint(id, { description: 'changed', updatedAt: start + 1 });
    expect((await known()).map(({ length }) => length)).toEqual([1, 1]);
    await subject.store.write.updateEndpoint(id, { url: 'http://127.0.0.1:2/', updatedAt: start + 2 });
    expect(await known()).toEqual([[], []]);
    await learn(start + 3);
    expect(await known()).toEqual([[], []]);
    expect(await subject.store.write.pauseGone(id, url, start + 4)).toBeNull();
    expect(await subject.store.read.endpoint(id)).toMatchObject({ enabled: true });
  });

  test('the health of single endpoints is what is known of their receivers, and of no others', async () => {
    const [broken, throttled, both, well, gone] = [
      await one(),
      await one(),
      await one(),
      await one(),
      await one(),
    ];
    const until = start + 60_000;
    const open = ({ id, url }: typeof broken) => ({ endpointId: id, url, open: true, at: start });
    const slow = ({ id, url }: typeof broken) => ({ endpointId: id, url, until, at: start });
    await subject.store.write.saveBreakers([broken, both, gone].map(open));
    await subject.store.write.saveThrottles([throttled, both, gone].map(slow));
    await subject.store.write.deleteEndpoint(gone.id, start + 1);
    const health = async (now: number, ...of: (typeof broken)[]) =>
      new Set(
        await subject.store.read.receiverHealth(
          of.map(({ id }) => id),
          now,
        ),
      );
    const is = (endpointId: string, openSince: number | null, throttledUntil: number | null) => ({
      endpointId,
      openSince,
      throttledUntil,
      failingSince: null,
      serverCertificate: null,
      contact: null,
    });
    expect(await health(start, well, gone)).toEqual(new Set());
    expect(await health(start, throttled)).toEqual(new Set([is(throttled.id, null, until)]));
    expect(await health(start, broken, both, well, gone)).toEqual(
      new Set([is(broken.id, start, null), is(both.id, start, until)]),
    );
    expect(await health(until, throttled, both)).toEqual(new Set([is(both.id, start, null)]));
    expect(await health(start)).toEqual(new Set());
  });

  test('410 pauses an endpoint whose URL answered it, until it is resumed or has another URL', async () => {
    const { id, url } = await one();
    expect(await subject.store.write.pauseGone(id, url, start + 1)).toMatchObject({
      enabled: false,
      pausedReason: 'gone',
    });
    expect(
      await subject.store.write.updateEndpoint(id, { description: 'x', updatedAt: start + 2 }),
    ).toMatchObject({
      enabled: false,
    });
    expect(
      await subject.store.write.updateEndpoint(id, { url: 'http://127.0.0.1:2/', updatedAt: start + 3 }),
    ).toMatchObject({ enabled: true, pausedReason: null });
    // An operator's pause is the operator's.
    await subject.store.write.updateEndpoint(id, {
      enabled: false,
      pausedReason: 'operator',
      updatedAt: start + 4,
    });
    expect(
      await subject.store.write.updateEndpoint(id, { url: 'http://127.0.0.1:3/', updatedAt: start + 5 }),
    ).toMatchObject({ enabled: false, pausedReason: 'operator' });
    expect(await subject.store.write.pauseGone('ep_absent', url, start)).toBeNull();
  });

  test('of two that settle a setting at once, one wins', async () => {
    const values = await Promise.all(
      ['a', 'b', 'c'].map((value) => subject.store.write.settleSetting('key', value)),
    );
    expect(new Set(values).size).toBe(1);
    expect(await subject.store.read.setting('key')).toBe(values[0]);
    await subject.store.write.saveSetting('key', 'd');
    expect(await subject.store.write.settleSetting('key', 'e')).toBe('d');
  });

  test('G9: settings that hold secrets are listed, and replaced only if they did not change', async () => {
    const { store } = subject;
    await store.write.saveSetting('open', 'sealed and plain: not these');
    await store.write.saveSetting('b', 'sealed:1:00000000:setting:AAAA');
    await store.write.saveSetting('a', 'plain:1:setting:x');
    expect(await store.read.sealedSettings()).toEqual([
      { name: 'a', value: 'plain:1:setting:x' },
      { name: 'b', value: 'sealed:1:00000000:setting:AAAA' },
    ]);
    expect(await store.write.replaceSetting('a', 'another', 'new')).toBe(false);
    expect(await store.write.replaceSetting('missing', 'another', 'new')).toBe(false);
    expect(await store.write.replaceSetting('a', 'plain:1:setting:x', 'new')).toBe(true);
    expect(await store.read.setting('a')).toBe('new');
    expect(await store.write.purgeFormerValues()).toBe(true);
    expect(await store.read.setting('a')).toBe('new');
  });

  test('alerts: a step and its notifications are stored together, once', async () => {
    const endpoint = await one({ tenant: 'posthorn', body: 'data' });
    const alert = anAlert('alr_1');
    expect(await subject.store.read.alerts()).toEqual({ version: 0, alerts: [] });
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
      (
        await Promise.all([subject.store.write.saveAlerts(step), subject.store.write.saveAlerts(step)])
      ).toSorted(),
    ).toEqual([false, true]);
    const { version, alerts } = await subject.store.read.alerts();
    expect(version).toBe(1);
    expect(JSON.stringify(alerts)).toBe(JSON.stringify(step.changed));
    expect(
      await subject.store.read.deliveries({ endpointIds: [endpoint.id] }, { after: null, limit: 10 }),
    ).toMatchObject([{ eventId: 'told', state: 'pending' }]);
    expect(
      await subject.store.write.saveAlerts({
        ...step,
        version: 1,
        changed: [{ ...alert, state: 'resolved' }],
        forgotten: ['alr_2'],
        notifications: [],
      }),
    ).toBe(true);
    expect((await subject.store.read.alerts()).alerts).toMatchObject([{ id: 'alr_1', state: 'resolved' }]);
    await balanced();
  });

  test('documents are kept by kind and name', async () => {
    await subject.store.write.putDocument('team', 'b', aTeam('x'));
    await subject.store.write.putDocument('team', 'a', aTeam());
    await subject.store.write.putDocument('channel', 'a', aChannel('ep_1'));
    await subject.store.write.putDocument('team', 'b', aTeam('y'));
    expect(await subject.store.read.documents('team')).toEqual([
      { name: 'a', document: aTeam() },
      { name: 'b', document: aTeam('y') },
    ]);
    expect(await subject.store.read.document('team', 'b')).toEqual(aTeam('y'));
    expect(await subject.store.read.document('channel', 'b')).toBeNull();
    expect([
      await subject.store.write.deleteDocument('team', 'a'),
      await subject.store.write.deleteDocument('team', 'a'),
    ]).toEqual([true, false]);
    expect(await subject.store.read.documents('channel')).toHaveLength(1);
  });
}
