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
import { counted } from './diagnosis/words.ts';

/** Part of the keys of stored alerts about the ledger, and of `GET /v1/alerts`: it keeps its name. */
const ledgerGroup = 'books';
/** Dead letters wait this long for more of the same group, so that a burst is one alert. */
const groupWaitMs = 30_000;
/** From here on a group of dead letters pages: this amount of money in whole units, or this many. */
const pageValue = 10_000;
const pageCount = 1000;
/** Dead letters are pruned after their retention; an alert is sent at this share of it. */
const lastCall = 0.9;
const maxIds = 20;

export function wireMoney({ currency, amountMinor, events }: Money): Record<string, unknown> {
  return { currency, amount_minor: exactMinor(amountMinor), events };
}

function isMuch({ currency, amountMinor }: Money): boolean {
  return amountMinor >= BigInt(pageValue) * 10n ** BigInt(exponentOf(currency));
}

/** A group of dead letters: one endpoint, one error class. Its severity rises with its value, its count and its age. */
export function deadLetterCondition(
  group: DeadLetterGroup,
  samples: readonly number[],
  now: number,
  deadRetentionMs: number,
  /** From the endpoint's template. */
  loudness: Template['deadLetterSeverity'],
  /** The endpoint is known to be down; another alert reports that. */
  down: boolean,
  /** The oldest ordering keys that dead letters of the endpoint block. */
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
    // An imminent permanent deletion pages, whatever the template says.
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
          ? `Fix the receiver, then run: posthorn redrive --endpoint-id ${endpointId}`
          : `Later deliveries of these keys wait; list them with: posthorn deliveries --blocked --endpoint-id ${endpointId}. Fix the receiver, then run: posthorn redrive --endpoint-id ${endpointId}. To skip a dead letter, run: posthorn cancel <delivery>`,
    },
    waitMs: groupWaitMs,
  };
}

/** Stored events of one endpoint that do not match their digests: the disk, or whatever writes to it, cannot be trusted. */
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
        'Run posthorn verify to list every such event; check the disk, restore a backup, or publish the events again under new ids',
    },
    waitMs: 0,
  };
}

/** The invariant: accepted deliveries that are in no state. It fires when a second reconciliation confirms it. */
export function unaccountedCondition(ledger: {
  readonly unaccounted: number;
  readonly endpointIds: readonly string[];
  readonly findings: readonly Finding[];
  readonly confirmed: boolean;
}): Condition {
  const { unaccounted, endpointIds, findings, confirmed } = ledger;
  return {
    rule: 'unaccounted',
    group: ledgerGroup,
    severity: 'page',
    owner: null,
    summary:
      unaccounted === 0
        ? `rows and counters contradict each other in ${endpointIds.length || findings.length} places`
        : `${unaccounted.toLocaleString('en-US')} ${unaccounted === 1 ? 'delivery is' : 'deliveries are'} unaccounted`,
    evidence: {
      unaccounted,
      endpoint_ids: endpointIds.slice(0, maxIds),
      findings: findings.slice(0, maxIds).map(({ number, eventId, endpointId, problem }) => ({
        delivery_id: number === null ? null : deliveryId(number),
        event_id: eventId,
        endpoint_id: endpointId,
        problem,
      })),
      next_step: 'Run posthorn verify to list each one; something other than Posthorn wrote to the store',
    },
    waitMs: confirmed ? 0 : Number.POSITIVE_INFINITY,
  };
}

/** Requests whose deliveries are not all created, and whose fan-out has stopped. */
export function fanOutStuckCondition(stuck: readonly FanOutState[], now: number): Condition {
  const remaining = stuck.reduce((sum, fanOut) => sum + fanOut.remaining, 0);
  const minutes = Math.round((now - stuck[0]!.movedAt) / 60_000);
  return {
    rule: 'fan_out_stuck',
    group: 'fan-outs',
    severity: 'page',
    owner: null,
    summary: `${remaining.toLocaleString('en-US')} deliveries of accepted events have not been created, and there has been no progress for ${minutes} min`,
    evidence: {
      remaining,
      tenants: [...new Set(stuck.map(({ tenant }) => tenant))].slice(0, maxIds),
      accepted_at: iso(Math.min(...stuck.map(({ acceptedAt }) => acceptedAt))),
      next_step:
        'Look for the code fan_out_failed in the log. The events are stored; a restart resumes their fan-out',
    },
    // A fan-out that waited behind another of its tenant counts from its acceptance.
    waitMs: groupWaitMs,
  };
}

export function silentReconcilerCondition(forMs: number): Condition {
  return {
    rule: 'reconciler_silent',
    group: ledgerGroup,
    severity: 'page',
    owner: null,
    summary: `the ledger was last checked ${Math.round(forMs / 1000)} s ago`,
    evidence: {
      seconds: Math.round(forMs / 1000),
      next_step: 'Look for the code reconciliation_failed in the log',
    },
    waitMs: 0,
  };
}

/** The evaluator of another node has written nothing for this long, so this node evaluated instead. */
export function silentEvaluatorCondition(forMs: number): Condition {
  const seconds = Math.round(forMs / 1000);
  return {
    rule: 'evaluator_silent',
    group: 'alerts',
    severity: 'page',
    owner: null,
    summary: `alert rules were not evaluated for ${seconds} s`,
    evidence: {
      seconds,
      next_step: 'Run posthorn nodes to find the coordinator (the owner of shard 0), and read its log',
    },
    waitMs: 0,
  };
}

/** Receivers refuse signatures that are off by more than five minutes, the usual tolerance. */
const pageJumpMs = 5 * minuteMs;

/** The clock that stamps events and signs webhooks has jumped, or is not trusted. */
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
        ? `the clock is ${lengthText(doubtedMs)} ahead of the time that Posthorn has measured; until it is right, Posthorn deletes and expires nothing`
        : `the clock jumped ${direction} by ${lengthText(Math.abs(byMs))}`,
    evidence: {
      ...(jump === null ? {} : { jumped_at: iso(jump.at), jumped_by_s: Math.round(byMs / 1000) }),
      ...(doubtedMs > 0 ? { believed_in_s: Math.round(believedInMs / 1000) } : {}),
      next_step:
        'Compare the clock of the machine (with PostgreSQL: of the database server) with a time server; receivers refuse signatures that are five minutes off',
    },
    waitMs: 0,
  };
}

/** Endpoints whose secrets need a key that this node does not have. */
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
    summary: `the secrets of ${count} ${count === 1 ? 'endpoint' : 'endpoints'} cannot be decrypted: nothing is sent to ${count === 1 ? 'it' : 'them'}`,
    evidence: {
      endpoints: endpointIds,
      missing_keys: keyIds,
      next_step:
        'Add the missing keys to POSTHORN_SECRET_KEY or restore the key file, and restart. If a key is lost, set the secret and the headers of each endpoint again',
    },
    waitMs: 0,
  };
}

function lengthText(ms: number): string {
  if (ms >= 2 * dayMs) return `${Math.round(ms / dayMs)} days`;
  if (ms >= 2 * hourMs) return `${Math.round(ms / hourMs)} hours`;
  return ms >= 2 * minuteMs ? `${Math.round(ms / minuteMs)} minutes` : `${Math.round(ms / 1000)} seconds`;
}

/** Deliveries that are due and that no node has claimed: where a silent drop would begin. */
export function overdueCondition(
  group: OverdueGroup,
  samples: readonly number[],
  /** From the endpoint's settings. */
  rateLimitPerS: number | null,
  now: number,
): Condition {
  const { endpointId, owner, count, oldestDueAt, claimed, throttledUntil } = group;
  const why =
    throttledUntil !== null
      ? `the receiver asked for a pause until ${iso(throttledUntil)} (Retry-After)`
      : rateLimitPerS !== null
        ? `events arrive faster than its rate limit of ${rateLimitPerS}/s`
        : claimed > 0
          ? 'events arrive faster than the receiver answers'
          : null;
  const minutes = Math.round((now - oldestDueAt) / 60_000);
  return {
    rule: 'overdue',
    group: endpointId,
    severity: why === null ? 'page' : 'ticket',
    owner,
    summary: `${counted(count, 'delivery', 'deliveries')} to ${endpointId} ${count === 1 ? 'is' : 'are'} overdue, the oldest by ${minutes} min${why === null ? ', and nothing is being sent' : `: ${why}`}`,
    evidence: {
      count,
      oldest_due_at: iso(oldestDueAt),
      in_flight: claimed,
      throttled_until: isoOrNull(throttledUntil),
      rate_limit_per_s: rateLimitPerS,
      sample_delivery_ids: samples.map(deliveryId),
      next_step:
        throttledUntil !== null
          ? `To send now, if the receiver is ready earlier: POST /v1/endpoints/${endpointId}/resume`
          : why !== null
            ? `Raise the receiver's capacity, or its limits. To see what is waiting: posthorn deliveries --endpoint-id ${endpointId} --state pending`
            : 'Run posthorn nodes to see which node owns these shards; its log says why it does not send',
    },
    waitMs: 0,
  };
}

/** An endpoint that has answered nothing for a while. This alert covers its dead letters, which are not notified one by one. */
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
    summary: `${endpointId} has failed every attempt for ${Math.round((now - openSince) / 60_000)} min; ${counted(pending, 'delivery is', 'deliveries are')} waiting`,
    evidence: {
      since: iso(openSince),
      pending,
      next_step: `To see the errors: posthorn deliveries --endpoint-id ${endpointId} --state pending. Nothing is lost while Posthorn retries`,
    },
    waitMs: 0,
  };
}

/** More groups than get an alert of their own: an outage this wide pages, so that no endpoint beyond the limit is missed. */
export function beyondCondition(rule: string, groups: number, most: number): Condition {
  const beyond = groups - most;
  return {
    rule,
    group: 'beyond',
    severity: 'page',
    owner: null,
    summary: `${beyond.toLocaleString('en-US')} more beyond the ${most.toLocaleString('en-US')} that have their own alerts (${rule})`,
    evidence: {
      groups,
      beyond,
      next_step:
        rule === 'dead_letters'
          ? 'List all: posthorn dead-letters --limit 10000'
          : rule === 'certificate_expiring'
            ? "GET /v1/endpoints shows each endpoint's certificates and when they expire"
            : 'List the affected endpoints: posthorn deliveries --state pending --limit 10000',
    },
    waitMs: 0,
  };
}

const sides: readonly FaultDomain[] = ['sender', 'receiver'];
const percent = (rate: number): string => `${(100 * rate).toFixed(rate < 0.01 ? 2 : 1)}%`;

/** Evidence for an objective in danger, gathered only then. */
export interface ObjectiveEvidence {
  readonly samples: readonly number[];
  readonly valueAtRisk: readonly Money[];
}

/** Returns whether any rule of an objective fires: only then is its evidence worth gathering. */
export function isInDanger({ by }: ObjectiveStatus): boolean {
  return sides.some((side) => fires(by[side]));
}

function fires({ burn, leaks }: DomainStatus): boolean {
  return burn.some(({ evidence }) => evidence.firing) || leaks.some(({ evidence }) => evidence.firing);
}

/**
 * The alerts of an objective: one for each side that spends its budget too fast, or leaks steadily. Both teams are
 * notified; the side at fault owns it.
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
        ...(other === null || other === owner ? {} : { alsoNotify: [other] }),
        summary:
          burning.length > 0
            ? `${objective.name}: the ${side} spends its error budget ${rate.toFixed(1)} times as fast as allowed`
            : `${objective.name}: ${percent(bad / due)} of deliveries are persistently late or lost because of the ${side}`,
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
          next_step: `Show both sides: posthorn slo status ${objective.name}. Show what is owed: posthorn deliveries --state dead, and --state pending`,
        },
        waitMs: 0,
      };
    });
}
