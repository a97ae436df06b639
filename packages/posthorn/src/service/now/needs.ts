import type { Answer } from '../../contract/table.ts';
import { type Alert, alertEndpoint } from '../../domain/alert.ts';
import { iso, isoOrNull } from '../../domain/time.ts';
import { wireMoney } from '../wire.ts';
import { Amounts } from './amounts.ts';
import type { DeadSample, NowEndpoint, NowFacts } from './facts.ts';
import { addLate, riskAmounts, riskCount } from './totals.ts';
import { countText, lengthText, plural } from './words.ts';

type Wire = Answer<'now.get'>['needs'][number];

/** One need for attention, before it is formatted for the wire. */
export interface Need extends Omit<Wire, 'value' | 'since'> {
  readonly amounts: Amounts;
  readonly since: number | null;
}

const severities = ['act', 'watch', 'note'] as const;

/** What an alert would repeat is part of its endpoint's row. */
const saidByEndpoint: ReadonlySet<string> = new Set(['endpoint_down', 'dead_letters', 'endpoint_disabled']);
const ofObjectives: ReadonlySet<string> = new Set(['burn_rate', 'slow_leak']);

const nothing = { alert_id: null, acknowledged_at: null, amounts: new Amounts(), count: null } as const;

/** What each endpoint needs: one row, for its worst problem. */
function endpointNeed(facts: NowFacts, endpoint: NowEndpoint): Need | null {
  const { id, host, owner, failingSince } = endpoint;
  const worth = facts.worth.filter(({ endpointId }) => endpointId === id);
  const parts = facts.pending.parts.filter(({ endpointId }) => endpointId === id);
  const dead = riskCount(worth, 'dead');
  const suppressed = riskCount(worth, 'suppressed');
  const late = parts.reduce((sum, part) => sum + part.late, 0);
  const pending = parts.reduce((sum, part) => sum + part.pending, 0);
  const alert = facts.alerts.find((one) => alertEndpoint(one) === id && saidByEndpoint.has(one.rule));
  const base = {
    subject: host,
    endpoint_id: id,
    owner,
    alert_id: alert?.id ?? null,
    acknowledged_at: isoOrNull(alert?.acknowledgedAt ?? null),
    amounts: addLate(riskAmounts(worth, ['dead', 'suppressed']), parts),
  };
  const act = dead + suppressed > 0 ? 'act' : 'watch';
  const waits = pending === 0 ? [] : [`${plural(pending, 'delivery waits', 'deliveries wait')}`];
  const lies = [
    ...(dead === 0 ? [] : [plural(dead, 'dead letter')]),
    ...(suppressed === 0 ? [] : [`${countText(suppressed)} suppressed`]),
  ];
  if (!endpoint.isEnabled) {
    const reason = endpoint.pausedReason === null ? [] : [`“${endpoint.pausedReason}”`];
    return {
      ...base,
      kind: 'paused',
      severity: dead + suppressed + pending === 0 ? 'note' : act,
      since: endpoint.updatedAt,
      count: suppressed,
      summary: `${host} is paused`,
      detail: [...reason, ...(lies.length > 0 ? lies : ['nothing suppressed so far']), ...waits].join('; '),
      action: { label: 'Resume…', path: `/endpoints/${id}` },
    };
  }
  if (failingSince !== null)
    return {
      ...base,
      kind: 'failing',
      severity: act,
      since: failingSince,
      count: pending,
      summary: `${host} has failed every attempt for ${lengthText(facts.now - failingSince)}`,
      detail: [
        ...lies,
        ...(pending === 0 ? [] : [`${plural(pending, 'delivery waits', 'deliveries wait')} and are retried`]),
        ...(dead + suppressed === 0 ? ['nothing is lost'] : []),
      ].join('; '),
      action: { label: 'See errors', path: `/endpoints/${id}` },
    };
  if (dead > 0)
    return {
      ...base,
      kind: 'dead_letters',
      severity: 'act',
      since: null,
      count: dead,
      summary: `${plural(dead, 'dead letter')} at ${host}`,
      detail: suppressed === 0 ? '' : `${countText(suppressed)} more are suppressed`,
      action: { label: `Redrive ${countText(dead)}…`, path: `/dead-letters?endpoint_id=${id}` },
    };
  if (suppressed > 0)
    return {
      ...base,
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
  if (late === 0) return null;
  const oldest = parts.reduce<number | null>(
    (least, { oldestLateAt: at }) => (at === null ? least : Math.min(at, least ?? at)),
    null,
  );
  return {
    ...base,
    kind: 'late',
    severity: 'watch',
    since: oldest,
    count: late,
    summary: `${plural(late, 'notification')} to ${host} ${late === 1 ? 'is' : 'are'} late`,
    detail:
      oldest === null
        ? 'Still being delivered'
        : `The oldest was accepted ${lengthText(facts.now - oldest)} ago; still being delivered`,
    action: { label: 'Show', path: `/deliveries?endpoint_id=${id}&state=pending&late=true` },
  };
}

/** Ids of endpoints mean nothing to a reader. */
function named(text: string, endpoints: NowFacts['endpoints']): string {
  return text.replaceAll(/\bep_[0-9a-z]+\b/g, (id) => endpoints.get(id)?.host ?? id);
}

function alertNeed(facts: NowFacts, alert: Alert): Need | null {
  const endpointId = alertEndpoint(alert);
  if (endpointId !== null && saidByEndpoint.has(alert.rule)) return null;
  const isObjective = ofObjectives.has(alert.rule);
  const [objective = ''] = alert.group.split('/');
  const host = endpointId === null ? null : (facts.endpoints.get(endpointId)?.host ?? endpointId);
  const next = alert.evidence['next_step'];
  return {
    ...nothing,
    kind: alert.rule === 'unaccounted' ? 'unaccounted' : isObjective ? 'objective' : 'alert',
    severity: alert.severity === 'page' ? 'act' : 'watch',
    subject: isObjective ? (facts.endpoints.get(objective)?.host ?? objective) : host,
    endpoint_id: endpointId,
    alert_id: alert.id,
    acknowledged_at: isoOrNull(alert.acknowledgedAt),
    since: alert.since,
    owner: alert.owner,
    summary: named(alert.summary, facts.endpoints),
    detail: typeof next === 'string' ? named(next, facts.endpoints) : '',
    action: isObjective
      ? { label: 'Open', path: `/objectives/${encodeURIComponent(objective)}` }
      : endpointId === null
        ? null
        : { label: 'Open', path: `/endpoints/${endpointId}` },
  };
}

function unmatchedNeed({ unmatched }: NowFacts): Need[] {
  const [first, ...others] = unmatched;
  if (first === undefined) return [];
  const events = unmatched.reduce((sum, one) => sum + one.events, 0);
  const more = others.length === 0 ? '' : ` and ${plural(others.length, 'more type')}`;
  return [
    {
      ...nothing,
      kind: 'unmatched',
      severity: 'note',
      subject: first.type,
      endpoint_id: null,
      since: null,
      count: events,
      owner: null,
      summary: `${plural(events, 'event')} of ${first.type}${more} matched no endpoint`,
      detail: 'They can be replayed when an endpoint subscribes',
      action: { label: 'Subscribe…', path: `/endpoints/new?event_types=${encodeURIComponent(first.type)}` },
    },
  ];
}

/** Alerts about an endpoint go to the team that owns it. */
function ownerNeeds({ endpoints, teams }: NowFacts): Need[] {
  const all = [...endpoints.values()];
  const rows = [
    {
      found: all.filter(({ owner }) => owner === null),
      says: 'without an owner',
      detail: 'Their alerts go to every channel',
    },
    {
      found: all.filter(({ owner }) => owner !== null && !teams.has(owner)),
      says: 'whose owner is not a declared team',
      detail: 'No team is notified of its alerts',
    },
  ];
  return rows
    .filter(({ found }) => found.length > 0)
    .map(({ found, says, detail }) => ({
      ...nothing,
      kind: 'owner',
      severity: 'note',
      subject: found[0]!.host,
      endpoint_id: found[0]!.id,
      since: null,
      count: found.length,
      owner: null,
      summary: `${plural(found.length, 'endpoint')} ${says}: ${found[0]!.host}${found.length === 1 ? '' : ', …'}`,
      detail,
      action: { label: 'Open', path: '/teams' },
    }));
}

function houseNeeds({ brokenChannels, endingKeys }: NowFacts): Need[] {
  const channels = brokenChannels.map((name): Need => ({
    ...nothing,
    kind: 'channel',
    severity: 'act',
    subject: name,
    endpoint_id: null,
    since: null,
    owner: null,
    summary: `Notifications do not reach the channel ${name}`,
    detail: 'Its alerts are not delivered',
    action: { label: 'Test…', path: '/settings/channels' },
  }));
  if (endingKeys === 0) return channels;
  return [
    ...channels,
    {
      ...nothing,
      kind: 'key',
      severity: 'note',
      subject: null,
      endpoint_id: null,
      since: null,
      count: endingKeys,
      owner: null,
      summary: `${plural(endingKeys, 'API key ends', 'API keys end')} within 7 days`,
      detail: 'Calls with it are refused afterwards',
      action: { label: 'Open', path: '/settings/keys' },
    },
  ];
}

/** In the most frequent currency of all: amounts of different currencies are not compared. */
function mainCurrency(needs: readonly Need[]): string | null {
  const all = new Amounts();
  for (const { amounts } of needs)
    for (const { currency, events } of amounts.list()) all.add(currency, 0n, events);
  return all.list()[0]?.currency ?? null;
}

/** Everything that needs attention: the most severe first, then what nobody has acknowledged, then by worth, then by age. */
export function nowNeeds(facts: NowFacts): Need[] {
  const needs = [
    ...[...facts.endpoints.values()].flatMap((endpoint) => endpointNeed(facts, endpoint) ?? []),
    ...facts.alerts.flatMap((alert) => alertNeed(facts, alert) ?? []),
    ...unmatchedNeed(facts),
    ...ownerNeeds(facts),
    ...houseNeeds(facts),
  ];
  const currency = mainCurrency(needs);
  const worth = ({ amounts }: Need): bigint =>
    amounts.list().find((money) => money.currency === currency)?.amountMinor ?? 0n;
  const rank = ({ kind, severity }: Need): number =>
    kind === 'unaccounted' ? -1 : severities.indexOf(severity);
  return needs.toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      Number(a.acknowledged_at !== null) - Number(b.acknowledged_at !== null) ||
      (worth(a) > worth(b) ? -1 : worth(a) < worth(b) ? 1 : 0) ||
      (a.since ?? Number.MAX_SAFE_INTEGER) - (b.since ?? Number.MAX_SAFE_INTEGER) ||
      (b.count ?? 0) - (a.count ?? 0),
  );
}

/** What the dead letters themselves say: why, and since when. */
export function withSamples(need: Need, oldest: DeadSample, newest: DeadSample, now: number): Need {
  const why = newest.lastErrorClass === null ? '' : `: ${newest.lastErrorClass}`;
  const age = oldest.settledAt === null ? [] : [`The oldest is ${lengthText(now - oldest.settledAt)} old`];
  return {
    ...need,
    since: oldest.settledAt,
    summary: `${need.summary}${why}`,
    detail: [...age, ...(need.detail === '' ? [] : [need.detail])].join('; '),
  };
}

export function wireNeed({ amounts, since, ...need }: Need): Wire {
  return { ...need, since: since === null ? null : iso(since), value: amounts.list().map(wireMoney) };
}
