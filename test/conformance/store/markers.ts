import { expect, test } from 'vitest';
import type { Marker } from '../../../packages/posthorn/src/domain/marker.ts';
import { auditEntry } from '../../../packages/posthorn/src/service/audit.ts';
import { anEndpoint, start } from '../../support.ts';
import type { Subject } from './subject.ts';

const aMarker = (n: number, fields: Partial<Marker> = {}): Marker => ({
  id: `mrk_${String(n).padStart(6, '0')}`,
  at: start + n,
  kind: 'deploy',
  label: `version ${n}`,
  url: null,
  by: 'pipeline',
  isAutomatic: false,
  tenant: null,
  subject: null,
  ...fields,
});

/** Markers: read backward in time, page by page, deleted once. */
export function describeMarkers(subject: Subject): void {
  const all = { since: null, until: null, isAutomatic: null, after: null, limit: 100 };

  test('markers come back as they were put, the newest first, and within a window', async () => {
    const { store } = subject;
    // Two at the same time are in the order of their ids.
    const markers = [
      aMarker(1),
      aMarker(3, { kind: 'incident', url: 'https://example.com/1' }),
      aMarker(2, { at: start + 3 }),
    ];
    for (const marker of markers) await store.write.createMarker(marker, null);
    const read = await store.read.markers(all);
    expect(read).toEqual([markers[1], markers[2], markers[0]]);
    expect(await store.read.markers({ ...all, since: start + 1, until: start + 3 })).toEqual([markers[0]]);
    const pages: Marker[] = [];
    for (;;) {
      const last = pages.at(-1);
      const page = await store.read.markers({
        ...all,
        after: last === undefined ? null : { at: last.at, id: last.id },
        limit: 1,
      });
      if (page.length === 0) break;
      pages.push(...page);
    }
    expect(pages).toEqual(read);
    expect(await store.read.marker('mrk_000001')).toEqual(markers[0]);
    expect(await store.read.marker('mrk_none')).toBeNull();
  });

  test('a marker is deleted once, with its entry in the audit log', async () => {
    const { store } = subject;
    const marker = aMarker(1);
    await store.write.createMarker(marker, null);
    const entry = auditEntry(null, start, {
      action: 'markers.delete',
      target: { kind: 'marker', id: marker.id },
      tenant: null,
      before: { id: marker.id },
    });
    expect(await store.write.deleteMarker(marker.id, entry)).toBe(true);
    expect(await store.write.deleteMarker(marker.id, entry)).toBe(false);
    expect(await store.read.markers(all)).toEqual([]);
    const log = await store.read.auditLog({}, { after: null, limit: 10 });
    expect(log).toHaveLength(1);
  });

  test('a change of an endpoint leaves a marker in its own transaction, or neither is there (G4)', async () => {
    const { store } = subject;
    const endpoint = anEndpoint();
    await store.write.createEndpoint(endpoint);
    const version = await store.read.configVersion();
    const pause = (at: number): Parameters<typeof store.write.changeConfig>[0] => ({
      version,
      now: at,
      updateEndpoints: [{ id: endpoint.id, change: { enabled: false, updatedAt: at } }],
      audit: [
        auditEntry(null, at, {
          action: 'endpoints.pause',
          target: { kind: 'endpoint', id: endpoint.id },
          tenant: endpoint.tenant,
          before: { url: endpoint.url, enabled: true },
          after: { url: endpoint.url, enabled: false, paused_reason: 'migration' },
        }),
      ],
    });
    expect(await store.write.changeConfig(pause(start))).not.toBeNull();
    // The version has changed: refused, without any effect.
    expect(await store.write.changeConfig(pause(start + 1))).toBeNull();
    const [marker, ...others] = await store.read.markers({ ...all, isAutomatic: true });
    expect(others).toEqual([]);
    expect(marker).toMatchObject({
      at: start,
      kind: 'change',
      label: `${new URL(endpoint.url).host} paused: migration`,
      by: 'Posthorn',
      isAutomatic: true,
      tenant: endpoint.tenant,
      subject: { kind: 'endpoint', id: endpoint.id },
    });
    expect(await store.read.markers({ ...all, isAutomatic: false })).toEqual([]);
    // The same one again is the same one.
    await store.write.createMarker(marker!, null);
    expect(await store.read.markers(all)).toEqual([marker]);
  });

  test('an endpoint that Posthorn pauses by itself leaves one too', async () => {
    const { store } = subject;
    const endpoint = anEndpoint();
    await store.write.createEndpoint(endpoint);
    await store.write.pauseGone(endpoint.id, endpoint.url, start + 5);
    expect(await store.read.markers(all)).toMatchObject([
      { at: start + 5, by: 'Posthorn', subject: { kind: 'endpoint', id: endpoint.id } },
    ]);
  });
}
