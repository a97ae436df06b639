import { type Endpoint, subscribes, takesKeys } from '../domain/endpoint.ts';
import type { NewEvent } from '../domain/event.ts';
import { compiledFilter, passesFilter } from '../domain/filter.ts';
import { hasBit, setBit } from './fan-out.ts';
import type { Replayed } from './store.ts';

/** Endpoints of a tenant that subscribe to a type. */
interface Subscribers<Known> {
  readonly all: readonly Known[];
  readonly suppressed: number;
  /** Any of them looks at more of an event than its type. */
  readonly anyChoice: boolean;
  readonly anyFilter: boolean;
  readonly anyKeyed: boolean;
}

/** Who gets an event: kept small, because a request may have millions of deliveries. */
export interface Match<Known> {
  readonly subscribers: Subscribers<Known>;
  /** Which of the subscribers pass their filters; null: all of them. */
  readonly passes: Uint8Array | null;
  readonly count: number;
  readonly suppressed: number;
  readonly filtered: number;
}

export function* wantedBy<Known>({ subscribers, passes }: Match<Known>): Generator<Known> {
  for (const [place, known] of subscribers.all.entries())
    if (passes === null || hasBit(passes, place)) yield known;
}

const hasRoutingKeys = ({ routingKeys }: Endpoint): boolean =>
  routingKeys !== undefined && routingKeys !== null;

/** Finds who gets an event; those who subscribe to a type are looked for once in a plan. */
export function matcherOf<Known extends { readonly endpoint: Endpoint }>(
  subscribers: (tenant: string, type: string) => readonly Known[],
): (event: Pick<NewEvent, 'tenant' | 'type' | 'data' | 'routingKeys'>) => Match<Known> {
  const known = new Map<string, Subscribers<Known>>();
  const subscribersOf = (tenant: string, type: string): Subscribers<Known> => {
    const key = `${tenant}\u0000${type}`;
    let found = known.get(key);
    if (found === undefined) {
      const all = subscribers(tenant, type);
      found = {
        all,
        suppressed: all.filter(({ endpoint }) => !endpoint.enabled).length,
        anyChoice: all.some(({ endpoint }) => endpoint.filter !== null || hasRoutingKeys(endpoint)),
        anyFilter: all.some(({ endpoint }) => endpoint.filter !== null),
        anyKeyed: all.some(({ endpoint }) => endpoint.ordering === 'key'),
      };
      known.set(key, found);
    }
    return found;
  };
  return (event) => {
    const subscribers = subscribersOf(event.tenant, event.type);
    const { all, suppressed, anyChoice } = subscribers;
    if (!anyChoice) return { subscribers, passes: null, count: all.length, suppressed, filtered: 0 };
    return matchFilters(subscribers, event);
  };
}

function matchFilters<Known extends { readonly endpoint: Endpoint }>(
  subscribers: Subscribers<Known>,
  event: Pick<NewEvent, 'data' | 'routingKeys'>,
): Match<Known> {
  const passes = new Uint8Array(Math.ceil(subscribers.all.length / 8));
  let count = 0;
  let suppressed = 0;
  // Once for all filters.
  const data: unknown = subscribers.anyFilter ? JSON.parse(event.data) : undefined;
  for (const [place, { endpoint }] of subscribers.all.entries()) {
    if (!takesKeys(endpoint, event.routingKeys)) continue;
    if (endpoint.filter !== null && !compiledFilter(endpoint.filter)(data)) continue;
    setBit(passes, place);
    count++;
    if (!endpoint.enabled) suppressed++;
  }
  return { subscribers, passes, count, suppressed, filtered: subscribers.all.length - count };
}

/** The endpoints among which an event's are. */
interface Candidates<Known> {
  get(id: string): Known | undefined;
  subscribers(tenant: string, type: string): readonly Known[];
}

export interface ReplayPlan<Known> extends Pick<Replayed, 'filtered' | 'overridden'> {
  readonly wanted: readonly Known[];
}

/**
 * Who gets a past event again: those who would receive it if it were accepted now, or the one endpoint that the operator
 * named. Naming one is a decision about that endpoint, so neither its subscription nor its filter is asked; the answer says
 * which of them would have excluded the event. Null: this tenant has no such endpoint.
 */
export function planReplay<Known extends { readonly endpoint: Endpoint }>(
  candidates: Candidates<Known>,
  event: Pick<NewEvent, 'tenant' | 'type' | 'data' | 'routingKeys'>,
  endpointId: string | null,
): ReplayPlan<Known> | null {
  if (endpointId === null) {
    const match = matcherOf((tenant, type) => candidates.subscribers(tenant, type))(event);
    return { wanted: [...wantedBy(match)], filtered: match.filtered, overridden: [] };
  }
  const known = candidates.get(endpointId);
  if (known === undefined || known.endpoint.tenant !== event.tenant) return null;
  const { eventTypes, filter } = known.endpoint;
  const overridden: Replayed['overridden'][number][] = [];
  if (!subscribes(eventTypes, event.type)) overridden.push('subscription');
  const passes = filter === null || passesFilter(filter, JSON.parse(event.data));
  if (!passes || !takesKeys(known.endpoint, event.routingKeys)) overridden.push('filter');
  return { wanted: [known], filtered: 0, overridden };
}
