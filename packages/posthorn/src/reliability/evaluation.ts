import type { Alert, Condition } from '../domain/alert.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { type ScopedObjective, scopeObjectives } from '../domain/objective.ts';
import { type Template, templatesBy } from '../domain/template.ts';
import { everything } from '../store/accounting.ts';
import { everyEndpoint } from '../store/every-endpoint.ts';
import type { DeadLetterGroup, Finding, StoreRead } from '../store/store.ts';
import { certificateCondition, expiringCertificates } from './certificates.ts';
import {
  beyondCondition,
  corruptCondition,
  deadLetterCondition,
  endpointDownCondition,
  fanOutStuckCondition,
  isInDanger,
  type ObjectiveEvidence,
  objectiveConditions,
  overdueCondition,
  unaccountedCondition,
} from './conditions.ts';
import { disabledCondition, disablingCondition, isDisabled } from './failing-conditions.ts';
import { readWindows } from './objective-counts.ts';
import { type ObjectiveStatus, ruleWindowsMs, statusOf } from './objective-status.ts';
import { dayMs, minuteMs } from '../domain/time.ts';

const maxSamples = 3;
/** This many groups of dead letters, overdue endpoints and failing endpoints are evaluated, the largest first. */
const maxGroups = 200;
/** A delivery is overdue if no node has claimed it this long after it was due. */
const overdueGraceMs = 5 * minuteMs;
/** An endpoint is down after it has failed every attempt for this long. */
const downAfterMs = 5 * minuteMs;
/** A fan-out is stuck after it has created nothing for this long: a step takes milliseconds. */
const fanOutStuckAfterMs = 5 * minuteMs;
const maxWorst = 5;
/** Receiver certificates that expire later than this are not checked. */
const serverCertificatesWithinMs = 7 * dayMs;

/** What alerts need to know of a reconciliation. */
export interface LedgerCheck {
  readonly balanced: boolean;
  readonly unaccounted: number;
  readonly endpointIds: readonly string[];
  readonly findings: readonly Finding[];
}

export type EvaluatedStore = Pick<
  StoreRead,
  | 'deadLetters'
  | 'deliveries'
  | 'accounting'
  | 'accountingBy'
  | 'tallies'
  | 'overdue'
  | 'documents'
  | 'endpoints'
  | 'openBreakers'
  | 'serverCertificates'
  | 'blockedKeys'
  | 'failingEndpoints'
  | 'fanOuts'
>;

/** What is declared and configured, in one read of the store. */
export interface Declared {
  readonly endpoints: readonly Endpoint[];
  readonly templates: ReadonlyMap<string, Template>;
  readonly objectives: readonly ScopedObjective[];
}

export async function readDeclared(
  store: Pick<EvaluatedStore, 'documents' | 'endpoints'>,
): Promise<Declared> {
  const endpoints: Endpoint[] = [];
  for await (const endpoint of everyEndpoint(store)) endpoints.push(endpoint);
  const templates = templatesBy(await store.documents('template'));
  const declared = await store.documents('slo');
  return { endpoints, templates, objectives: scopeObjectives(declared, endpoints, templates) };
}

/** Returns the current state of the objectives of kind `delivered_within`. */
export async function readStatuses(
  store: Pick<StoreRead, 'tallies'>,
  objectives: readonly ScopedObjective[],
  now: number,
): Promise<ReadonlyMap<string, ObjectiveStatus>> {
  const timed = objectives.filter(({ kind }) => kind === 'delivered_within');
  const lengths = [...ruleWindowsMs, ...timed.map(({ windowMs }) => windowMs)];
  const windows = await readWindows(store, timed, lengths, now);
  return new Map(
    timed.map((objective) => [objective.name, statusOf(objective, windows.get(objective.name)!)]),
  );
}

/** Evaluates the invariant. `unbalancedRuns`: how many reconciliations in a row did not balance, including this one. */
export function evaluateLedger(
  ledger: LedgerCheck,
  unbalancedRuns: number,
  stored: readonly Alert[],
): Condition[] {
  if (ledger.balanced) return [];
  const open = stored.some(({ rule, state }) => rule === 'unaccounted' && state === 'firing');
  return [unaccountedCondition({ ...ledger, confirmed: unbalancedRuns >= 2 || open })];
}

/** Returns what is wrong with deliveries now: dead letters, overdue deliveries, endpoints that are down. */
export async function evaluateDeliveries(
  store: EvaluatedStore,
  { endpoints, templates }: Declared,
  options: {
    readonly now: number;
    /** Retention periods. */
    readonly lived: number;
    readonly deadRetentionMs: number;
    readonly deadLetters: (now: number) => Promise<readonly DeadLetterGroup[]>;
  },
): Promise<Condition[]> {
  const { now, lived, deadRetentionMs } = options;
  const conditions: Condition[] = [];
  const known = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const loudness = (id: string): Template['deadLetterSeverity'] => {
    const template = known.get(id)?.template ?? null;
    return (template === null ? undefined : templates.get(template)?.deadLetterSeverity) ?? 'auto';
  };
  const samples = async (filter: Parameters<EvaluatedStore['deliveries']>[0]): Promise<number[]> =>
    (await store.deliveries(filter, { after: null, limit: maxSamples })).map(({ number }) => number);

  const down = new Set<string>();
  const breakers = (await store.openBreakers()).filter(
    ({ endpointId, openSince }) => known.get(endpointId)?.enabled === true && now - openSince >= downAfterMs,
  );
  for (const { endpointId, openSince } of breakers.slice(0, maxGroups)) {
    const endpoint = known.get(endpointId)!;
    down.add(endpointId);
    const { pending } = await store.accounting({
      ...everything,
      endpointIds: [endpointId],
      now,
    });
    const { owner } = endpoint;
    conditions.push(
      endpointDownCondition({ endpointId, owner, openSince, loudness: loudness(endpointId), pending, now }),
    );
  }
  conditions.push(...(await evaluateFailing(store, endpoints, loudness, now)));
  // What must page comes first, whatever lies beyond the limit.
  const letters = (await options.deadLetters(now)).toSorted(
    (a, b) => Number(b.errorClass === 'corrupt') - Number(a.errorClass === 'corrupt'),
  );
  for (const group of letters.slice(0, maxGroups)) {
    const { endpointId, errorClass } = group;
    if (errorClass === 'corrupt') {
      const some = { after: null, limit: maxSamples };
      conditions.push(
        corruptCondition(
          group,
          await store.deliveries(
            { endpointIds: [endpointId], states: ['dead'], errorClasses: [errorClass] },
            some,
          ),
        ),
      );
      continue;
    }
    const ids = await samples({
      endpointIds: [endpointId],
      states: ['dead'],
      ...(errorClass === null ? {} : { errorClasses: [errorClass] }),
    });
    const blocked =
      group.blockedKeys === 0
        ? []
        : await store.blockedKeys({ endpointIds: [endpointId], after: null, limit: maxSamples });
    const isDown = down.has(endpointId);
    conditions.push(
      deadLetterCondition(group, ids, lived, deadRetentionMs, loudness(endpointId), isDown, blocked),
    );
  }
  const { underWay } = await store.fanOuts(maxGroups);
  const stuck = underWay.filter(({ movedAt }) => now - movedAt > fanOutStuckAfterMs);
  if (stuck.length > 0) conditions.push(fanOutStuckCondition(stuck, now));
  // If an endpoint is down, another alert covers it.
  const overdue = (await store.overdue(now - overdueGraceMs))
    .filter(({ endpointId }) => !down.has(endpointId))
    .toSorted((a, b) => Number(a.claimed > 0) - Number(b.claimed > 0));
  for (const group of overdue.slice(0, maxGroups)) {
    const { endpointId } = group;
    conditions.push(
      overdueCondition(
        group,
        await samples({ endpointIds: [endpointId], states: ['pending'] }),
        known.get(endpointId)?.rateLimitPerS ?? null,
        now,
      ),
    );
  }
  const expiring = expiringCertificates(
    endpoints,
    await store.serverCertificates(now + serverCertificatesWithinMs),
    now,
  );
  conditions.push(...expiring.slice(0, maxGroups).map((one) => certificateCondition(one, now)));
  for (const [rule, groups] of [
    ['endpoint_down', breakers],
    ['dead_letters', letters],
    ['overdue', overdue],
    ['certificate_expiring', expiring],
  ] as const)
    if (groups.length > maxGroups) conditions.push(beyondCondition(rule, groups.length, maxGroups));
  return conditions;
}

/** Endpoints that will be paused because they only fail, and those that have been. */
async function evaluateFailing(
  store: Pick<EvaluatedStore, 'failingEndpoints' | 'accounting'>,
  endpoints: readonly Endpoint[],
  loudness: (endpointId: string) => Template['deadLetterSeverity'],
  now: number,
): Promise<Condition[]> {
  const failing = new Map((await store.failingEndpoints()).map((one) => [one.endpointId, one]));
  const conditions: Condition[] = [];
  let disabled = 0;
  for (const endpoint of endpoints) {
    const { id } = endpoint;
    const row = failing.get(id);
    if (isDisabled(endpoint)) {
      if (++disabled > maxGroups) continue;
      const counts = await store.accounting({ ...everything, endpointIds: [id], now });
      const { pending, suppressed } = counts;
      conditions.push(disabledCondition(endpoint, row?.since ?? null, { pending, suppressed }, loudness(id)));
    } else if (row !== undefined) {
      const condition = disablingCondition(endpoint, row, loudness(id), now);
      if (condition !== null) conditions.push(condition);
    }
  }
  if (disabled > maxGroups) conditions.push(beyondCondition('endpoint_disabled', disabled, maxGroups));
  return conditions;
}

/** Objectives whose budget is spent too fast, or that leak. */
export async function evaluateObjectives(
  store: EvaluatedStore,
  { objectives }: Declared,
  now: number,
): Promise<Condition[]> {
  const statuses = await readStatuses(store, objectives, now);
  const conditions: Condition[] = [];
  for (const objective of objectives) {
    const status = statuses.get(objective.name);
    if (status === undefined || !isInDanger(status)) continue;
    conditions.push(...objectiveConditions(objective, status, await evidenceOf(store, status, now)));
  }
  return conditions;
}

/** Some of what is owed, and its value, at the endpoints that spoiled the most. */
async function evidenceOf(
  store: EvaluatedStore,
  { worst }: ObjectiveStatus,
  now: number,
): Promise<ObjectiveEvidence> {
  const samples: number[] = [];
  const money = new Map<string, ObjectiveEvidence['valueAtRisk'][number]>();
  for (const { endpointId } of worst.slice(0, maxWorst)) {
    for (const state of ['dead', 'suppressed', 'pending'] as const)
      if (samples.length < maxSamples) {
        const found = await store.deliveries(
          { endpointIds: [endpointId], states: [state] },
          { after: null, limit: maxSamples },
        );
        samples.push(...found.map(({ number }) => number));
      }
    const { valueAtRisk } = await store.accounting({
      ...everything,
      endpointIds: [endpointId],
      now,
    });
    for (const { currency, amountMinor, events } of valueAtRisk) {
      const before = money.get(currency);
      money.set(currency, {
        currency,
        amountMinor: amountMinor + (before?.amountMinor ?? 0n),
        events: events + (before?.events ?? 0),
      });
    }
  }
  return { samples: samples.slice(0, maxSamples), valueAtRisk: [...money.values()] };
}
