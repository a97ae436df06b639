import type { Answer } from '../contract/table.ts';
import { notFound } from '../domain/errors.ts';
import { timeOrderedId } from '../domain/ids.ts';
import type { Marker } from '../domain/marker.ts';
import { iso } from '../domain/time.ts';
import { auditEntry } from './audit.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers, Of } from './handler.ts';
import { decodeCursor, invalidCursor, pageRead } from './paging.ts';

const timeOf = (text: string | undefined): number | null => (text === undefined ? null : Date.parse(text));

/** What happened when, as recorded by people, pipelines and Posthorn itself. */
export function markerService({
  store,
  clock,
  random,
}: Pick<ServiceDependencies, 'store' | 'clock' | 'random'>): Handlers<Of<'markers'>> {
  return {
    'markers.list': async ({ query: { since, until, automatic, limit, cursor } }) => {
      const read = await store.read.markers({
        since: timeOf(since),
        until: timeOf(until),
        isAutomatic: automatic === undefined ? null : automatic === 'true',
        after: positionFrom(decodeCursor(cursor)),
        limit: limit + 1,
      });
      const page = pageRead(read, limit, ({ at, id }) => `${at}/${id}`);
      return { ...page, items: page.items.map(wireMarker) };
    },

    'markers.create': async ({ body: { at, kind, label, url } }, call) => {
      const now = clock.now();
      const marker: Marker = {
        id: timeOrderedId('mrk', now, random.bytes(16)),
        at: timeOf(at) ?? now,
        kind,
        label,
        url: url ?? null,
        by: call.caller.name,
        isAutomatic: false,
        tenant: null,
        subject: null,
      };
      const after = wireMarker(marker);
      await store.write.createMarker(
        marker,
        auditEntry(call, now, {
          action: 'markers.create',
          target: { kind: 'marker', id: marker.id },
          tenant: null,
          after,
        }),
      );
      return after;
    },

    'markers.delete': async ({ params: { id } }, call) => {
      const marker = await store.read.marker(id);
      if (marker === null) throw notFound('marker by that id');
      const audit = auditEntry(call, clock.now(), {
        action: 'markers.delete',
        target: { kind: 'marker', id },
        tenant: null,
        before: wireMarker(marker),
      });
      if (!(await store.write.deleteMarker(id, audit))) throw notFound('marker by that id');
      return undefined;
    },
  };
}

function positionFrom(last: string | null): { readonly at: number; readonly id: string } | null {
  if (last === null) return null;
  const [, at, id] = /^(\d{1,15})\/(mrk_\w{1,40})$/.exec(last) ?? [];
  if (at === undefined || id === undefined) throw invalidCursor();
  return { at: Number(at), id };
}

function wireMarker(marker: Marker): Answer<'markers.create'> {
  const { id, at, kind, label, url, by, isAutomatic: automatic, tenant, subject } = marker;
  return { id, at: iso(at), kind, label, url, by, automatic, tenant, subject };
}
