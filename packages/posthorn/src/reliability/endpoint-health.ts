import type { Contact } from '../domain/contact.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { EndpointState } from '../domain/endpoint-state.ts';
import { latencyQuantile } from '../domain/latency.ts';
import { wilson } from '../domain/statistics.ts';
import { hourMs, minuteMs, secondMs } from '../domain/time.ts';
import type { Counters } from '../store/accounting.ts';
import type { ReceiverHealth } from '../store/breakers.ts';
import type { EndpointFigures } from '../store/endpoint-figures.ts';

/** Hours of acceptance that health covers, including the current one. */
export const healthHours = 24;
/** An outcome is in the counters after this long, at the latest. */
const settleLagMs = 5000;
/** An endpoint is failing after this many failures since the last success, or after this long without one. */
const failingCount = 3;
const failingMs = minuteMs;

export interface StateFacts {
  readonly enabled: boolean;
  readonly contact: Contact | null;
  readonly throttledUntil: number | null;
  readonly breakerSince: number | null;
  /** Deliveries accepted over all time. */
  readonly accepted: number;
}

export function endpointState(facts: StateFacts, now: number): EndpointState {
  const { enabled, contact, throttledUntil, breakerSince } = facts;
  if (!enabled) return 'paused';
  const isThrottled = throttledUntil !== null && throttledUntil > now;
  // A receiver that sends Retry-After is slowed down, as it asks.
  if (isThrottled && (contact === null || contact.lastErrorClass === 'rate_limited')) return 'slowed';
  if (contact !== null && contact.failedSince !== null) {
    const { failuresInARow, failedSince } = contact;
    if (failuresInARow >= failingCount || now - failedSince >= failingMs) return 'failing';
  }
  if (isThrottled || breakerSince !== null) return 'slowed';
  return contact === null && facts.accepted === 0 ? 'idle' : 'healthy';
}

/** What an endpoint's row says about its receiver, if anything is known. */
export function stateFacts(
  { enabled }: Pick<Endpoint, 'enabled'>,
  receiver: ReceiverHealth | undefined,
  accepted: number,
): StateFacts {
  const { contact = null, throttledUntil = null, openSince = null } = receiver ?? {};
  return { enabled, contact, throttledUntil, breakerSince: openSince, accepted };
}

/** Everything accepted before this is past its deadline and counted: a whole minute. */
export function dueUntil({ deliverWithinMs }: Pick<Endpoint, 'deliverWithinMs'>, now: number): number {
  return Math.floor((now - deliverWithinMs - settleLagMs) / minuteMs) * minuteMs;
}

/** The first of the hours that health covers. */
export function healthSince(now: number): number {
  return (Math.floor(now / hourMs) - healthHours + 1) * hourMs;
}

/** Latencies of this hour and the previous one. */
export function latencySince(now: number): number {
  return (Math.floor(now / hourMs) - 1) * hourMs;
}

const goodCount = ({ delivered, late }: Counters): number => Math.max(0, delivered - late);
const dueCount = ({ accepted, cancelled }: Counters): number => Math.max(0, accepted - cancelled);
const endedCount = ({ delivered, dead, suppressed }: Counters): number => delivered + dead + suppressed;

export interface InTime {
  readonly good: number;
  readonly due: number;
  readonly share: number | null;
  readonly interval: readonly [number, number];
}

/**
 * Returns how much was delivered in time: everything past its deadline counts, and younger deliveries only if they have
 * ended, because the rest may still be in time.
 */
export function countInTime(past: readonly Counters[], young: readonly Counters[]): InTime {
  const sum = (list: readonly Counters[], of: (counts: Counters) => number): number =>
    list.reduce((total, counts) => total + of(counts), 0);
  const due = sum(past, dueCount) + sum(young, endedCount);
  const good = Math.min(due, sum([...past, ...young], goodCount));
  return { good, due, share: due === 0 ? null : good / due, interval: wilson(good, due) };
}

/** Returns the part of a count that is not in a part of it. */
function without(whole: Counters, part: Counters): Counters {
  const names = Object.keys(part) as (keyof Counters)[];
  return Object.fromEntries(names.map((name) => [name, Math.max(0, whole[name] - part[name])])) as Record<
    keyof Counters,
    number
  >;
}

export interface HealthFigures {
  readonly inTime: InTime;
  /** Deliveries accepted per second in this clock hour and the previous one. */
  readonly ratePerS: number;
  readonly p99Ms: number | null;
  /** By hour of acceptance, oldest first. Good: delivered in time; bad: late, dead or suppressed. */
  readonly good: readonly number[];
  readonly bad: readonly number[];
}

export function healthFigures(
  endpoint: Pick<Endpoint, 'deliverWithinMs'>,
  figures: EndpointFigures,
  now: number,
): HealthFigures {
  const since = healthSince(now);
  const until = dueUntil(endpoint, now);
  const untilHour = Math.floor(until / hourMs) * hourMs;
  // The hour that contains the current deadline is past only in part.
  const isCut = untilHour >= since;
  const past = figures.hours.filter(({ at }) => at < untilHour);
  const young = figures.hours
    .filter(({ at }) => at >= untilHour)
    .map((hour) => (isCut && hour.at === untilHour ? without(hour, figures.partial) : hour));
  const recent = figures.hours.filter(({ at }) => at >= latencySince(now));
  const accepted = recent.reduce((sum, hour) => sum + hour.accepted, 0);
  const byHour = new Map(figures.hours.map((hour) => [hour.at, hour]));
  const hours = Array.from({ length: healthHours }, (_, index) => byHour.get(since + index * hourMs));
  return {
    inTime: countInTime(isCut ? [...past, figures.partial] : past, young),
    ratePerS: Math.round((accepted / Math.max(1, (now - latencySince(now)) / secondMs)) * 1000) / 1000,
    p99Ms: latencyQuantile(figures.latency, 0.99),
    good: hours.map((hour) => (hour === undefined ? 0 : goodCount(hour))),
    bad: hours.map((hour) => (hour === undefined ? 0 : hour.late + hour.dead + hour.suppressed)),
  };
}
