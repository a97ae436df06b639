import { alertEndpoint, type Condition } from '../domain/alert.ts';
import type { Endpoint } from '../domain/endpoint.ts';

type Named = Pick<Endpoint, 'id' | 'url' | 'name'>;

const endpointIds = /\bep_[0-9a-z]+/g;

/** An endpoint that is down waits this long for others of its host, so that an outage of the host is one notification. */
const hostWaitMs = 30_000;

/**
 * Returns conditions whose summaries name endpoints by their host: an id says nothing to who is woken by it. Endpoints that share a
 * host have their name, or else their id, beside it. Ids stay in the evidence, and in its commands. What is about one endpoint has its
 * host, by which it is notified.
 */
export function withHosts(conditions: readonly Condition[], endpoints: readonly Named[]): Condition[] {
  if (conditions.length === 0) return [];
  const named = new Map<string, Named>();
  const counts = new Map<string, number>();
  for (const endpoint of endpoints) {
    const { host } = new URL(endpoint.url);
    named.set(endpoint.id, endpoint);
    counts.set(host, (counts.get(host) ?? 0) + 1);
  }
  const nameOf = (id: string): string => {
    const endpoint = named.get(id);
    if (endpoint === undefined) return id;
    const { host } = new URL(endpoint.url);
    return counts.get(host) === 1 ? host : `${host} (${endpoint.name ?? id})`;
  };
  return conditions.map((one) => {
    const summary = one.summary.replaceAll(endpointIds, nameOf);
    const endpoint = named.get(alertEndpoint(one) ?? '');
    if (endpoint === undefined) return { ...one, summary };
    const { host } = new URL(endpoint.url);
    const waits = one.rule === 'endpoint_down' && counts.get(host)! > 1;
    return { ...one, summary, host, waitMs: waits ? Math.max(one.waitMs, hostWaitMs) : one.waitMs };
  });
}
