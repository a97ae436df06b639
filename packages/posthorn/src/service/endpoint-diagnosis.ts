import type { Answer } from '../contract/table.ts';
import type { PayloadAccess } from '../domain/caller.ts';
import { errorClasses, faultDomain } from '../domain/attempt.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { disablesAt } from '../domain/failing.ts';
import { deliveryId } from '../domain/ids.ts';
import { earliestEnd } from '../domain/schedule-end.ts';
import { hourMs, iso, isoOrNull, minuteMs } from '../domain/time.ts';
import { concurrency } from '../engine/breaker.ts';
import type { EndpointConcurrency } from '../engine/port.ts';
import { diagnose } from '../reliability/diagnosis/diagnose.ts';
import type { DiagnosisFacts } from '../reliability/diagnosis/facts.ts';
import { endpointState, healthFigures, healthSince, stateFacts } from '../reliability/endpoint-health.ts';
import { sealFault } from '../secrets/sealed-values.ts';
import type { EndpointEvidence, FailedAttempt, WaitingGroup } from '../store/endpoint-evidence.ts';
import type { EndpointFigures } from '../store/endpoint-figures.ts';
import type { TypeCounters } from '../store/accounting.ts';
import { wireAttempt } from './delivery-details.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { readDeadWorth, readFigures, wireHealth } from './endpoint-health.ts';
import { findEndpoint } from './endpoint-ref.ts';
import { type Health, readKnown } from './endpoint-shown.ts';
import type { Handlers } from './handler.ts';
import { shownMessage } from './payloads.ts';

type Details = Answer<'endpoints.health'>;

/** Pending deliveries that are read to say what waits, and until when. */
const maxPending = 50_000;
const maxErrors = 25;
/** Bucket bounds of the histogram of due times, from now. */
const dueStepsMs = [
  0,
  minuteMs,
  5 * minuteMs,
  15 * minuteMs,
  hourMs,
  2 * hourMs,
  6 * hourMs,
  12 * hourMs,
  24 * hourMs,
];
/** Entries of the audit log that are searched for the pause of an endpoint. */
const maxPauseEntries = 20;

/** Everything that is read of one endpoint, at one moment. */
interface Reading {
  readonly now: number;
  readonly endpoint: Endpoint;
  readonly known: Health;
  readonly figures: EndpointFigures | undefined;
  readonly evidence: EndpointEvidence;
  /** Since it began to fail, or over the window. */
  readonly types: readonly TypeCounters[];
  readonly pause: DiagnosisFacts['pause'];
}

/** Diagnoses an endpoint. */
export function endpointDiagnosisService(deps: ServiceDependencies): Handlers<'endpoints.health'> {
  const { store, clock } = deps;
  return {
    'endpoints.health': async ({ params: { id }, query: { tenant } }, { caller }) => {
      const endpoint = await findEndpoint(store.read, { reference: id, tenant });
      const reading = await read(deps, endpoint, clock.now());
      const { now, known, figures, evidence } = reading;
      const worthOf = await readDeadWorth(store.read, (figures?.dead ?? 0) > 0 ? [endpoint] : [], now);
      const facts = diagnosisFacts(deps, reading);
      const diagnosis = diagnose({
        ...facts,
        lastMessage: shownMessage(facts.lastMessage, caller.payloads),
        // A receiver need not know who works here.
        pause: facts.pause !== null && caller.can !== null ? { ...facts.pause, by: null } : facts.pause,
      });
      const { rule, level, sentence, nextStep } = diagnosis;
      return {
        endpoint_id: endpoint.id,
        at: iso(now),
        diagnosis: { rule, level, sentence, next_step: nextStep },
        health: wireHealth({
          endpoint,
          receiver: known.receivers.get(endpoint.id),
          figures,
          worth: worthOf(endpoint.id),
          now,
        }),
        in_flight: wireInFlight(deps.engine.concurrency(endpoint.id)),
        waiting: wireWaiting(facts, evidence),
        due: wireDue(evidence, now),
        failures: wireFailures(evidence, now, caller.payloads),
        errors: evidence.errors.map((one) => wireError(one, caller.payloads)),
      };
    },
  };
}

async function read({ store }: ServiceDependencies, endpoint: Endpoint, now: number): Promise<Reading> {
  const known = await readKnown(store.read, [endpoint], now);
  const failedSince = known.receivers.get(endpoint.id)?.contact?.failedSince ?? null;
  const evidence = await store.read.endpointEvidence({
    endpointId: endpoint.id,
    now,
    dueBounds: dueStepsMs.map((ms) => now + ms),
    maxPending,
    failuresSince: healthSince(now),
    maxErrors,
  });
  const since = failedSince === null ? healthSince(now) : Math.floor(failedSince / hourMs) * hourMs;
  const range = { endpointId: endpoint.id, since: Math.max(since, healthSince(now)), until: now + minuteMs };
  const [types = []] = await store.read.counters([range]);
  return {
    now,
    endpoint,
    known,
    figures: (await readFigures(store.read, [endpoint], now)).get(endpoint.id),
    evidence: evidence ?? noEvidence,
    types,
    pause: endpoint.enabled ? null : await readPause({ store }, endpoint),
  };
}

function wireInFlight(known: EndpointConcurrency | null): Details['in_flight'] {
  return known === null ? null : { now: known.inFlight, limit: known.limit };
}

/** The endpoint was deleted a moment ago. */
const noEvidence: EndpointEvidence = {
  waiting: [],
  complete: true,
  claimed: 0,
  due: dueStepsMs.map(() => 0),
  nextAt: null,
  failures: [],
  errors: [],
};

async function readPause(
  { store }: Pick<ServiceDependencies, 'store'>,
  endpoint: Endpoint,
): Promise<DiagnosisFacts['pause']> {
  const reason = endpoint.pausedReason ?? 'operator';
  const filter = { targetKind: 'endpoint', targetId: endpoint.id };
  const entries = await store.read.auditLog(filter, { after: null, limit: maxPauseEntries });
  const paused = entries.find(
    ({ document: { before, after } }) => isEnabled(after) === false && isEnabled(before) !== false,
  )?.document;
  if (paused === undefined) return { reason, at: null, by: null };
  return { reason, at: Date.parse(paused.at), by: paused.actor.kind === 'engine' ? null : paused.actor.name };
}

function isEnabled(side: unknown): boolean | undefined {
  if (typeof side !== 'object' || side === null || !('enabled' in side)) return undefined;
  return typeof side.enabled === 'boolean' ? side.enabled : undefined;
}

function diagnosisFacts({ keyring }: ServiceDependencies, reading: Reading): DiagnosisFacts {
  const { now, endpoint, known, figures, evidence, types, pause } = reading;
  const receiver = known.receivers.get(endpoint.id);
  const facts = stateFacts(endpoint, receiver, figures?.accepted ?? 0);
  const { contact, throttledUntil, breakerSince } = facts;
  const recent = evidence.errors.filter(
    ({ startedAt, durationMs }) =>
      contact === null ||
      contact.failedSince === null ||
      startedAt + durationMs >= contact.failedSince - 1000,
  );
  const failing = new Set(evidence.failures.map(({ eventType }) => eventType));
  const accepted = types.filter((one) => one.accepted > 0).map(({ eventType }) => eventType);
  const nextAt = evidence.nextAt;
  return {
    now,
    host: new URL(endpoint.url).host,
    state: endpointState(facts, now),
    timeoutMs: endpoint.timeoutMs,
    eventTypes: endpoint.eventTypes,
    pause,
    secretsFault: sealFault(keyring, endpoint),
    contact,
    throttledUntil,
    breakerSince,
    slowedTo: concurrency(endpoint.maxInFlight, true),
    maxInFlight: concurrency(endpoint.maxInFlight, false),
    certificateEndsAt: receiver?.serverCertificate?.notAfter ?? null,
    disablesAt: endpoint.enabled ? disablesAt(endpoint, receiver?.failingSince ?? null) : null,
    pending: Math.max(0, figures?.pending ?? 0),
    claimed: evidence.claimed,
    nextAttemptAt: nextAt === null || throttledUntil === null ? nextAt : Math.max(nextAt, throttledUntil),
    lossAt: evidence.complete ? firstEnd(evidence.waiting, endpoint) : null,
    dead: Math.max(0, figures?.dead ?? 0),
    suppressed: Math.max(0, figures?.suppressed ?? 0),
    blockedKeys: known.blockedKeys.get(endpoint.id) ?? 0,
    answers: countAnswers(recent),
    lastMessage: recent[0]?.message ?? null,
    failingTypes: [...failing].filter((type) => type !== ''),
    otherTypes: accepted.filter((type) => type !== '' && !failing.has(type)),
    inTime: figures === undefined ? { good: 0, due: 0 } : healthFigures(endpoint, figures, now).inTime,
    failures: evidence.failures.reduce((sum, { count }) => sum + count, 0),
  };
}

/** No waiting delivery can become a dead letter before this. */
function firstEnd(waiting: readonly WaitingGroup[], { retry }: Endpoint): number | null {
  let first: number | null = null;
  for (const { tries, earliestAt, oldestCreatedAt } of waiting) {
    const end = earliestEnd({ tries, nextAt: earliestAt, createdAt: oldestCreatedAt }, retry);
    if (end === null) return null;
    first = first === null ? end : Math.min(first, end);
  }
  return first;
}

function countAnswers(errors: readonly FailedAttempt[]): DiagnosisFacts['answers'] {
  const groups = Map.groupBy(errors, ({ errorClass, statusCode }) => `${errorClass} ${statusCode}`);
  return [...groups.values()]
    .map((group) => ({
      errorClass: group[0]!.errorClass!,
      statusCode: group[0]!.statusCode,
      count: group.length,
    }))
    .toSorted((a, b) => b.count - a.count);
}

function wireWaiting(facts: DiagnosisFacts, evidence: EndpointEvidence): Details['waiting'] {
  return {
    count: facts.pending,
    under_way: facts.claimed,
    next_attempt_at: isoOrNull(facts.nextAttemptAt),
    nothing_lost_until: isoOrNull(facts.lossAt),
    by_attempts: evidence.waiting.map(({ tries, count }) => ({ attempts: tries, count })),
    complete: evidence.complete,
  };
}

function wireDue({ due }: EndpointEvidence, now: number): Details['due'] {
  return due.map((count, index) => ({
    since: index === 0 ? null : iso(now + dueStepsMs[index - 1]!),
    until: index === dueStepsMs.length ? null : iso(now + dueStepsMs[index]!),
    count,
    at_least: count >= maxPending,
  }));
}

function wireFailures(
  { failures, errors }: EndpointEvidence,
  now: number,
  payloads: PayloadAccess,
): Details['failures'] {
  const byClass = errorClasses.flatMap((errorClass) => {
    const ofClass = failures.filter((one) => one.errorClass === errorClass);
    if (ofClass.length === 0) return [];
    const last = errors.find((one) => one.errorClass === errorClass);
    return [
      {
        class: errorClass,
        fault: faultDomain(errorClass),
        count: ofClass.reduce((sum, { count }) => sum + count, 0),
        event_types: ofClass.map(({ eventType, count }) => ({ event_type: eventType, count })),
        last: last === undefined ? null : wireError(last, payloads),
      },
    ];
  });
  return { since: iso(healthSince(now)), by_class: byClass.toSorted((a, b) => b.count - a.count) };
}

function wireError(error: FailedAttempt, payloads: PayloadAccess): Details['errors'][number] {
  return {
    delivery_id: deliveryId(error.deliveryNumber),
    event_id: error.eventId,
    event_type: error.eventType,
    attempt: wireAttempt(error, payloads),
  };
}
