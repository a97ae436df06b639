import type { Condition } from '../domain/alert.ts';
import { deliveryId } from '../domain/ids.ts';
import { exactMinor, exponentOf } from '../domain/money.ts';
import type { DeadLetterGroup, Finding } from '../store/store.ts';
import type { Money } from '../store/accounting.ts';

/** Dead letters wait this long for their like, so that a burst is one alert. */
const groupWaitMs = 30_000;
/** From here on a group of dead letters is worth being woken for: so much money in whole units, or so many. */
const pageValue = 10_000;
const pageCount = 1000;
/** Dead letters are pruned some day; this share of their retention is the last call. */
const lastCall = 0.9;
const idsMost = 20;

function wireMoney({ currency, amountMinor, events }: Money): Record<string, unknown> {
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
): Condition {
  const { endpointId, owner, errorClass, count, oldestAt, valueAtRisk } = group;
  const age = now - oldestAt;
  const ending = age > lastCall * deadRetentionMs;
  return {
    rule: 'dead_letters',
    group: `${endpointId}/${errorClass ?? 'unknown'}`,
    severity: ending || count >= pageCount || valueAtRisk.some(isMuch) ? 'page' : 'ticket',
    owner,
    summary: `${count.toLocaleString('en-US')} dead ${count === 1 ? 'letter' : 'letters'} at ${endpointId} (${errorClass ?? 'unknown'})${ending ? ', and the oldest is about to be deleted' : ''}`,
    evidence: {
      count,
      oldest_at: new Date(oldestAt).toISOString(),
      value_at_risk: valueAtRisk.map(wireMoney),
      sample_delivery_ids: samples.map(deliveryId),
      next_step: `mend the receiver, then: posthorn redrive --endpoint ${endpointId} --state dead`,
    },
    waitMs: groupWaitMs,
  };
}

/** The invariant: what was accepted and is nowhere. The second reconciliation that finds it makes it fire. */
export function unaccountedCondition(books: {
  readonly residue: number;
  readonly endpointIds: readonly string[];
  readonly findings: readonly Finding[];
  readonly confirmed: boolean;
}): Condition {
  const { residue, endpointIds, findings, confirmed } = books;
  return {
    rule: 'unaccounted',
    group: 'books',
    severity: 'page',
    owner: null,
    summary:
      residue === 0
        ? `rows and counters contradict each other at ${endpointIds.length || findings.length} places`
        : `${residue.toLocaleString('en-US')} deliveries are unaccounted for`,
    evidence: {
      residue,
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
