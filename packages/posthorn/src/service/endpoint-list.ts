import type { Answer, Input } from '../contract/table.ts';
import { alertTenant } from '../domain/alert.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { urlHost } from '../domain/url-host.ts';
import { type EndpointState, endpointStates } from '../domain/endpoint-state.ts';
import { endpointState, stateFacts } from '../reliability/endpoint-health.ts';
import { everyEndpoint } from '../store/every-endpoint.ts';
import type { EndpointFigures } from '../store/endpoint-figures.ts';
import { declaredNames } from './declared.ts';
import { tenantsFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { readDeadWorth, readFigures, wireHealth } from './endpoint-health.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import { type Health, readKnown, shownWith } from './endpoint-shown.ts';
import type { Handler } from './handler.ts';
import { decodeCursor, toPage, pageRead, type Position } from './paging.ts';

type Query = Input<'endpoints.list'>['query'];
type Page = { readonly items: readonly Endpoint[]; readonly next_cursor: string | null };
/** What was read of the endpoints of a page while they were chosen; null: it was not. */
interface Chosen {
  readonly page: Page;
  readonly known: Health | null;
  readonly figures: ReadonlyMap<string, EndpointFigures> | null;
}

/** With more endpoints than this, sorting uses their states only, without reading what waits and what is dead. */
const maxSorted = 1000;

/** Lists endpoints by their settings and their health. */
export function endpointList(deps: ServiceDependencies): Handler<'endpoints.list'> {
  const { store, clock, keyring } = deps;
  return async ({ query }, { caller }) => {
    const now = clock.now();
    const isPlain =
      query.sort === 'created' &&
      [query.q, query.owner, query.unowned, query.template, query.state].every((one) => one === undefined);
    const chosen = isPlain
      ? unread(await readPage(deps, query))
      : await chosenPage(deps, query, now, caller.can === null);
    const { page } = chosen;
    const known = chosen.known ?? (await readKnown(store.read, page.items, now));
    const shown = page.items.map((endpoint) => shownWith(keyring, endpoint, known, endpoint));
    if (query.include === undefined) return { ...page, items: shown };
    const figures = chosen.figures ?? (await readFigures(store.read, page.items, now));
    const dead = page.items.filter(({ id }) => (figures.get(id)?.dead ?? 0) > 0);
    const worthOf = await readDeadWorth(store.read, dead, now);
    return {
      ...page,
      items: page.items.map((endpoint, index): Answer<'endpoints.list'>['items'][number] => ({
        ...shown[index]!,
        health: wireHealth({
          endpoint,
          receiver: known.receivers.get(endpoint.id),
          figures: figures.get(endpoint.id),
          worth: worthOf(endpoint.id),
          now,
        }),
      })),
    };
  };
}

const unread = (page: Page): Chosen => ({ page, known: null, figures: null });

/** In the store's order, page by page. */
async function readPage({ store }: ServiceDependencies, query: Query): Promise<Page> {
  const { tenant, endpoint_id: references, limit, cursor, order } = query;
  const read = await store.read.endpoints({
    ...tenantsFrom(tenant, references !== undefined),
    ...(references === undefined ? {} : { ids: await endpointIdsFrom(store.read, references, tenant) }),
    after: decodeCursor(cursor),
    limit: limit + 1,
    order,
  });
  return pageRead(read, limit, ({ id }) => id);
}

/** Endpoints that match a text, a team, a template or a state, in the requested order. */
async function chosenPage(
  deps: ServiceDependencies,
  query: Query,
  now: number,
  seesOwners: boolean,
): Promise<Chosen> {
  const { store } = deps;
  const { tenant, endpoint_id: references } = query;
  const ids =
    references === undefined ? null : new Set(await endpointIdsFrom(store.read, references, tenant));
  const teams = query.unowned === undefined ? null : await declaredNames(store.read, 'team');
  let chosen: Endpoint[] = [];
  for await (const endpoint of everyEndpoint(store.read, tenantsFrom(tenant, references !== undefined)))
    if ((ids === null || ids.has(endpoint.id)) && isChosen(endpoint, query, teams, seesOwners))
      chosen.push(endpoint);
  if (query.state === undefined && query.sort !== 'need')
    return unread(toPage(chosen, query, query.sort === 'name' ? byName : byId));

  const known = await readKnown(store.read, chosen, now);
  const figures = chosen.length <= maxSorted ? await readFigures(store.read, chosen, now) : null;
  const stateOf = (endpoint: Endpoint): EndpointState => {
    const accepted = figures?.get(endpoint.id)?.accepted ?? 0;
    return endpointState(stateFacts(endpoint, known.receivers.get(endpoint.id), accepted), now);
  };
  const { state } = query;
  if (state !== undefined) chosen = chosen.filter((endpoint) => state.includes(stateOf(endpoint)));
  const byNeed = (endpoint: Endpoint): Position => {
    const { dead = 0, pending = 0 } = figures?.get(endpoint.id) ?? {};
    return [needRank(stateOf(endpoint), dead), -dead, -pending, endpoint.id];
  };
  const place = { need: byNeed, name: byName, created: byId }[query.sort];
  return { page: toPage(chosen, query, place), known, figures };
}

/** Dead letters of a working endpoint need attention more than an endpoint that was paused on purpose. */
function needRank(state: EndpointState, dead: number): number {
  const place = endpointStates.indexOf(state);
  return dead > 0 && place > endpointStates.indexOf('slowed')
    ? endpointStates.indexOf('slowed') + 0.5
    : place;
}

const byId = ({ id }: Endpoint): Position => [id];
const byName = (endpoint: Endpoint): Position => [endpoint.name ?? urlHost(endpoint.url), endpoint.id];

function isChosen(
  endpoint: Endpoint,
  query: Query,
  teams: ReadonlySet<string> | null,
  seesOwners: boolean,
): boolean {
  const { owner, template, q } = query;
  if (owner !== undefined && (endpoint.owner === null || !owner.includes(endpoint.owner))) return false;
  if (template !== undefined && (endpoint.template === null || !template.includes(endpoint.template)))
    return false;
  if (teams !== null && endpoint.owner !== null && teams.has(endpoint.owner)) return false;
  if (q === undefined) return true;
  // A channel's URL is a credential: only its host is searched.
  const url = endpoint.tenant === alertTenant ? urlHost(endpoint.url) : endpoint.url;
  const text = q.toLowerCase();
  return [endpoint.id, endpoint.name, url, endpoint.description, seesOwners ? endpoint.owner : null].some(
    (field) => field?.toLowerCase().includes(text) === true,
  );
}
