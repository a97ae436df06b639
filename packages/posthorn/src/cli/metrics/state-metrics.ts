import { isCoordinator } from '../../domain/shard.ts';
import type { EngineStatus } from '../../engine/port.ts';
import type { Reconciliation } from '../../ledger/reconciler.ts';
import type { Registry, Values } from './registry.ts';
import type { StoreSample } from './store-sample.ts';

export interface State {
  readonly status: EngineStatus | null;
  readonly sample: StoreSample | null;
  readonly ledger: { readonly result: Reconciliation; readonly at: number } | null;
  readonly alerts: { readonly page: number; readonly ticket: number; readonly at: number } | null;
  readonly now: number;
}

const states = ['pending', 'delivered', 'dead', 'cancelled', 'suppressed'] as const;

type Gauge = <L extends string = never>(name: string, help: string, labels?: readonly L[]) => Values<L>;

function put(values: Values, value: number | null | undefined): void {
  if (value === null || value === undefined) values.clear();
  else values.at({}).value = value;
}

/**
 * Gauges of the current state. The coordinator exposes what is true of the whole system; on other nodes these series
 * are missing, not 0, so that a previous coordinator contradicts no other node.
 */
export function stateMetrics(
  registry: Registry,
  endpointLabel: (id: string) => string,
): (state: State) => void {
  const gauge: Gauge = (name, help, labels = []) => registry.gauge({ name, help, labels });
  const showNode = nodeMetrics(gauge);
  const showLedger = ledgerMetrics(gauge, endpointLabel);
  const showAlerts = alertMetrics(gauge);
  const showWhole = wholeMetrics(gauge, endpointLabel);
  return (state) => {
    const { status, sample, ledger, alerts, now } = state;
    showNode(state);
    const speaks = status !== null && isCoordinator(status.shards);
    showLedger(speaks ? ledger : null);
    showAlerts(speaks ? alerts : null);
    showWhole(speaks ? (sample?.whole ?? null) : null, now);
  };
}

/** What this node does. */
function nodeMetrics(gauge: Gauge): (state: State) => void {
  const ready = gauge('posthorn_ready', '1 if this node accepts and delivers, as in /readyz');
  const storeFault = gauge(
    'posthorn_store_fault',
    '1 if the files of the store are missing, replaced or damaged: an operator has to act',
  );
  const inFlight = gauge('posthorn_attempts_in_flight', 'Attempts in flight');
  const buffered = gauge('posthorn_claimed_waiting', 'Deliveries claimed ahead and waiting in memory');
  const lanes = gauge('posthorn_lanes', 'Endpoints that this node knows');
  const shards = gauge('posthorn_shards_owned', 'Shards that this node owns, of 64');
  const oldestDue = gauge(
    'posthorn_oldest_due_age_seconds',
    'How long the most overdue delivery of this node has been due; 0 if none is',
  );
  return ({ status, sample, now }) => {
    put(ready, status === null ? 0 : Number(status.ready));
    put(storeFault, Number((status?.storeFault ?? null) !== null));
    put(inFlight, status?.inFlight ?? 0);
    put(buffered, status?.buffered ?? 0);
    put(lanes, status?.lanes ?? 0);
    put(shards, status?.shards.length ?? 0);
    put(
      oldestDue,
      sample === null ? null : sample.oldestDueAt === null ? 0 : Math.max(0, now - sample.oldestDueAt) / 1000,
    );
  };
}

/** The last reconciliation. */
function ledgerMetrics(
  gauge: Gauge,
  endpointLabel: (id: string) => string,
): (ledger: State['ledger']) => void {
  const unaccounted = gauge(
    'posthorn_deliveries_unaccounted',
    'Unaccounted deliveries at the last reconciliation: anything but 0 is a page',
  );
  const unbalanced = gauge(
    'posthorn_ledger_unbalanced',
    '1 if the last reconciliation found unaccounted deliveries, or rows and counters that contradict each other',
  );
  const reconciled = gauge(
    'posthorn_last_reconciliation_timestamp_seconds',
    'When the ledger was last checked',
  );
  const deliveries = gauge(
    'posthorn_deliveries',
    'Deliveries by endpoint and state, from the accepted to the pruned, at the last reconciliation',
    ['endpoint_id', 'state'],
  );
  const endpoints = gauge('posthorn_endpoint_info', 'Always 1: the tenant of an endpoint', [
    'endpoint_id',
    'tenant',
  ]);
  return (ledger) => {
    put(unaccounted, ledger?.result.unaccounted);
    put(unbalanced, ledger === null ? null : Number(!ledger.result.balanced));
    put(reconciled, ledger === null ? null : ledger.at / 1000);
    deliveries.clear();
    endpoints.clear();
    for (const row of ledger?.result.rows ?? []) {
      const label = endpointLabel(row.endpointId);
      // Those that share a label may belong to several tenants.
      if (label === row.endpointId) endpoints.at({ endpoint_id: label, tenant: row.tenant }).value = 1;
      for (const state of states) deliveries.at({ endpoint_id: label, state }).value += row[state];
    }
  };
}

/** The last evaluation of the alert rules. */
function alertMetrics(gauge: Gauge): (alerts: State['alerts']) => void {
  const evaluated = gauge(
    'posthorn_last_evaluation_timestamp_seconds',
    'When the alert rules were last evaluated',
  );
  const firing = gauge('posthorn_alerts_firing', 'Firing alerts of Posthorn itself, by severity', [
    'severity',
  ]);
  return (alerts) => {
    put(evaluated, alerts === null ? null : alerts.at / 1000);
    firing.clear();
    if (alerts !== null)
      for (const severity of ['page', 'ticket'] as const) firing.at({ severity }).value = alerts[severity];
  };
}

/** What the store holds, for all nodes. */
function wholeMetrics(
  gauge: Gauge,
  endpointLabel: (id: string) => string,
): (whole: StoreSample['whole'], now: number) => void {
  const pending = gauge('posthorn_pending_deliveries', 'Pending deliveries');
  const overdue = gauge(
    'posthorn_overdue_deliveries',
    'Pending deliveries that are past due by more than the allowed delay and have not been attempted',
  );
  const late = gauge(
    'posthorn_late_deliveries',
    'Deliveries after their deadline, or past it and still pending',
  );
  const deadLetters = gauge('posthorn_dead_letters', 'Dead letters by endpoint and error class', [
    'endpoint_id',
    'error_class',
  ]);
  const oldestDead = gauge('posthorn_oldest_dead_letter_age_seconds', 'Age of the oldest dead letter');
  const nodes = gauge('posthorn_nodes', 'Live nodes that share the database');
  return (whole, now) => {
    put(pending, whole?.pending);
    put(overdue, whole?.overdue);
    put(late, whole?.late);
    put(nodes, whole?.nodes);
    deadLetters.clear();
    for (const { endpointId, errorClass, count } of whole?.deadLetters ?? [])
      deadLetters.at({ endpoint_id: endpointLabel(endpointId), error_class: errorClass ?? '' }).value +=
        count;
    const oldest = whole?.deadLetters.reduce((least, { oldestAt }) => Math.min(least, oldestAt), now);
    put(oldestDead, oldest === undefined ? null : (now - oldest) / 1000);
  };
}
