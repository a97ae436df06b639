import type { Answer } from '../contract/table.ts';
import { concurrency } from '../engine/breaker.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { EndpointState } from '../domain/endpoint-state.ts';
import { hourMs, iso, isoOrNull, secondMs } from '../domain/time.ts';
import { duration, moment, number } from '../reliability/diagnosis/words.ts';
import {
  dueUntil,
  endpointState,
  healthFigures,
  healthHours,
  healthSince,
  latencySince,
  stateFacts,
} from '../reliability/endpoint-health.ts';
import type { Money } from '../store/accounting.ts';
import type { ReceiverHealth } from '../store/breakers.ts';
import type { EndpointFigures } from '../store/endpoint-figures.ts';
import type { StoreRead } from '../store/store.ts';
import { wireMoney } from './wire.ts';

type HealthAnswer = Answer<'endpoints.health'>['health'];

export type HealthStore = Pick<StoreRead, 'endpointFigures' | 'worth'>;

export async function readFigures(
  store: HealthStore,
  endpoints: readonly Endpoint[],
  now: number,
): Promise<ReadonlyMap<string, EndpointFigures>> {
  const ask = async (some: readonly Endpoint[], from: number): Promise<readonly EndpointFigures[]> =>
    some.length === 0
      ? []
      : await store.endpointFigures({
          endpoints: some.map((one) => ({ endpointId: one.id, dueUntil: dueUntil(one, now) })),
          since: healthSince(now),
          latencySince: from,
        });
  const figures = new Map((await ask(endpoints, latencySince(now))).map((one) => [one.endpointId, one]));
  // Endpoints with little traffic have few rows: for them the whole window is read.
  const quiet = endpoints.filter(({ id }) => {
    const found = figures.get(id);
    return (
      found !== undefined && found.latency.length === 0 && found.hours.some(({ delivered }) => delivered > 0)
    );
  });
  for (const one of await ask(quiet, healthSince(now))) figures.set(one.endpointId, one);
  return figures;
}

/** The value of these endpoints' dead letters, from counters: however many there are. */
export async function readDeadWorth(
  store: HealthStore,
  endpoints: readonly Endpoint[],
  now: number,
): Promise<(endpointId: string) => readonly Money[]> {
  if (endpoints.length === 0) return () => [];
  const worth = await store.worth({
    endpointIds: endpoints.map(({ id }) => id),
    since: null,
    until: null,
    now,
  });
  return (id) =>
    addMoney(
      worth.flatMap(({ endpointId, currency, dead: { amountMinor, count: events } }) =>
        endpointId === id && currency !== null && events > 0 ? [{ currency, amountMinor, events }] : [],
      ),
    );
}

/** Sums by currency, the currency of the most events first. */
export function addMoney(all: readonly Money[]): Money[] {
  const sums = new Map<string, Money>();
  for (const { currency, amountMinor, events } of all) {
    const before = sums.get(currency);
    sums.set(currency, {
      currency,
      amountMinor: amountMinor + (before?.amountMinor ?? 0n),
      events: events + (before?.events ?? 0),
    });
  }
  return [...sums.values()].toSorted((a, b) => b.events - a.events || (a.currency < b.currency ? -1 : 1));
}

export interface HealthParts {
  readonly endpoint: Endpoint;
  readonly receiver: ReceiverHealth | undefined;
  readonly figures: EndpointFigures | undefined;
  readonly worth: readonly Money[];
  readonly now: number;
}

const noFigures = (endpointId: string): EndpointFigures => ({
  endpointId,
  accepted: 0,
  pending: 0,
  dead: 0,
  suppressed: 0,
  hours: [],
  partial: {
    accepted: 0,
    delivered: 0,
    dead: 0,
    cancelled: 0,
    suppressed: 0,
    late: 0,
    superseded: 0,
    firstAttempts: 0,
    firstAttemptDelivered: 0,
  },
  latency: [],
  nextDueAt: null,
});

export function wireHealth({ endpoint, receiver, figures, worth, now }: HealthParts): HealthAnswer {
  const counted = figures ?? noFigures(endpoint.id);
  const facts = stateFacts(endpoint, receiver, counted.accepted);
  const state = endpointState(facts, now);
  const { contact } = facts;
  const since = healthSince(now);
  const health = healthFigures(endpoint, counted, now);
  return {
    state,
    note: healthNote(endpoint, state, receiver, now),
    window: { since: iso(since), until: iso(since + healthHours * hourMs) },
    in_time: health.inTime,
    rate_per_s: health.ratePerS,
    p99_ms: health.p99Ms,
    pending: Math.max(0, counted.pending),
    oldest_due_at: isoOrNull(counted.nextDueAt),
    dead: Math.max(0, counted.dead),
    suppressed: Math.max(0, counted.suppressed),
    worth: worth.map(wireMoney),
    // Counters cover all of it.
    worth_complete: true,
    last_success_at: isoOrNull(contact?.lastSuccessAt ?? null),
    last_failure_at: isoOrNull(contact?.lastFailureAt ?? null),
    failing_since: isoOrNull(contact?.failedSince ?? null),
    failures_in_a_row: contact?.failuresInARow ?? 0,
    last_error:
      contact === null || contact.lastErrorClass === null
        ? null
        : { class: contact.lastErrorClass, status_code: contact.lastStatusCode },
    bars: { since: iso(since), step_s: hourMs / secondMs, good: health.good, bad: health.bad },
  };
}

/** What a list shows besides the state. */
function healthNote(
  endpoint: Endpoint,
  state: EndpointState,
  receiver: ReceiverHealth | undefined,
  now: number,
): string | null {
  const { contact = null, throttledUntil = null, openSince = null } = receiver ?? {};
  const notes: string[] = [];
  if (state === 'paused') notes.push(`paused: ${endpoint.pausedReason ?? 'operator'}`);
  if (state === 'failing' && contact !== null && contact.failedSince !== null) {
    const status = contact.lastStatusCode === null ? '' : ` (${contact.lastStatusCode})`;
    notes.push(`${contact.lastErrorClass ?? 'failing'}${status} for ${duration(now - contact.failedSince)}`);
  }
  if (throttledUntil !== null && throttledUntil > now)
    notes.push(`throttled until ${moment(throttledUntil, now)} by Retry-After`);
  if (openSince !== null && endpoint.enabled) {
    const slowed = number(concurrency(endpoint.maxInFlight, true));
    notes.push(`limited to ${slowed} at a time since ${moment(openSince, now)}, after 20 failures in a row`);
  }
  return notes.length === 0 ? null : notes.join('; ');
}
