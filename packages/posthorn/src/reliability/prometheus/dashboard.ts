/** A Grafana dashboard (schema version 39) on the metrics and the exported rules. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly [member: string]: unknown;
}

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly instant?: boolean;
  readonly format?: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly [member: string]: unknown;
}

type Kind = 'stat' | 'timeseries' | 'bargauge' | 'table' | 'row';
interface Draft {
  readonly kind: Kind;
  readonly title: string;
  readonly queries: readonly (readonly [expr: string, legend: string])[];
  readonly unit: string;
  readonly width: number;
  readonly description: string;
  /** The value from which it is red; below, it is green. Null: no color. */
  readonly redFrom: number | null;
}

const datasource = { type: 'prometheus', uid: '${datasource}' };
const whole = 24;

const draft = (
  kind: Kind,
  title: string,
  width: number,
  unit: string,
  queries: Draft['queries'],
  description = '',
  redFrom: number | null = null,
): Draft => ({ kind, title, queries, unit, width, description, redFrom });
const row = (title: string): Draft => draft('row', title, whole, 'none', []);

const interval = '$__rate_interval';
const quantiles = (metric: string, of = ''): Draft['queries'] =>
  [0.5, 0.95, 0.99].map((q) => [
    `histogram_quantile(${q}, sum by (le) (rate(${metric}_bucket${of}[${interval}])))`,
    `p${q * 100}`,
  ]);

const drafts: readonly Draft[] = [
  row('Is anything lost?'),
  draft(
    'stat',
    'Unaccounted',
    4,
    'none',
    [['max(posthorn_deliveries_unaccounted)', '']],
    'Accepted, but in no state. Anything but 0 is a page.',
    1,
  ),
  draft(
    'stat',
    'Overdue',
    4,
    'none',
    [['max(posthorn_overdue_deliveries)', '']],
    'Pending and past due, and no node attempts them.',
    1,
  ),
  draft(
    'stat',
    'Dead letters',
    4,
    'none',
    [['sum(posthorn_dead_letters)', '']],
    'They are delivered only if an operator redrives them.',
    1,
  ),
  draft(
    'stat',
    'Oldest due',
    4,
    's',
    [['max(posthorn_oldest_due_age_seconds)', '']],
    'How long the most overdue delivery has waited.',
    600,
  ),
  draft(
    'stat',
    'Ledger checked',
    4,
    's',
    [['time() - max(posthorn_last_reconciliation_timestamp_seconds)', '']],
    'How long ago.',
    300,
  ),
  draft('stat', 'Nodes ready', 4, 'none', [['sum(posthorn_ready)', '']]),
  row('Objectives'),
  draft(
    'bargauge',
    'Error budget left',
    12,
    'percentunit',
    [['slo:period_error_budget_remaining:ratio', '{{slo}} ({{producer}} → {{consumer}})']],
    "Over the objective's whole period.",
  ),
  draft(
    'timeseries',
    'Burn rate',
    12,
    'none',
    [['slo:current_burn_rate:ratio', '{{slo}}']],
    'A rate of 1 spends the budget exactly by the end of the period.',
  ),
  draft('timeseries', 'Late or lost, per hour', 12, 'percentunit', [
    ['slo:sli_error:ratio_rate1h', '{{slo}}'],
  ]),
  draft('timeseries', 'Firing alerts', 12, 'none', [
    ['posthorn_alerts_firing', 'Posthorn: {{severity}}'],
    [
      'count by (severity) (ALERTS{alertname=~"Posthorn.*",alertname!="PosthornWatchdog",alertstate="firing"})',
      'Prometheus: {{severity}}',
    ],
  ]),
  row('Deliveries'),
  draft('timeseries', 'Accepted', 8, 'ops', [
    [`sum(rate(posthorn_events_accepted_total[${interval}]))`, 'events'],
    [`sum(rate(posthorn_deliveries_accepted_total[${interval}]))`, 'deliveries'],
  ]),
  draft('timeseries', 'Attempts by outcome', 8, 'ops', [
    [`sum by (outcome) (rate(posthorn_attempts_total[${interval}]))`, '{{outcome}}'],
  ]),
  draft('timeseries', 'Failures by class', 8, 'ops', [
    [`sum by (error_class) (rate(posthorn_attempts_total{error_class!=""}[${interval}]))`, '{{error_class}}'],
  ]),
  draft('timeseries', 'Accept to delivered', 8, 's', quantiles('posthorn_delivery_latency_seconds')),
  draft('timeseries', 'Attempt duration', 8, 's', quantiles('posthorn_attempt_duration_seconds')),
  draft('timeseries', 'Pending', 8, 'none', [
    ['max(posthorn_pending_deliveries)', 'pending'],
    ['max(posthorn_overdue_deliveries)', 'overdue'],
    ['max(posthorn_late_deliveries)', 'late, total'],
  ]),
  row('Endpoints'),
  draft('timeseries', 'Share of attempts that deliver', 12, 'percentunit', [
    [
      `sum by (endpoint_id) (rate(posthorn_endpoint_attempts_total{outcome="delivered"}[${interval}])) / sum by (endpoint_id) (rate(posthorn_endpoint_attempts_total[${interval}]))`,
      '{{endpoint_id}}',
    ],
  ]),
  draft('timeseries', 'Pending by endpoint', 12, 'none', [
    ['topk(10, sum by (endpoint_id) (posthorn_deliveries{state="pending"}))', '{{endpoint_id}}'],
  ]),
  draft(
    'table',
    'Dead letters',
    24,
    'none',
    [['sort_desc(endpoint_class:posthorn_dead_letters:sum > 0)', '']],
    'By endpoint and error class.',
  ),
  row('Nodes'),
  draft('timeseries', 'Attempts in flight', 6, 'none', [
    ['posthorn_attempts_in_flight', '{{instance}}'],
    ['posthorn_claimed_waiting', '{{instance}} waiting'],
  ]),
  draft(
    'timeseries',
    'Shards owned',
    6,
    'none',
    [['posthorn_shards_owned', '{{instance}}']],
    'They add up to 64.',
  ),
  draft('timeseries', 'Event loop lag, p99', 6, 's', [
    ['nodejs_eventloop_lag_p99_seconds and on (instance) posthorn_build_info', '{{instance}}'],
  ]),
  draft('timeseries', 'Resident memory', 6, 'bytes', [
    ['process_resident_memory_bytes and on (instance) posthorn_build_info', '{{instance}}'],
  ]),
];

const heights: Readonly<Record<Kind, number>> = { row: 1, stat: 4, bargauge: 8, timeseries: 8, table: 8 };

function placePanel(made: Draft, id: number, x: number, y: number): Panel {
  const { kind, title, width, queries, unit, description, redFrom } = made;
  const gridPos = { x, y, w: width, h: heights[kind] };
  if (kind === 'row') return { id, type: 'row', title, gridPos, collapsed: false, panels: [] };
  const steps =
    redFrom === null
      ? [{ color: 'green', value: null }]
      : [
          { color: 'green', value: null },
          { color: 'red', value: redFrom },
        ];
  return {
    id,
    type: kind,
    title,
    description,
    gridPos,
    datasource,
    fieldConfig: { defaults: { unit, thresholds: { mode: 'absolute', steps } }, overrides: [] },
    options: kind === 'timeseries' ? { legend: { displayMode: 'list', placement: 'bottom' } } : {},
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat,
      ...(kind === 'timeseries' ? {} : { instant: true }),
      ...(kind === 'table' ? { format: 'table' } : {}),
    })),
  };
}

/** Panels from left to right; one that does not fit starts a new row. */
function placed(all: readonly Draft[]): Panel[] {
  let x = 0;
  let y = 0;
  let height = 0;
  return all.map((made, index) => {
    if (x + made.width > whole) {
      x = 0;
      y += height;
      height = 0;
    }
    const panel = placePanel(made, index + 1, x, y);
    x += made.width;
    height = Math.max(height, panel.gridPos.h);
    return panel;
  });
}

export function dashboard(): Dashboard {
  return {
    uid: 'posthorn',
    title: 'Posthorn',
    description: 'Payment webhooks: what was accepted, what was delivered, and what is owed.',
    tags: ['posthorn'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [{ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus', hide: 0 }],
    },
    annotations: { list: [] },
    links: [],
    panels: placed(drafts),
  };
}

/** Grafana's file provider for the folder that contains the dashboard. */
export const dashboardProvider = {
  apiVersion: 1,
  providers: [
    {
      name: 'posthorn',
      orgId: 1,
      folder: 'Posthorn',
      type: 'file',
      disableDeletion: true,
      allowUiUpdates: false,
      updateIntervalSeconds: 30,
      options: { path: '/var/lib/grafana/dashboards', foldersFromFilesStructure: false },
    },
  ],
};
