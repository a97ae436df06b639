import type { Answer } from '../../contract/table.ts';
import { type Alert, alertEndpoint } from '../../domain/alert.ts';
import { iso, isoOrNull } from '../../domain/time.ts';
import { wireMoney } from '../wire.ts';
import { Amounts } from './amounts.ts';
import { coveredByEndpoint, endpointNeed, type Need } from './endpoint-need.ts';
import type { DeadSample, NowFacts } from './facts.ts';
import { lengthText, plural } from './words.ts';

type Wire = Answer<'now.get'>['needs'][number];

const severities = ['act', 'watch', 'note'] as const;

const ofObjectives: ReadonlySet<string> = new Set(['burn_rate', 'slow_leak']);

const nothing = { alert_id: null, acknowledged_at: null, amounts: new Amounts(), count: null } as const;

/** Ids of endpoints mean nothing to a reader. */
function named(text: string, endpoints: NowFacts['endpoints']): string {
  return text.replaceAll(/\bep_[0-9a-z]+\b/g, (id) => endpoints.get(id)?.host ?? id);
}

function alertNeed(facts: NowFacts, alert: Alert): Need | null {
  const endpointId = alertEndpoint(alert);
  if (endpointId !== null && coveredByEndpoint.has(alert.rule)) return null;
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

/** Everything that needs attention: the most severe first, then what is not acknowledged, then by worth, then by age. */
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
