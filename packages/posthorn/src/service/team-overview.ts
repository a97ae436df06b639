import type { Answer } from '../contract/table.ts';
import { alertTenant } from '../domain/alert.ts';
import { type Endpoint, subscribes } from '../domain/endpoint.ts';
import type { StoredDocument } from '../domain/documents.ts';
import type { ScopedObjective } from '../domain/objective.ts';
import { hourMs, iso, minuteMs } from '../domain/time.ts';
import { checkConformance } from '../reliability/conformance.ts';
import { counted, percent } from '../reliability/diagnosis/words.ts';
import {
  dueUntil,
  endpointState,
  healthFigures,
  healthHours,
  healthSince,
  countInTime,
  stateFacts,
} from '../reliability/endpoint-health.ts';
import { readDeclared } from '../reliability/evaluation.ts';
import type { TypeCounters } from '../store/accounting.ts';
import type { EndpointFigures, Risk } from '../store/endpoint-figures.ts';
import type { StoreRead } from '../store/store.ts';
import { requireDocument } from './declared.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { addMoney, readFigures } from './endpoint-health.ts';
import { type Health, readKnown } from './endpoint-shown.ts';
import type { Handlers } from './handler.ts';
import { readStatusesFor } from './slo-status.ts';
import { wireMoney } from './wire.ts';

type Overview = Answer<'teams.overview'>;
type Party = Overview['receives'][number];
type Cell = Overview['matrix'][number];

/** For a team with more, the first ones are read, its own before the others'. */
const maxEndpoints = 200;
const maxRiskRows = 2000;

/** What a team sends and receives, and how it fares at the other side. */
export function teamOverviewService(deps: ServiceDependencies): Handlers<'teams.overview'> {
  return {
    'teams.overview': async ({ params: { name } }) => {
      const { document } = await requireDocument(deps.store.read, 'team', name);
      return await readOverview(deps, name, document);
    },
  };
}

/** What is declared about a team. */
interface TeamDeclarations {
  readonly name: string;
  readonly ownTypes: readonly StoredDocument<'event_type'>[];
  readonly endpoints: readonly Endpoint[];
  readonly objectives: readonly ScopedObjective[];
  /** Endpoints that the team owns or sends to, its own first. */
  readonly concerned: readonly Endpoint[];
}

/** What the counters and rows say of the endpoints that are read; each list in their order. */
interface TeamReadings {
  /** Those past their deadline, and those that are younger. */
  readonly past: readonly (readonly TypeCounters[])[];
  readonly young: readonly (readonly TypeCounters[])[];
  readonly risks: readonly Risk[];
  readonly isComplete: boolean;
}

async function readOverview(
  { store, clock }: ServiceDependencies,
  name: string,
  team: StoredDocument<'team'>['document'],
): Promise<Overview> {
  const now = clock.now();
  const declarations = await readTeam(store.read, name);
  const { ownTypes, objectives, concerned } = declarations;
  const read = concerned.slice(0, maxEndpoints);
  const readings = await readCounters(store.read, read, now);
  const known = await readKnown(store.read, read, now);
  const figures = await readFigures(store.read, read, now);
  const matrix = matrixFrom(declarations, read, readings);
  const party = (endpoint: Endpoint): Party => toParty(endpoint, known, figures.get(endpoint.id), now);
  const receives = read.filter(({ owner }) => owner === name).map(party);
  const named = objectives.filter(({ producer, consumer }) => producer === name || consumer === name);
  const statuses = await readStatusesFor(store, named, now);
  const { alerts } = await store.read.alerts();
  const sends = ownTypes.map((type) => sentType(type, concerned, readings));
  return {
    name,
    description: team.description,
    channels: [...team.channels],
    ...overviewSentence(name, sends, receives, matrix),
    window: { since: iso(healthSince(now)), until: iso(healthSince(now) + healthHours * hourMs) },
    sends,
    receives,
    others: read.filter(({ owner }) => owner !== name).map(party),
    matrix,
    objectives: named.flatMap((objective) =>
      teamObjective(name, objective.name, objective, statuses.get(objective.name)),
    ),
    alerts: alerts
      .filter(({ state, owner }) => state === 'firing' && owner === name)
      .map(({ id, severity, since, summary }) => ({ id, severity, since: iso(since), summary })),
    conformance: wireConformance(declarations),
    complete: readings.isComplete && concerned.length <= maxEndpoints,
  };
}

async function readTeam(read: StoreRead, name: string): Promise<TeamDeclarations> {
  const { endpoints, objectives } = await readDeclared(read);
  const declared = await read.documents('event_type');
  const ownTypes = declared.filter(({ document }) => document.owner === name);
  const concerned = endpoints.filter(
    (endpoint) =>
      endpoint.tenant !== alertTenant &&
      (endpoint.owner === name || ownTypes.some((type) => subscribes(endpoint.eventTypes, type.name))),
  );
  return {
    name,
    ownTypes,
    endpoints,
    objectives,
    concerned: concerned.toSorted((a, b) => Number(b.owner === name) - Number(a.owner === name)),
  };
}

async function readCounters(
  store: StoreRead,
  endpoints: readonly Endpoint[],
  now: number,
): Promise<TeamReadings> {
  const since = healthSince(now);
  const dueBefore = (endpoint: Endpoint): number => Math.max(since, dueUntil(endpoint, now));
  const counters = await store.counters([
    ...endpoints.map((endpoint) => ({ endpointId: endpoint.id, since, until: dueBefore(endpoint) })),
    ...endpoints.map((endpoint) => ({
      endpointId: endpoint.id,
      since: dueBefore(endpoint),
      until: now + minuteMs,
    })),
  ]);
  const { risks, complete } = await store.atRisk({
    endpoints: endpoints.map((one) => ({ endpointId: one.id, lateBefore: now - one.deliverWithinMs })),
    maxRows: maxRiskRows,
  });
  return {
    past: counters.slice(0, endpoints.length),
    young: counters.slice(endpoints.length),
    risks,
    isComplete: complete,
  };
}

/** How each of the team's types fares at each endpoint, and every type at its own endpoints. */
function matrixFrom(
  { name, ownTypes }: TeamDeclarations,
  endpoints: readonly Endpoint[],
  { past, young, risks }: TeamReadings,
): Cell[] {
  const own = new Set(ownTypes.map((type) => type.name));
  return endpoints.flatMap((endpoint, index) =>
    matrixCells(endpoint, past[index] ?? [], young[index] ?? [], risks).filter(
      ({ event_type: type }) => endpoint.owner === name || own.has(type),
    ),
  );
}

function sentType(
  { name, document: { description } }: StoredDocument<'event_type'>,
  concerned: readonly Endpoint[],
  { past, young }: TeamReadings,
): Overview['sends'][number] {
  return {
    event_type: name,
    description: description === '' ? null : description,
    accepted: [...past, ...young]
      .flat()
      .reduce((sum, { eventType, accepted }) => sum + (eventType === name ? accepted : 0), 0),
    endpoints: concerned.filter(({ eventTypes }) => subscribes(eventTypes, name)).length,
  };
}

function wireConformance({
  name,
  ownTypes,
  endpoints,
  objectives,
}: TeamDeclarations): Overview['conformance'] {
  const { total, items } = checkConformance({
    endpoints: endpoints.filter(({ owner }) => owner === name),
    objectives,
    seen: [],
    declared: new Map(ownTypes.map((type) => [type.name, type.document])),
    teams: new Set([name]),
  });
  return {
    total,
    conforming: total - items.length,
    items: items.map(({ kind, id, missing }) => ({ kind, id, missing: [...missing] })),
  };
}

function toParty(
  endpoint: Endpoint,
  known: Health,
  figures: EndpointFigures | undefined,
  now: number,
): Party {
  const facts = stateFacts(endpoint, known.receivers.get(endpoint.id), figures?.accepted ?? 0);
  return {
    endpoint_id: endpoint.id,
    name: endpoint.name,
    host: new URL(endpoint.url).host,
    tenant: endpoint.tenant,
    owner: endpoint.owner,
    state: endpointState(facts, now),
    in_time: figures === undefined ? countInTime([], []) : healthFigures(endpoint, figures, now).inTime,
    pending: Math.max(0, figures?.pending ?? 0),
    dead: Math.max(0, figures?.dead ?? 0),
  };
}

/** How each type fares at one endpoint. */
function matrixCells(
  { id }: Endpoint,
  past: readonly TypeCounters[],
  young: readonly TypeCounters[],
  risks: readonly Risk[],
): Cell[] {
  const own = risks.filter(({ endpointId }) => endpointId === id);
  const types = new Set([
    ...[...past, ...young].map(({ eventType }) => eventType),
    ...own.map(({ eventType }) => eventType),
  ]);
  return [...types]
    .filter((type) => type !== '' && !type.startsWith('posthorn.'))
    .toSorted()
    .map((type) => {
      const isOfType = ({ eventType }: TypeCounters): boolean => eventType === type;
      const ofType = own.filter(({ eventType }) => eventType === type);
      const count = (kind: Risk['kind']): number =>
        ofType.reduce((sum, risk) => sum + (risk.kind === kind ? risk.deliveries : 0), 0);
      return {
        event_type: type,
        endpoint_id: id,
        in_time: countInTime(past.filter(isOfType), young.filter(isOfType)),
        dead: count('dead'),
        suppressed: count('suppressed'),
        late_pending: count('late_pending'),
        at_risk: addMoney(ofType.flatMap(({ worth }) => worth)).map(wireMoney),
      };
    });
}

type Status = Awaited<ReturnType<typeof readStatusesFor>> extends ReadonlyMap<string, infer S> ? S : never;

function teamObjective(
  team: string,
  name: string,
  {
    producer,
    consumer,
    target,
  }: { readonly producer: string | null; readonly consumer: string | null; readonly target: number },
  status: Status | undefined,
): Overview['objectives'] {
  if (status === undefined) return [];
  const sides = [
    ['sender', producer, consumer],
    ['receiver', consumer, producer],
  ] as const;
  return sides
    .filter(([, own]) => own === team)
    .map(([side, , other]) => ({
      name,
      side,
      other,
      target,
      kept: status.kept,
      sli: status.sli,
      budget_remaining: status.sides[side].budget_remaining,
    }));
}

function overviewSentence(
  name: string,
  sends: Overview['sends'],
  receives: Overview['receives'],
  matrix: Overview['matrix'],
): Pick<Overview, 'sentence' | 'level'> {
  const due = matrix.reduce((sum, { in_time: one }) => sum + one.due, 0);
  const good = matrix.reduce((sum, { in_time: one }) => sum + one.good, 0);
  const lost = matrix.reduce((sum, { dead, suppressed }) => sum + dead + suppressed, 0);
  const late = matrix.reduce((sum, { late_pending: one }) => sum + one, 0);
  const failing = receives.filter(({ state }) => state === 'failing').length;
  const does = [
    sends.length === 0 ? '' : `sends ${counted(sends.length, 'event type')}`,
    receives.length === 0 ? '' : `receives at ${counted(receives.length, 'endpoint')}`,
  ].filter((part) => part !== '');
  const parts = [
    does.length === 0 ? `${name} owns no event type and no endpoint` : `${name} ${does.join(' and ')}`,
    due === 0 ? '' : `${percent(good / due)} of ${counted(due, 'delivery', 'deliveries')} in time in 24 h`,
    failing === 0 ? '' : `${counted(failing, 'endpoint fails', 'endpoints fail')} every attempt`,
    lost === 0 ? '' : `${counted(lost, 'delivery', 'deliveries')} will not arrive unless someone acts`,
    late === 0 ? '' : `${counted(late, 'delivery is', 'deliveries are')} late and still pending`,
    lost + late + failing === 0 && does.length > 0 ? 'nothing is at risk' : '',
  ].filter((part) => part !== '');
  return {
    sentence: `${parts.join('; ')}.`,
    level: lost + failing > 0 ? 'act' : late > 0 ? 'watch' : 'ok',
  };
}
