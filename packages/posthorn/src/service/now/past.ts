import type { Answer } from '../../contract/table.ts';
import { type Alert, alertEndpoint } from '../../domain/alert.ts';
import type { DeliveryState } from '../../domain/delivery.ts';
import { iso, isoOrNull } from '../../domain/time.ts';
import type { PastPart } from '../../store/past.ts';
import { wireMoney } from '../wire.ts';
import { Amounts, moneyList } from './amounts.ts';
import { plural } from './words.ts';

// The sentence about a past moment, from the state of its deliveries: computed only from what was read.

type WirePast = Answer<'now.past'>;
type PastNeed = WirePast['needs'][number];

const maxNeeds = 7;
const maxAlerts = 20;
const kinds = ['dead_letters', 'suppressed', 'late'] as const;

/** What a need says about an endpoint. */
export interface PastEndpoint {
  readonly host: string;
  readonly owner: string | null;
}

export interface PastFacts {
  readonly since: number;
  readonly at: number;
  readonly parts: readonly PastPart[];
  /** By id; endpoints that were deleted since are missing. */
  readonly endpoints: ReadonlyMap<string, PastEndpoint>;
  /** All that are stored and that the caller may see. */
  readonly alerts: readonly Alert[];
}

const totalCount = (parts: readonly PastPart[]): number => parts.reduce((sum, { count }) => sum + count, 0);

function totalAmounts(parts: readonly PastPart[]): Amounts {
  const amounts = new Amounts();
  for (const { currency, amountMinor, count } of parts) amounts.add(currency, amountMinor, count);
  return amounts;
}

const needKind = ({ then, isLate }: PastPart): (typeof kinds)[number] | null =>
  then === 'dead' ? 'dead_letters' : then === 'suppressed' ? 'suppressed' : isLate ? 'late' : null;

/** Whether an alert fired at a moment. Alerts stored by an older Posthorn do not say since when. */
export function firedAt({ firedAt: fired, since, resolvedAt, state }: Alert, at: number): boolean {
  if (state === 'pending') return false;
  return (fired ?? since) <= at && (resolvedAt === null || resolvedAt > at);
}

export function pastAnswer(facts: PastFacts): WirePast {
  const { parts, at } = facts;
  const of = (state: DeliveryState): PastPart[] => parts.filter(({ then }) => then === state);
  const late = parts.filter(({ isLate }) => isLate);
  const [dead, suppressed] = [of('dead'), of('suppressed')];
  const risk = { dead: totalAmounts(dead), suppressed: totalAmounts(suppressed), late: totalAmounts(late) };
  const needs = pastNeeds(facts);
  const alerts = facts.alerts.filter((alert) => firedAt(alert, at));
  return {
    at: iso(at),
    ...pastSentence(facts),
    window: { since: iso(facts.since), until: iso(at) },
    ledger: {
      accepted: totalCount(parts),
      delivered: totalCount(of('delivered')),
      pending: totalCount(of('pending')),
      dead: totalCount(dead),
      cancelled: totalCount(of('cancelled')),
      suppressed: totalCount(suppressed),
    },
    became: countOutcomes(parts),
    at_risk: {
      dead: risk.dead.list().map(wireMoney),
      suppressed: risk.suppressed.list().map(wireMoney),
      late_pending: risk.late.list().map(wireMoney),
      late_pending_count: totalCount(late),
      unknown: risk.dead.unknown + risk.suppressed.unknown + risk.late.unknown,
    },
    needs: needs.slice(0, maxNeeds),
    more_needs: Math.max(0, needs.length - maxNeeds),
    alerts: alerts.slice(0, maxAlerts).map(wireAlert(at)),
    more_alerts: Math.max(0, alerts.length - maxAlerts),
  };
}

/** What became of those that had not been delivered. */
function countOutcomes(parts: readonly PastPart[]): WirePast['became'] {
  const groups = Map.groupBy(
    parts.filter(({ then, now }) => then !== now),
    ({ then, now }) => `${then} ${now}`,
  );
  return [...groups.values()].map((group) => ({
    then: group[0]!.then,
    now: group[0]!.now,
    count: totalCount(group),
  }));
}

function pastNeeds({ parts, endpoints }: PastFacts): PastNeed[] {
  const groups = Map.groupBy(parts, (part) => {
    const kind = needKind(part);
    return kind === null ? '' : `${kind} ${part.endpointId}`;
  });
  groups.delete('');
  const needs = [...groups.values()].map((group): PastNeed => {
    const { endpointId } = group[0]!;
    const endpoint = endpoints.get(endpointId);
    return {
      kind: needKind(group[0]!)!,
      endpoint_id: endpointId,
      subject: endpoint?.host ?? null,
      owner: endpoint?.owner ?? null,
      since: isoOrNull(Math.min(...group.map(({ oldestAt }) => oldestAt))),
      count: totalCount(group),
      value: totalAmounts(group).list().map(wireMoney),
    };
  });
  return needs.toSorted((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || b.count - a.count);
}

const wireAlert =
  (at: number) =>
  (alert: Alert): WirePast['alerts'][number] => ({
    id: alert.id,
    rule: alert.rule,
    severity: alert.severity,
    owner: alert.owner,
    endpoint_id: alertEndpoint(alert),
    summary: alert.summary,
    since: iso(alert.since),
    resolved_at: isoOrNull(alert.resolvedAt),
    acknowledged: alert.acknowledgedAt !== null && alert.acknowledgedAt <= at,
  });

function pastSentence({ parts }: PastFacts): Pick<WirePast, 'level' | 'sentence'> {
  const dropped = parts.filter(({ then }) => then === 'dead' || then === 'suppressed');
  const late = parts.filter(({ isLate }) => isLate);
  const worth = (of: readonly PastPart[]): string => {
    const text = moneyList(totalAmounts(of).list());
    return text === '' ? '' : ` worth ${text}`;
  };
  if (dropped.length > 0)
    return {
      level: 'act',
      sentence: `${plural(totalCount(dropped), 'notification')}${worth(dropped)} would not arrive unless someone acted.`,
    };
  if (late.length > 0)
    return {
      level: 'watch',
      sentence: `${plural(totalCount(late), 'notification')}${worth(late)} ${totalCount(late) === 1 ? 'was' : 'were'} late and still being delivered.`,
    };
  return totalCount(parts) === 0
    ? { level: 'well', sentence: 'No payment notification had been accepted in this time.' }
    : {
        level: 'well',
        sentence: 'Every payment notification of this time had arrived or was on its way in time.',
      };
}
