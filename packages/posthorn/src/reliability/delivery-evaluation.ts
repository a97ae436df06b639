import type { Condition } from '../domain/alert.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { Template } from '../domain/template.ts';
import { minuteMs, dayMs } from '../domain/time.ts';
import { everything } from '../store/accounting.ts';
import type { DeadLetterGroup } from '../store/store.ts';
import { certificateCondition, expiringCertificates } from './certificates.ts';
import {
  beyondCondition,
  corruptCondition,
  deadLetterCondition,
  endpointDownCondition,
  fanOutStuckCondition,
  overdueCondition,
} from './conditions.ts';
import type { Declared, EvaluatedStore } from './evaluation.ts';
import { disabledCondition, disablingCondition, isDisabled } from './failing-conditions.ts';

const maxSamples = 3;
/** This many groups of dead letters, overdue endpoints and failing endpoints are evaluated, the largest first. */
const maxGroups = 200;
/** A delivery is overdue if no node has claimed it this long after it was due. */
const overdueGraceMs = 5 * minuteMs;
/** An endpoint is down after it has failed every attempt for this long. */
const downAfterMs = 5 * minuteMs;
/** A fan-out is stuck after it has created nothing for this long: a step takes milliseconds. */
const fanOutStuckAfterMs = 5 * minuteMs;
/** Receiver certificates that expire later than this are not checked. */
const serverCertificatesWithinMs = 7 * dayMs;

/** What the deliveries of one evaluation are evaluated with. */
interface DeliveryEvaluation {
  readonly store: EvaluatedStore;
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly now: number;
  /** How loud the dead letters of an endpoint are, by its template. */
  readonly loudness: (endpointId: string) => Template['deadLetterSeverity'];
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
  const { now } = options;
  const known = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const loudness = (id: string): Template['deadLetterSeverity'] => {
    const template = known.get(id)?.template ?? null;
    return (template === null ? undefined : templates.get(template)?.deadLetterSeverity) ?? 'auto';
  };
  const evaluation: DeliveryEvaluation = { store, endpoints: known, now, loudness };
  const { conditions: downConditions, down } = await evaluateDown(evaluation);
  return [
    ...downConditions,
    ...(await evaluateFailing(store, endpoints, loudness, now)),
    ...(await evaluateDeadLetters(evaluation, await options.deadLetters(now), { ...options, down })),
    ...(await evaluateFanOuts(evaluation)),
    ...(await evaluateOverdue(evaluation, down)),
    ...(await evaluateCertificates(evaluation, endpoints)),
  ];
}

/** The first ones, and what says that there are more. */
async function evaluateEach<T>(
  rule: Parameters<typeof beyondCondition>[0],
  groups: readonly T[],
  evaluate: (group: T) => Condition | Promise<Condition>,
): Promise<Condition[]> {
  const conditions: Condition[] = [];
  for (const group of groups.slice(0, maxGroups)) conditions.push(await evaluate(group));
  if (groups.length > maxGroups) conditions.push(beyondCondition(rule, groups.length, maxGroups));
  return conditions;
}

async function sampleIds(
  store: Pick<EvaluatedStore, 'deliveries'>,
  filter: Parameters<EvaluatedStore['deliveries']>[0],
): Promise<number[]> {
  return (await store.deliveries(filter, { after: null, limit: maxSamples })).map(({ number }) => number);
}

/** Endpoints that have failed every attempt for a while, and their ids. */
async function evaluateDown({
  store,
  endpoints,
  now,
  loudness,
}: DeliveryEvaluation): Promise<{ readonly conditions: Condition[]; readonly down: ReadonlySet<string> }> {
  const breakers = (await store.openBreakers()).filter(
    ({ endpointId, openSince }) =>
      endpoints.get(endpointId)?.enabled === true && now - openSince >= downAfterMs,
  );
  const conditions = await evaluateEach('endpoint_down', breakers, async ({ endpointId, openSince }) => {
    const { pending } = await store.accounting({ ...everything, endpointIds: [endpointId], now });
    const { owner } = endpoints.get(endpointId)!;
    return endpointDownCondition({
      endpointId,
      owner,
      openSince,
      loudness: loudness(endpointId),
      pending,
      now,
    });
  });
  return { conditions, down: new Set(breakers.slice(0, maxGroups).map(({ endpointId }) => endpointId)) };
}

async function evaluateDeadLetters(
  { store, loudness }: DeliveryEvaluation,
  groups: readonly DeadLetterGroup[],
  {
    lived,
    deadRetentionMs,
    down,
  }: { readonly lived: number; readonly deadRetentionMs: number; readonly down: ReadonlySet<string> },
): Promise<Condition[]> {
  // What must page comes first, whatever lies beyond the limit.
  const letters = groups.toSorted(
    (a, b) => Number(b.errorClass === 'corrupt') - Number(a.errorClass === 'corrupt'),
  );
  return await evaluateEach('dead_letters', letters, async (group) => {
    const { endpointId, errorClass } = group;
    const filter = {
      endpointIds: [endpointId],
      states: ['dead' as const],
      ...(errorClass === null ? {} : { errorClasses: [errorClass] }),
    };
    if (errorClass === 'corrupt')
      return corruptCondition(group, await store.deliveries(filter, { after: null, limit: maxSamples }));
    const ids = await sampleIds(store, filter);
    const blocked =
      group.blockedKeys === 0
        ? []
        : await store.blockedKeys({ endpointIds: [endpointId], after: null, limit: maxSamples });
    return deadLetterCondition(
      group,
      ids,
      lived,
      deadRetentionMs,
      loudness(endpointId),
      down.has(endpointId),
      blocked,
    );
  });
}

async function evaluateFanOuts({ store, now }: DeliveryEvaluation): Promise<Condition[]> {
  const { underWay } = await store.fanOuts(maxGroups);
  const stuck = underWay.filter(({ movedAt }) => now - movedAt > fanOutStuckAfterMs);
  return stuck.length === 0 ? [] : [fanOutStuckCondition(stuck, now)];
}

/** Overdue deliveries; if an endpoint is down, another alert covers it. */
async function evaluateOverdue(
  { store, endpoints, now }: DeliveryEvaluation,
  down: ReadonlySet<string>,
): Promise<Condition[]> {
  const overdue = (await store.overdue(now - overdueGraceMs))
    .filter(({ endpointId }) => !down.has(endpointId))
    .toSorted((a, b) => Number(a.claimed > 0) - Number(b.claimed > 0));
  return await evaluateEach('overdue', overdue, async (group) => {
    const { endpointId } = group;
    const ids = await sampleIds(store, { endpointIds: [endpointId], states: ['pending'] });
    return overdueCondition(group, ids, endpoints.get(endpointId)?.rateLimitPerS ?? null, now);
  });
}

async function evaluateCertificates(
  { store, now }: DeliveryEvaluation,
  endpoints: readonly Endpoint[],
): Promise<Condition[]> {
  const ofReceivers = await store.serverCertificates(now + serverCertificatesWithinMs);
  const expiring = expiringCertificates(endpoints, ofReceivers, now);
  return await evaluateEach('certificate_expiring', expiring, (one) => certificateCondition(one, now));
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
