import { expect, test } from 'vitest';
import type { Marker } from '../../../packages/posthorn/src/domain/marker.ts';
import { auditEntry } from '../../../packages/posthorn/src/service/audit.ts';
import { start } from '../../support.ts';
import type { Subject } from './subject.ts';

const aMarker = (n: number, fields: Partial<Marker> = {}): Marker => ({
  id: `mrk_${String(n).padStart(6, '0')}`,
  at: start + n,
  kind: 'deploy',
  label: `version ${n}`,
  url: null,
  by: 'pipeline',
  ...fields,
});

/** Markers: read backward in time, page by page, deleted once. */
export function describeMarkers(subject: Subject): void {
  const all = { since: null, until: null, after: null, limit: 100 };

  test('markers come back as they were put, the newest first, and within a window', async () => {
    const { store } = subject;
    // Two at the same time are in the order of their ids.
    const markers = [
      aMarker(1),
      aMarker(3, { kind: 'incident', url: 'https://example.com/1' }),
      aMarker(2, { at: start + 3 }),
    ];
    for (const marker of markers) await store.createMarker(marker, null);
    const read = await store.markers(all);
    expect(read).toEqual([markers[1], markers[2], markers[0]]);
    expect(await store.markers({ ...all, since: start + 1, until: start + 3 })).toEqual([markers[0]]);
    const pages: Marker[] = [];
    for (;;) {
      const last = pages.at(-1);
      const page = await store.markers({
        ...all,
        after: last === undefined ? null : { at: last.at, id: last.id },
        limit: 1,
      });
      if (page.length === 0) break;
      pages.push(...page);
    }
    expect(pages).toEqual(read);
    expect(await store.marker('mrk_000001')).toEqual(markers[0]);
    expect(await store.marker('mrk_none')).toBeNull();
  });

  test('a marker is deleted once, with its entry in the audit log', async () => {
    const { store } = subject;
    const marker = aMarker(1);
    await store.createMarker(marker, null);
    const entry = auditEntry(null, start, {
      action: 'markers.delete',
      target: { kind: 'marker', id: marker.id },
      tenant: null,
      before: { id: marker.id },
    });
    expect(await store.deleteMarker(marker.id, entry)).toBe(true);
    expect(await store.deleteMarker(marker.id, entry)).toBe(false);
    expect(await store.markers(all)).toEqual([]);
    const log = await store.auditLog({}, { after: null, limit: 10 });
    expect(log).toHaveLength(1);
  });
}
