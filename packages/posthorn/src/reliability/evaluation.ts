import type { Alert, Condition } from '../domain/alert.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { type ScopedObjective, scopeObjectives } from '../domain/objective.ts';
import { type Template, templatesBy } from '../domain/template.ts';
import { everything } from '../store/accounting.ts';
import { everyEndpoint } from '../store/every-endpoint.ts';
import type { Finding, StoreRead } from '../store/store.ts';
import {
  isInDanger,
  type ObjectiveEvidence,
  objectiveConditions,
  unaccountedCondition,
} from './conditions.ts';
import { readWindows } from './objective-counts.ts';
import { type ObjectiveStatus, ruleWindowsMs, objectiveStatus } from './objective-status.ts';

const maxSamples = 3;
const maxWorst = 5;

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
  | 'counters'
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
  store: Pick<StoreRead, 'counters'>,
  objectives: readonly ScopedObjective[],
  now: number,
): Promise<ReadonlyMap<string, ObjectiveStatus>> {
  const timed = objectives.filter(({ kind }) => kind === 'delivered_within');
  const lengths = [...ruleWindowsMs, ...timed.map(({ windowMs }) => windowMs)];
  const windows = await readWindows(store, timed, lengths, now);
  return new Map(
    timed.map((objective) => [objective.name, objectiveStatus(objective, windows.get(objective.name)!)]),
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
    conditions.push(...objectiveConditions(objective, status, await readEvidence(store, status, now)));
  }
  return conditions;
}

/** Some of what is owed, and its value, at the endpoints that spoiled the most. */
async function readEvidence(
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
