import type { Answer } from '../../contract/table.ts';
import { alertEndpoint } from '../../domain/alert.ts';
import { isoOrNull } from '../../domain/time.ts';
import type { Amounts } from './amounts.ts';
import type { NowEndpoint, NowFacts } from './facts.ts';
import { addLate, riskAmounts, riskCount } from './totals.ts';
import { countText, lengthText, plural } from './words.ts';

/** One need for attention, before it is formatted for the wire. */
export interface Need extends Omit<Answer<'now.get'>['needs'][number], 'value' | 'since'> {
  readonly amounts: Amounts;
  readonly since: number | null;
}

/** Rules whose alerts would repeat what their endpoint's row shows. */
export const coveredByEndpoint: ReadonlySet<string> = new Set([
  'endpoint_down',
  'dead_letters',
  'endpoint_disabled',
]);

/** An endpoint, and what is at risk or waits at it. */
interface EndpointState {
  readonly endpoint: NowEndpoint;
  readonly dead: number;
  readonly suppressed: number;
  readonly late: number;
  readonly pending: number;
  readonly oldestLateAt: number | null;
  readonly now: number;
}

/** What is the problem, without whom it concerns. */
type Problem = Pick<Need, 'kind' | 'severity' | 'since' | 'count' | 'summary' | 'detail' | 'action'>;

/** What an endpoint needs: one row, for its worst problem. */
export function endpointNeed(facts: NowFacts, endpoint: NowEndpoint): Need | null {
  const { id, host, owner } = endpoint;
  const worth = facts.worth.filter(({ endpointId }) => endpointId === id);
  const parts = facts.pending.parts.filter(({ endpointId }) => endpointId === id);
  const problem = worstProblem({
    endpoint,
    dead: riskCount(worth, 'dead'),
    suppressed: riskCount(worth, 'suppressed'),
    late: parts.reduce((sum, part) => sum + part.late, 0),
    pending: parts.reduce((sum, part) => sum + part.pending, 0),
    oldestLateAt: parts.reduce<number | null>(
      (least, { oldestLateAt: at }) => (at === null ? least : Math.min(at, least ?? at)),
      null,
    ),
    now: facts.now,
  });
  if (problem === null) return null;
  const alert = facts.alerts.find((one) => alertEndpoint(one) === id && coveredByEndpoint.has(one.rule));
  return {
    subject: host,
    endpoint_id: id,
    owner,
    alert_id: alert?.id ?? null,
    acknowledged_at: isoOrNull(alert?.acknowledgedAt ?? null),
    amounts: addLate(riskAmounts(worth, ['dead', 'suppressed']), parts),
    ...problem,
  };
}

function worstProblem(state: EndpointState): Problem | null {
  const { endpoint, dead, suppressed, late } = state;
  if (!endpoint.isEnabled) return paused(state);
  if (endpoint.failingSince !== null) return failing(state, endpoint.failingSince);
  if (dead > 0) return deadLetters(state);
  if (suppressed > 0) return suppressedDeliveries(state);
  return late > 0 ? lateDeliveries(state) : null;
}

const waiting = (pending: number): string => plural(pending, 'delivery waits', 'deliveries wait');

/** What does not arrive unless someone acts. */
const dropped = ({ dead, suppressed }: EndpointState): string[] => [
  ...(dead === 0 ? [] : [plural(dead, 'dead letter')]),
  ...(suppressed === 0 ? [] : [`${countText(suppressed)} suppressed`]),
];

const dropSeverity = ({ dead, suppressed }: EndpointState): 'act' | 'watch' =>
  dead + suppressed > 0 ? 'act' : 'watch';

function paused(state: EndpointState): Problem {
  const { endpoint, suppressed, pending } = state;
  const { id, host, pausedReason, updatedAt } = endpoint;
  const drops = dropped(state);
  return {
    kind: 'paused',
    severity: drops.length === 0 && pending === 0 ? 'note' : dropSeverity(state),
    since: updatedAt,
    count: suppressed,
    summary: `${host} is paused`,
    detail: [
      ...(pausedReason === null ? [] : [`“${pausedReason}”`]),
      ...(drops.length > 0 ? drops : ['nothing suppressed so far']),
      ...(pending === 0 ? [] : [waiting(pending)]),
    ].join('; '),
    action: { label: 'Resume…', path: `/endpoints/${id}` },
  };
}

function failing(state: EndpointState, since: number): Problem {
  const { endpoint, pending, now } = state;
  const { id, host } = endpoint;
  const drops = dropped(state);
  return {
    kind: 'failing',
    severity: dropSeverity(state),
    since,
    count: pending,
    summary: `${host} has failed every attempt for ${lengthText(now - since)}`,
    detail: [
      ...drops,
      ...(pending === 0 ? [] : [`${waiting(pending)} and are retried`]),
      ...(drops.length === 0 ? ['nothing is lost'] : []),
    ].join('; '),
    action: { label: 'See errors', path: `/endpoints/${id}` },
  };
}

function deadLetters({ endpoint: { id, host }, dead, suppressed }: EndpointState): Problem {
  return {
    kind: 'dead_letters',
    severity: 'act',
    since: null,
    count: dead,
    summary: `${plural(dead, 'dead letter')} at ${host}`,
    detail: suppressed === 0 ? '' : `${countText(suppressed)} more are suppressed`,
    action: { label: `Redrive ${countText(dead)}…`, path: `/dead-letters?endpoint_id=${id}` },
  };
}

function suppressedDeliveries({ endpoint: { id, host }, suppressed }: EndpointState): Problem {
  return {
    kind: 'suppressed',
    severity: 'act',
    since: null,
    count: suppressed,
    summary: `${plural(suppressed, 'suppressed delivery', 'suppressed deliveries')} at ${host}`,
    detail: 'Accepted while the endpoint was paused; a redrive sends them',
    action: {
      label: `Redrive ${countText(suppressed)}…`,
      path: `/dead-letters?endpoint_id=${id}&state=suppressed`,
    },
  };
}

function lateDeliveries({ endpoint: { id, host }, late, oldestLateAt, now }: EndpointState): Problem {
  return {
    kind: 'late',
    severity: 'watch',
    since: oldestLateAt,
    count: late,
    summary: `${plural(late, 'notification')} to ${host} ${late === 1 ? 'is' : 'are'} late`,
    detail:
      oldestLateAt === null
        ? 'Still being delivered'
        : `The oldest was accepted ${lengthText(now - oldestLateAt)} ago; still being delivered`,
    action: { label: 'Show', path: `/deliveries?endpoint_id=${id}&state=pending&late=true` },
  };
}
