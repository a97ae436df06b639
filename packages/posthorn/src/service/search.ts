import type { Answer } from '../contract/table.ts';
import type { Caller } from '../domain/caller.ts';
import type { DocumentKind } from '../domain/documents.ts';
import { deliveryId, parseDeliveryId } from '../domain/ids.ts';
import { tenantsFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import type { Handlers, Of } from './handler.ts';
import type { StoreRead } from '../store/store.ts';

/** Maximum per kind. */
const maxResults = 10;
/** A shorter text is in every name. */
const minNameLength = 2;

type Result = Answer<'search.find'>['items'][number];

interface Asked {
  readonly text: string;
  readonly tenants: readonly string[] | undefined;
  readonly endpointIds: readonly string[] | undefined;
}

const declared = [
  ['event_type', 'event_type'],
  ['team', 'team'],
  ['slo', 'objective'],
  ['channel', 'channel'],
  ['template', 'template'],
] as const satisfies readonly (readonly [DocumentKind, Result['kind']])[];

/** Without the scheme: what a reader knows an endpoint by. */
function urlTitle(url: string): string {
  const { host, pathname } = new URL(url);
  return pathname === '/' ? host : `${host}${pathname}`;
}

/** The part of a pasted URL after its scheme, without its query. */
function urlPiece(text: string): string {
  return text.replace(/^https?:\/\//i, '').replace(/[?#].*$/, '');
}

/** Whether a caller may see what belongs to no tenant: a bound caller may not. */
const seesAll = ({ tenant, endpointIds, can }: Caller): boolean =>
  tenant === null && endpointIds === null && can === null;

/** Finds anything by its id or part of its name. */
export function searchService({
  store: { read },
}: Pick<ServiceDependencies, 'store'>): Handlers<Of<'search'>> {
  return {
    'search.find': async ({ query: { q: text, tenant: tenants, endpoint_id: references } }, { caller }) => {
      const endpointIds =
        references === undefined ? undefined : await endpointIdsFrom(read, references, tenants);
      const asked = { text, tenants, endpointIds };
      const isEverything = seesAll(caller);
      const found = await Promise.all([
        findDelivery(read, asked),
        findEvents(read, asked),
        ...(isEverything ? [findJobs(read, asked), findAlerts(read, asked)] : []),
        // A portal does not show owners, so it does not find by them.
        findEndpoints(read, asked, caller.can === null),
        // Types would reveal what others in the tenant receive.
        ...(endpointIds === undefined ? [findNames(read, asked, isEverything)] : []),
      ]);
      const items = new Map<string, Result>();
      for (const one of found.flat())
        if (!items.has(`${one.kind} ${one.tenant} ${one.id}`))
          items.set(`${one.kind} ${one.tenant} ${one.id}`, one);
      return { items: [...items.values()] };
    },
  };
}

async function findDelivery(read: StoreRead, { text, tenants, endpointIds }: Asked): Promise<Result[]> {
  const number = parseDeliveryId(text);
  const found = number === null ? null : await read.deliveryDetails(number);
  if (found === null) return [];
  const { tenant, endpointId, eventType, endpoint, state } = found;
  if (tenants?.includes(tenant) === false || endpointIds?.includes(endpointId) === false) return [];
  return [
    {
      kind: 'delivery',
      id: deliveryId(found.number),
      tenant,
      title: `${eventType} to ${new URL(endpoint.url).host}`,
      detail: state,
    },
  ];
}

async function findEvents(read: StoreRead, { text, tenants, endpointIds }: Asked): Promise<Result[]> {
  const numbers = await read.eventsById(text, tenants);
  const found = await read.foundEvents(numbers.slice(0, maxResults));
  const known: Result[] = [];
  for (const { id, tenant, type } of found) {
    if (endpointIds !== undefined) {
      const filter = { tenants: [tenant], eventIds: [id], endpointIds };
      if ((await read.deliveries(filter, { after: null, limit: 1 })).length === 0) continue;
    }
    known.push({ kind: 'event', id, tenant, title: id, detail: type });
  }
  return known;
}

async function findEndpoints(
  read: StoreRead,
  { text, tenants, endpointIds }: Asked,
  byOwner: boolean,
): Promise<Result[]> {
  const byId = text.startsWith('ep_') ? await read.endpoint(text) : null;
  const isOwn =
    byId !== null && tenants?.includes(byId.tenant) !== false && endpointIds?.includes(byId.id) !== false;
  const named =
    text.length < minNameLength
      ? []
      : await read.findEndpoints({
          ...tenantsFrom(tenants),
          ...(endpointIds === undefined ? {} : { ids: endpointIds }),
          text: urlPiece(text),
          limit: maxResults,
          byOwner,
        });
  return [...(isOwn ? [byId] : []), ...named].map(({ id, tenant, name, url, owner }) => ({
    kind: 'endpoint',
    id,
    tenant,
    title: urlTitle(url),
    detail: name ?? owner,
  }));
}

async function findJobs(read: StoreRead, { text }: Asked): Promise<Result[]> {
  if (!text.startsWith('rdr_')) return [];
  const found = await read.redrive(text);
  if (found === null) return [];
  return [{ kind: 'redrive', id: text, tenant: null, title: found.name ?? text, detail: found.state }];
}

async function findAlerts(read: StoreRead, { text }: Asked): Promise<Result[]> {
  if (!text.startsWith('alr_')) return [];
  const found = (await read.alerts()).alerts.find(({ id }) => id === text);
  if (found === undefined) return [];
  return [{ kind: 'alert', id: text, tenant: null, title: found.summary, detail: found.severity }];
}

async function findNames(
  read: StoreRead,
  { text, tenants }: Asked,
  isEverything: boolean,
): Promise<Result[]> {
  if (text.length < minNameLength) return [];
  const piece = text.toLowerCase();
  const types = await read.findEventTypes({ ...tenantsFrom(tenants), text, limit: maxResults });
  const counted = types.map((type): Result => {
    return { kind: 'event_type', id: type, tenant: null, title: type, detail: null };
  });
  if (!isEverything) return counted;
  const known = await Promise.all(
    declared.map(async ([kind, shown]) =>
      (await read.documents(kind))
        .filter(({ name }) => name.toLowerCase().includes(piece))
        .slice(0, maxResults)
        .map(({ name }): Result => ({ kind: shown, id: name, tenant: null, title: name, detail: null })),
    ),
  );
  return [...counted, ...known.flat()];
}
