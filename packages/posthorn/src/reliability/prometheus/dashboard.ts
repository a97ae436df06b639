import { boardFrom, type Dashboard, draft, interval, quantiles, row } from './panels.ts';

const operator = [
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

const ofSlo = '{slo=~"$slo"}';

const objectives = [
  row('How much is left?'),
  draft(
    'bargauge',
    'Error budget left',
    12,
    'percentunit',
    [[`slo:period_error_budget_remaining:ratio${ofSlo}`, '{{slo}} ({{producer}} → {{consumer}})']],
    "Over the objective's whole period; below 0 it is overspent.",
  ),
  draft(
    'timeseries',
    'Error budget over time',
    12,
    'percentunit',
    [[`slo:period_error_budget_remaining:ratio${ofSlo}`, '{{slo}}']],
    'A cliff is an outage, a slope is a leak.',
  ),
  row('How fast is it spent?'),
  draft(
    'timeseries',
    'Burn rate',
    12,
    'none',
    [
      [`slo:current_burn_rate:ratio${ofSlo}`, '{{slo}}, five minutes'],
      [`slo:period_burn_rate:ratio${ofSlo}`, '{{slo}}, whole period'],
    ],
    'A rate of 1 spends the budget exactly by the end of the period. It pages at 14.4 and at 6.',
  ),
  draft('timeseries', 'Late or lost', 12, 'percentunit', [
    [`slo:sli_error:ratio_rate1h${ofSlo}`, '{{slo}}, 1 h'],
    [`slo:sli_error:ratio_rate1d${ofSlo}`, '{{slo}}, 1 d'],
  ]),
  row('Whose is it?'),
  draft(
    'timeseries',
    'Late or lost, by side',
    12,
    'ops',
    [
      [
        `sum by (slo, fault_domain) (rate(posthorn_slo_bad_total${ofSlo}[${interval}]))`,
        '{{slo}}: {{fault_domain}}',
      ],
    ],
    'Each side has its own budget.',
  ),
  draft('timeseries', 'Events past their deadline', 12, 'ops', [
    [`sum by (slo) (rate(posthorn_slo_total${ofSlo}[${interval}]))`, '{{slo}}'],
  ]),
];

/** A series of endpoints, for those of the chosen tenants: the metrics themselves do not name tenants. */
const ofTenant = (expr: string): string =>
  `${expr} * on (endpoint_id) group_left (tenant) max by (endpoint_id, tenant) (posthorn_endpoint_info{tenant=~"$tenant"})`;
const attemptRate = (matcher: string): string =>
  ofTenant(`sum by (endpoint_id, outcome) (rate(posthorn_endpoint_attempts_total${matcher}[${interval}]))`);
const byState = ofTenant('sum by (endpoint_id, state) (posthorn_deliveries)');

const tenants = [
  row('What became of it?'),
  draft(
    'timeseries',
    'Deliveries by state',
    12,
    'none',
    [[`sum by (tenant, state) (${byState})`, '{{tenant}}: {{state}}']],
    'Since the beginning, also what retention has deleted.',
  ),
  draft('timeseries', 'Attempts by outcome', 12, 'ops', [
    [`sum by (tenant, outcome) (${attemptRate('')})`, '{{tenant}}: {{outcome}}'],
  ]),
  draft('timeseries', 'Share of attempts that deliver', 12, 'percentunit', [
    [
      `sum by (tenant) (${attemptRate('{outcome="delivered"}')}) / sum by (tenant) (${attemptRate('')})`,
      '{{tenant}}',
    ],
  ]),
  draft('timeseries', 'Pending', 12, 'none', [
    [
      `sum by (tenant) (${ofTenant('sum by (endpoint_id) (posthorn_deliveries{state="pending"})')})`,
      '{{tenant}}',
    ],
  ]),
  row('Where does it fail?'),
  draft(
    'table',
    'Dead letters',
    24,
    'none',
    [[`sort_desc(${ofTenant('sum by (endpoint_id, error_class) (posthorn_dead_letters)')} > 0)`, '']],
    'By tenant, endpoint and error class.',
  ),
  draft('timeseries', 'Failing endpoints', 24, 'ops', [
    [
      `topk(10, sum by (tenant, endpoint_id) (${attemptRate('{outcome!="delivered"}')}))`,
      '{{tenant}} {{endpoint_id}}',
    ],
  ]),
];

/** By the names of their files. */
export function dashboards(): Readonly<Record<string, Dashboard>> {
  return {
    posthorn: boardFrom({
      uid: 'posthorn',
      title: 'Posthorn',
      description: 'Payment webhooks: what was accepted, what was delivered, and what is owed.',
      drafts: operator,
    }),
    'posthorn-objectives': boardFrom({
      uid: 'posthorn-objectives',
      title: 'Posthorn: objectives',
      description: 'What is left of each error budget, how fast it is spent, and by which side.',
      choices: { slo: 'label_values(slo:objective:ratio, slo)' },
      drafts: objectives,
    }),
    'posthorn-tenants': boardFrom({
      uid: 'posthorn-tenants',
      title: 'Posthorn: tenants',
      description: 'One tenant, or several: deliveries, attempts and failures of their endpoints.',
      choices: { tenant: 'label_values(posthorn_endpoint_info, tenant)' },
      drafts: tenants,
    }),
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
