import type { Condition } from '../domain/alert.ts';
import type { ClockStatus } from '../domain/clock-record.ts';
import { deliveryId } from '../domain/ids.ts';
import { dayMs, hourMs, iso, isoOrNull, minuteMs } from '../domain/time.ts';
import { exactMinor, exponentOf } from '../domain/money.ts';
import type { ScopedObjective } from '../domain/objective.ts';
import { wilson } from '../domain/statistics.ts';
import type { Template } from '../domain/template.ts';
import type { BlockedKey, DeadLetterGroup, DeliveryRecord, FanOutState, Finding } from '../store/store.ts';
import type { FaultDomain } from '../domain/attempt.ts';
import type { Money, OverdueGroup } from '../store/accounting.ts';
import type { DomainStatus, ObjectiveStatus } from './objective-status.ts';

/** Dead letters wait this long for their like, so that a burst is one alert. */
const groupWaitMs = 30_000;
/** From here on a group of dead letters is worth being woken for: so much money in whole units, or so many. */
const pageValue = 10_000;
const pageCount = 1000;
/** Dead letters are pruned some day; this share of their retention is the last call. */
const lastCall = 0.9;
const idsMost = 20;

export function wireMoney({ currency, amountMinor, events }: Money): Record<string, unknown> {
  return { currency, amount_minor: exactMinor(amountMinor), events };
}

function isMuch({ currency, amountMinor }: Money): boolean {
  return amountMinor >= BigInt(pageValue) * 10n ** BigInt(exponentOf(currency));
}

/** A group of dead letters: one endpoint, one class of failure. Worse with its value, its number and its age. */
export function deadLetterCondition(
  group: DeadLetterGroup,
  samples: readonly number[],
  now: number,
  deadRetentionMs: number,
  /** As the endpoint's template says. */
  loudness: Template['deadLetterSeverity'],
  /** The endpoint is known to be down, which an alert of its own says. */
  down: boolean,
  /** Of the ordering keys that dead letters of the endpoint block: the oldest. */
  blocked: readonly BlockedKey[] = [],
): Condition {
  const { endpointId, owner, errorClass, count, oldestAt, oldestPrunableAt, blockedKeys, valueAtRisk } =
    group;
  // What blocks a key is kept until an operator has dealt with it.
  const ending = oldestPrunableAt !== null && now - oldestPrunableAt > lastCall * deadRetentionMs;
  const keys = blockedKeys.toLocaleString('en-US');
  const blocks =
    blockedKeys === 0 ? '' : `; ${keys} ordering ${blockedKeys === 1 ? 'key is' : 'keys are'} blocked`;
  return {
    rule: 'dead_letters',
    group: `${endpointId}/${errorClass ?? 'unknown'}`,
    // What is about to be deleted for good is worth being woken for, whatever the template says.
    severity:
      ending ||
      loudness === 'page' ||
      (loudness === 'auto' && (count >= pageCount || valueAtRisk.some(isMuch)))
        ? 'page'
        : 'ticket',
    inhibited: down && !ending,
    owner,
    summary: `${count.toLocaleString('en-US')} dead ${count === 1 ? 'letter' : 'letters'} at ${endpointId} (${errorClass ?? 'unknown'})${blocks}${ending ? ', and the oldest is about to be deleted' : ''}`,
    evidence: {
      count,
      oldest_at: iso(oldestAt),
      value_at_risk: valueAtRisk.map(wireMoney),
      sample_delivery_ids: samples.map(deliveryId),
      ...(blockedKeys === 0
        ? {}
        : {
            blocked_keys: blockedKeys,
            blocked_by: blocked.map(({ blockedBy, since, waiting }) => ({
              delivery_id: deliveryId(blockedBy),
              since: new Date(since).toISOString(),
              waiting,
            })),
          }),
      next_step:
        blockedKeys === 0
          ? `mend the receiver, then: posthorn redrive --endpoint-id ${endpointId}`
          : `later deliveries of these keys are held: posthorn deliveries --blocked --endpoint-id ${endpointId} lists them; mend the receiver, then: posthorn redrive --endpoint-id ${endpointId}; or go on without one: posthorn cancel <delivery>`,
    },
    waitMs: groupWaitMs,
  };
}

/** Stored events of one endpoint that do not match their digests: the disk, or whoever writes to it, is not to be trusted. */
export function corruptCondition(
  { endpointId, owner, count, oldestAt, valueAtRisk }: DeadLetterGroup,
  samples: readonly Pick<DeliveryRecord, 'number' | 'eventId' | 'tenant'>[],
): Condition {
  const named = samples.map(({ eventId }) => eventId).join(', ');
  return {
    rule: 'corrupt',
    group: endpointId,
    severity: 'page',
    owner,
    summary: `${count.toLocaleString('en-US')} ${count === 1 ? 'delivery' : 'deliveries'} to ${endpointId} ${count === 1 ? 'was' : 'were'} not sent: the stored event was changed on disk (${named}${count > samples.length ? ', …' : ''})`,
    evidence: {
      count,
      oldest_at: iso(oldestAt),
      value_at_risk: valueAtRisk.map(wireMoney),
      event_ids: samples.map(({ eventId }) => eventId),
      sample_delivery_ids: samples.map(({ number }) => deliveryId(number)),
      next_step:
        'posthorn verify names every such event; check the disk, restore it from a backup, and publish it again under a new id',
    },
    waitMs: 0,
  };
}

/** The invariant: what was accepted and is nowhere. The second reconciliation that finds it makes it fire. */
export function unaccountedCondition(books: {
  readonly unaccounted: number;
  readonly endpointIds: readonly string[];
  readonly findings: readonly Finding[];
  readonly confirmed: boolean;
}): Condition {
  const { unaccounted, endpointIds, findings, confirmed } = books;
  return {
    rule: 'unaccounted',
    group: 'books',
    severity: 'page',
    owner: null,
    summary:
      unaccounted === 0
        ? `rows and counters contradict each other at ${endpointIds.length || findings.length} places`
        : `${unaccounted.toLocaleString('en-US')} deliveries are unaccounted for`,
    evidence: {
      unaccounted,
      endpoint_ids: endpointIds.slice(0, idsMost),
      findings: findings.slice(0, idsMost).map(({ number, eventId, endpointId, problem }) => ({
        delivery_id: number === null ? null : deliveryId(number),
        event_id: eventId,
        endpoint_id: endpointId,
        problem,
      })),
      next_step: 'posthorn verify names every one; somebody or something has written past Posthorn',
    },
    waitMs: confirmed ? 0 : Number.POSITIVE_INFINITY,
  };
}

/** Requests whose deliveries are not all created, and nobody goes on with it. */
export function fanOutStuckCondition(stuck: readonly FanOutState[], now: number): Condition {
  const remaining = stuck.reduce((sum, fanOut) => sum + fanOut.remaining, 0);
  const minutes = Math.round((now - stuck[0]!.movedAt) / 60_000);
  return {
    rule: 'fan_out_stuck',
    group: 'fan-outs',
    severity: 'page',
    owner: null,
    summary: `${remaining.toLocaleString('en-US')} deliveries of accepted events are not created yet, and nothing has moved for ${minutes} min`,
    evidence: {
      remaining,
      tenants: [...new Set(stuck.map(({ tenant }) => tenant))].slice(0, idsMost),
      accepted_at: iso(Math.min(...stuck.map(({ acceptedAt }) => acceptedAt))),
      next_step:
        'look for the code fan_out_failed in the log; the events are stored, and a restart goes on with them',
    },
    // One that was behind another of its tenant begins with the time of its acceptance.
    waitMs: groupWaitMs,
  };
}

export function silentReconcilerCondition(forMs: number): Condition {
  return {
    rule: 'reconciler_silent',
    group: 'books',
    severity: 'page',
    owner: null,
    summary: `the books were last checked ${Math.round(forMs / 1000)} s ago`,
    evidence: { seconds: Math.round(forMs / 1000), next_step: "look for 'reconciliation failed' in the log" },
    waitMs: 0,
  };
}

/** The evaluator of another node has written nothing for so long: this node judged in its stead. */
export function silentEvaluatorCondition(forMs: number): Condition {
  const seconds = Math.round(forMs / 1000);
  return {
    rule: 'evaluator_silent',
    group: 'alerts',
    severity: 'page',
    owner: null,
    summary: `alerts were not judged for ${seconds} s`,
    evidence: { seconds, next_step: 'posthorn nodes names the owner of shard 0: look at its log' },
    waitMs: 0,
  };
}

/** So far off, receivers refuse signatures: their tolerance is five minutes. */
const pageJumpMs = 5 * minuteMs;

/** The clock that stamps events and signs webhooks has jumped, or is not believed. */
export function clockCondition({ jump, doubtedMs, believedInMs }: ClockStatus): Condition | null {
  if (jump === null && doubtedMs === 0) return null;
  const byMs = jump?.byMs ?? doubtedMs;
  const direction = byMs < 0 ? 'back' : 'ahead';
  return {
    rule: 'clock_jumped',
    group: 'clock',
    severity: doubtedMs > 0 || Math.abs(byMs) >= pageJumpMs ? 'page' : 'ticket',
    owner: null,
    summary:
      doubtedMs > 0
        ? `the clock is ${lengthOf(doubtedMs)} ahead of the time that Posthorn has lived through; nothing is deleted or expires by it`
        : `the clock went ${direction} by ${lengthOf(Math.abs(byMs))}`,
    evidence: {
      ...(jump === null ? {} : { jumped_at: iso(jump.at), jumped_by_s: Math.round(byMs / 1000) }),
      ...(doubtedMs > 0 ? { believed_in_s: Math.round(believedInMs / 1000) } : {}),
      next_step:
        'compare the clock of the machine (with PostgreSQL: of the database) with a time server; receivers refuse signatures that are five minutes off',
    },
    waitMs: 0,
  };
}

/** Endpoints whose secrets need a key that is not here. */
export interface LockedSecrets {
  readonly count: number;
  readonly endpointIds: readonly string[];
  readonly keyIds: readonly string[];
}

export function lockedCondition({ count, endpointIds, keyIds }: LockedSecrets): Condition | null {
  if (count === 0) return null;
  return {
    rule: 'secrets_locked',
    group: 'secrets',
    severity: 'page',
    owner: null,
    summary: `the secrets of ${count} ${count === 1 ? 'endpoint' : 'endpoints'} cannot be opened: nothing is sent to ${count === 1 ? 'it' : 'them'}`,
    evidence: {
      endpoints: endpointIds,
      missing_keys: keyIds,
      next_step:
        'add the missing keys to POSTHORN_SECRET_KEY or restore the key file, and start again; where a key is lost, set the secret and the headers of each endpoint again',
    },
    waitMs: 0,
  };
}

function lengthOf(ms: number): string {
  if (ms >= 2 * dayMs) return `${Math.round(ms / dayMs)} days`;
  if (ms >= 2 * hourMs) return `${Math.round(ms / hourMs)} hours`;
  return ms >= 2 * minuteMs ? `${Math.round(ms / minuteMs)} minutes` : `${Math.round(ms / 1000)} seconds`;
}

/** What has come due and nobody has taken up: the next silent drop, if Posthorn could make one. */
export function overdueCondition(
  group: OverdueGroup,
  samples: readonly number[],
  /** As the endpoint is set. */
  rateLimitPerS: number | null,
  now: number,
): Condition {
  const { endpointId, owner, count, oldestDueAt, claimed, throttledUntil } = group;
  const why =
    throttledUntil !== null
      ? `the receiver asked for no requests until ${iso(throttledUntil)}`
      : rateLimitPerS !== null
        ? `events come faster than its rate limit of ${rateLimitPerS}/s lets them go`
        : claimed > 0
          ? 'the receiver is slower than its events come'
          : null;
  const minutes = Math.round((now - oldestDueAt) / 60_000);
  return {
    rule: 'overdue',
    group: endpointId,
    severity: why === null ? 'page' : 'ticket',
    owner,
    summary: `${count.toLocaleString('en-US')} deliveries to ${endpointId} are overdue, the oldest by ${minutes} min${why === null ? ', and nothing is being sent' : `: ${why}`}`,
    evidence: {
      count,
      oldest_due_at: iso(oldestDueAt),
      in_flight: claimed,
      throttled_until: isoOrNull(throttledUntil),
      rate_limit_per_s: rateLimitPerS,
      sample_delivery_ids: samples.map(deliveryId),
      next_step:
        throttledUntil !== null
          ? `POST /v1/endpoints/${endpointId}/resume sends at once, if the receiver is ready earlier`
          : why !== null
            ? `raise the receiver's capacity, or its limits: posthorn deliveries --endpoint-id ${endpointId} --state pending`
            : 'posthorn nodes shows who owns what; look at the log of the owner for why it does not send',
    },
    waitMs: 0,
  };
}

/** An endpoint that has answered nothing for a while: its dead letters are told of here, and not one by one. */
export function endpointDownCondition(down: {
  readonly endpointId: string;
  readonly owner: string | null;
  readonly openSince: number;
  readonly loudness: Template['deadLetterSeverity'];
  readonly pending: number;
  readonly now: number;
}): Condition {
  const { endpointId, owner, openSince, loudness, pending, now } = down;
  return {
    rule: 'endpoint_down',
    group: endpointId,
    severity: loudness === 'page' ? 'page' : 'ticket',
    owner,
    summary: `${endpointId} has failed every attempt for ${Math.round((now - openSince) / 60_000)} min; ${pending.toLocaleString('en-US')} deliveries wait`,
    evidence: {
      since: iso(openSince),
      pending,
      next_step: `posthorn deliveries --endpoint-id ${endpointId} --state pending shows the errors; nothing is lost while it is retried`,
    },
    waitMs: 0,
  };
}

/** More of a kind than have an alert of their own: an outage this wide pages, and no endpoint behind the limit is passed over. */
export function beyondCondition(rule: string, groups: number, most: number): Condition {
  const beyond = groups - most;
  return {
    rule,
    group: 'beyond',
    severity: 'page',
    owner: null,
    summary: `${beyond.toLocaleString('en-US')} more besides the ${most.toLocaleString('en-US')} that have an alert of their own (${rule})`,
    evidence: {
      groups,
      beyond,
      next_step:
        rule === 'dead_letters'
          ? 'posthorn dead-letters --limit 10000 lists all'
          : rule === 'certificate_expiring'
            ? 'GET /v1/endpoints shows the certificates of each endpoint and when they end'
            : 'posthorn deliveries --state pending --limit 10000 shows which endpoints they are',
    },
    waitMs: 0,
  };
}

const sides: readonly FaultDomain[] = ['sender', 'receiver'];
const percent = (rate: number): string => `${(100 * rate).toFixed(rate < 0.01 ? 2 : 1)} %`;

/** What was found when an objective is in danger: gathered only then. */
export interface ObjectiveEvidence {
  readonly samples: readonly number[];
  readonly valueAtRisk: readonly Money[];
}

/** Whether any of an objective's rules fires: then its evidence is worth gathering. */
export function isInDanger({ by }: ObjectiveStatus): boolean {
  return sides.some((side) => fires(by[side]));
}

function fires({ burn, leaks }: DomainStatus): boolean {
  return burn.some(({ evidence }) => evidence.firing) || leaks.some(({ evidence }) => evidence.firing);
}

/**
 * An objective's alerts: one for each side that spends its budget too fast, or leaks steadily. Both teams are told; the side
 * whose fault it is owns it.
 */
export function objectiveConditions(
  objective: ScopedObjective,
  status: ObjectiveStatus,
  { samples, valueAtRisk }: ObjectiveEvidence,
): Condition[] {
  return sides
    .filter((side) => fires(status.by[side]))
    .map((side): Condition => {
      const { burn, leaks, budgetRemaining } = status.by[side];
      const burning = burn.filter(({ evidence }) => evidence.firing);
      const leaking = leaks.filter(({ evidence }) => evidence.firing);
      const { due, bad, burn: rate } = (burning[0] ?? leaking[0]!).evidence;
      const [owner, other] =
        side === 'sender'
          ? [objective.producer, objective.consumer]
          : [objective.consumer, objective.producer];
      return {
        rule: burning.length > 0 ? 'burn_rate' : 'slow_leak',
        group: `${objective.name}/${side}`,
        severity: burning.some(({ rule }) => rule.severity === 'page') ? 'page' : 'ticket',
        owner,
        ...(other === null || other === owner ? {} : { alsoTold: [other] }),
        summary:
          burning.length > 0
            ? `${objective.name}: the error budget is spent ${rate.toFixed(1)} times as fast as it may be, by the ${side}`
            : `${objective.name}: ${percent(bad / due)} do not arrive in time, steadily, by the ${side}`,
        evidence: {
          objective: objective.name,
          target: objective.target,
          fault_domain: side,
          rules: [...burning, ...leaking].map(({ rule }) => rule.name),
          due,
          bad,
          bad_rate_interval: wilson(bad, due),
          error_budget_remaining: budgetRemaining,
          endpoints: status.worst
            .filter(({ counts }) => counts.badBy[side] > 0)
            .slice(0, 5)
            .map(({ endpointId, counts }) => ({ endpoint_id: endpointId, bad: counts.badBy[side] })),
          sample_delivery_ids: samples.map(deliveryId),
          value_at_risk: valueAtRisk.map(wireMoney),
          next_step: `posthorn slo status ${objective.name} shows both sides; posthorn deliveries --state dead, and --state pending, what is owed`,
        },
        waitMs: 0,
      };
    });
}
