import { type Alert, alertEndpoint, incidentId } from '../alert.ts';
import { exactMinor } from '../money.ts';
import { iso } from '../time.ts';

/** What one notification is about. */
export interface Notice {
  /** What is said, as if it were one alert. */
  readonly alert: Alert;
  /** All that it speaks of, those that caused it first. */
  readonly members: readonly Alert[];
  /** Those that caused it. */
  readonly causes: readonly Alert[];
}

/** Endpoints and alerts that a notification names; the rest is counted. */
const maxNamed = 20;

/**
 * The notifications of a step: one for each incident that begins, grows or ends. It speaks of all that is open of the
 * incident, or of all that has ended with it.
 */
export function toNotices(notify: readonly Alert[], stored: readonly Alert[]): Notice[] {
  const causes = Map.groupBy(notify, (alert) => `${incidentId(alert)}/${alert.state}`);
  return [...causes.values()].map((own) => {
    const [first] = own as [Alert];
    const ids = new Set(own.map(({ id }) => id));
    const others = stored.filter(
      (one) =>
        incidentId(one) === incidentId(first) &&
        one.state === first.state &&
        one.notifiedAt !== null &&
        !ids.has(one.id),
    );
    const members = [...own, ...others];
    return { alert: mergeAlerts(members), members, causes: own };
  });
}

const sumEvidence = (members: readonly Alert[], member: string): number =>
  members.reduce(
    (sum, { evidence: { [member]: value } }) => sum + (typeof value === 'number' ? value : 0),
    0,
  );

interface Money {
  readonly currency: string;
  readonly amount_minor: number | string;
  readonly events?: number;
}

/** The sum of `value_at_risk`, each currency by itself. */
function sumWorth(members: readonly Alert[]): object[] {
  const sums = new Map<string, { amountMinor: bigint; events: number }>();
  for (const { evidence } of members)
    for (const { currency, amount_minor, events = 0 } of (evidence['value_at_risk'] ?? []) as Money[]) {
      const sum = sums.get(currency) ?? { amountMinor: 0n, events: 0 };
      sums.set(currency, {
        amountMinor: sum.amountMinor + BigInt(amount_minor),
        events: sum.events + events,
      });
    }
  return [...sums].map(([currency, { amountMinor, events }]) => ({
    currency,
    amount_minor: exactMinor(amountMinor),
    events,
  }));
}

/** `1 delivery to … is overdue`, `179 deliveries are waiting`. */
function deliveries(count: number, state: string, where = ''): string {
  const what = count === 1 ? 'delivery' : 'deliveries';
  return `${count.toLocaleString('en-US')} ${what}${where} ${count === 1 ? 'is' : 'are'} ${state}`;
}

/** The sentence about several alerts of one rule at one host. */
function noticeSentence(members: readonly Alert[], endpoints: number): string {
  const [{ rule, host = '', state }] = members as [Alert];
  const n = (count: number): string => count.toLocaleString('en-US');
  const where = endpoints === 1 ? host : `${n(endpoints)} endpoints at ${host}`;
  const has = endpoints === 1 ? 'has' : 'have';
  switch (rule) {
    case 'endpoint_down':
      return state === 'resolved'
        ? `${where} ${has} recovered`
        : `${where} ${has} failed every attempt since ${iso(earliestStart(members))}; ${deliveries(sumEvidence(members, 'pending'), 'waiting')}`;
    case 'dead_letters':
      return `${n(sumEvidence(members, 'count'))} dead letters at ${where}`;
    case 'overdue':
      return deliveries(sumEvidence(members, 'count'), 'overdue', ` to ${where}`);
    case 'endpoint_disabling':
      return `${where} ${has} failed every attempt, and Posthorn will pause ${endpoints === 1 ? 'it' : 'them'}`;
    case 'endpoint_disabled':
      return `${where} ${endpoints === 1 ? 'was' : 'were'} paused because every attempt failed`;
    default:
      return `${n(members.length)} alerts (${rule}) at ${host}`;
  }
}

/** When the first of them began: an endpoint was failing before its alert. */
function earliestStart(members: readonly Alert[]): number {
  return Math.min(...members.map(({ since, evidence }) => Date.parse(String(evidence['since'])) || since));
}

/** The next step of the first, about the endpoints of all where it is a command. */
function commonNextStep(members: readonly Alert[], ids: readonly string[]): unknown {
  const { next_step: step } = members[0]!.evidence;
  return typeof step === 'string'
    ? step.replaceAll(/--endpoint-id ep_[0-9a-z]+/g, `--endpoint-id ${ids.slice(0, maxNamed).join(',')}`)
    : step;
}

/** Several alerts as one, under the id by which channels know the incident. */
function mergeAlerts(members: readonly Alert[]): Alert {
  const [first] = members as [Alert];
  if (members.length === 1) return first;
  const ids = [...new Set(members.map((one) => alertEndpoint(one) ?? one.group))];
  const since = Math.min(...members.map((one) => one.since));
  const has = (member: string): boolean => members.some(({ evidence }) => member in evidence);
  return {
    ...first,
    group: ids.length === 1 ? first.group : (first.host ?? first.group),
    severity: members.some(({ severity }) => severity === 'page') ? 'page' : 'ticket',
    summary: noticeSentence(members, ids.length),
    since,
    evidence: {
      ...(has('count') ? { count: sumEvidence(members, 'count') } : {}),
      ...(has('pending') ? { pending: sumEvidence(members, 'pending') } : {}),
      ...(has('value_at_risk') ? { value_at_risk: sumWorth(members) } : {}),
      endpoints: ids.length,
      endpoint_ids: ids.slice(0, maxNamed),
      alerts: members.slice(0, maxNamed).map(({ summary }) => summary),
      next_step: commonNextStep(members, ids),
    },
  };
}
