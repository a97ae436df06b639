import type { AlertingRule, RuleGroup } from './rule-file.ts';

function alert(
  name: string,
  severity: 'page' | 'ticket' | 'none',
  expr: string,
  wait: string | null,
  annotations: { summary: string; description: string; next_step: string },
): AlertingRule {
  return {
    alert: name,
    expr,
    ...(wait === null ? {} : { for: wait }),
    labels: { severity },
    annotations,
  };
}

const reconciled = 'posthorn_last_reconciliation_timestamp_seconds';
const evaluated = 'posthorn_last_evaluation_timestamp_seconds';

/** What must hold of every Posthorn, whatever its objectives; and what says that nobody is looking. */
const invariants: RuleGroup = {
  name: 'posthorn-invariants',
  interval: '30s',
  rules: [
    alert(
      'PosthornUnaccounted',
      'page',
      'max(posthorn_deliveries_unaccounted) > 0\nor max(posthorn_ledger_unbalanced) > 0',
      '2m',
      {
        summary: 'Deliveries are unaccounted for, or rows and counters contradict each other',
        description:
          'Two reconciliations in a row found it. Somebody or something has written past Posthorn.',
        next_step: 'posthorn verify names every one',
      },
    ),
    alert('PosthornOverdue', 'page', 'max(posthorn_overdue_deliveries) > 0', '5m', {
      summary: '{{ $value | humanize }} deliveries are overdue: nobody makes their next attempt',
      description: 'A pending delivery whose time has passed is where a silent drop begins.',
      next_step: 'posthorn nodes; look for errors in the log; posthorn deliveries --state pending',
    }),
    alert(
      'PosthornReconcilerSilent',
      'page',
      `time() - max(${reconciled}) > 300\nor absent(${reconciled})`,
      '5m',
      {
        summary: 'The books are not being checked',
        description: 'As long as that is so, a delivery could be missing and nobody would know.',
        next_step: "look for 'reconciliation failed' in the log",
      },
    ),
    alert(
      'PosthornEvaluatorSilent',
      'page',
      `time() - max(${evaluated}) > 120\nor absent(${evaluated})`,
      '5m',
      {
        summary: 'Posthorn does not judge its own alert rules',
        description: 'Its channels will stay quiet, whatever happens.',
        next_step: 'look for code evaluation_failed in the log',
      },
    ),
    alert('PosthornAbsent', 'page', 'absent(posthorn_build_info)', '2m', {
      summary: 'No Posthorn is being scraped',
      description: 'It is down, or Prometheus cannot reach it. No other alert of these rules can fire.',
      next_step: 'curl http://<node>:8400/healthz; look at the targets of Prometheus',
    }),
    alert('PosthornStoreFault', 'page', 'max(posthorn_store_fault) > 0', null, {
      summary: 'The files of the store are missing, replaced or damaged',
      description:
        'Nothing is accepted any more. What was acknowledged before is in the original files or in a backup.',
      next_step: "look for the code 'store_fault' in the log: it names the file and the next step",
    }),
    alert('PosthornNotReady', 'page', 'posthorn_ready == 0', '2m', {
      summary: '{{ $labels.instance }} does not accept events',
      description:
        'The store refuses writes, or the node is still starting. Nothing was acknowledged and lost.',
      next_step: 'curl http://{{ $labels.instance }}/readyz; look at the disk, or at the database',
    }),
    alert('PosthornStoreRefused', 'ticket', 'increase(posthorn_store_failures_total[15m]) > 0.5', null, {
      summary: '{{ $labels.instance }}: the store refused writes',
      description: 'Publishers got 503 meanwhile.',
      next_step: 'look for code store_refuses in the log',
    }),
    alert('PosthornBacklogOld', 'ticket', 'max(posthorn_oldest_due_age_seconds) > 600', '5m', {
      summary: 'A delivery has been due for {{ $value | humanizeDuration }}',
      description: 'An endpoint gets more than it takes, or there are too few nodes.',
      next_step: 'posthorn deliveries --state pending; raise max_in_flight, or add nodes',
    }),
    alert(
      'PosthornEventLoopSlow',
      'ticket',
      'nodejs_eventloop_lag_p99_seconds > 0.5\nand on (instance) posthorn_build_info',
      '10m',
      {
        summary: '{{ $labels.instance }} answers late: its event loop lags {{ $value | humanizeDuration }}',
        description: 'More work than one core does. Attempts look slower than their receivers are.',
        next_step: 'add a node, or give this one a faster core',
      },
    ),
    alert('PosthornWatchdog', 'none', 'vector(1)', null, {
      summary: 'Always fires: route it to a service that raises the alarm where it stops',
      description: 'It proves the way from Prometheus to whoever is told.',
      next_step: 'none',
    }),
  ],
};

const byClass = 'endpoint_class:posthorn_dead_letters:sum';

/** Dead letters, one alert for each endpoint and class of failure. */
const deadLetters: RuleGroup = {
  name: 'posthorn-dead-letters',
  interval: '30s',
  rules: [
    { record: byClass, expr: 'sum by (endpoint_id, error_class) (posthorn_dead_letters)' },
    alert('PosthornDeadLetters', 'ticket', `${byClass} > 0 < 1000`, '1m', {
      summary:
        '{{ $value | humanize }} dead letters at {{ $labels.endpoint_id }} ({{ $labels.error_class }})',
      description: 'They arrive only if somebody redrives them.',
      next_step:
        'mend the receiver, then: posthorn redrive --endpoint-id {{ $labels.endpoint_id }} --state dead',
    }),
    alert('PosthornManyDeadLetters', 'page', `${byClass} >= 1000`, '1m', {
      summary:
        '{{ $value | humanize }} dead letters at {{ $labels.endpoint_id }} ({{ $labels.error_class }})',
      description: 'They arrive only if somebody redrives them.',
      next_step:
        'mend the receiver, then: posthorn redrive --endpoint-id {{ $labels.endpoint_id }} --state dead',
    }),
    alert(
      'PosthornDeadLettersExpire',
      'page',
      'max(posthorn_oldest_dead_letter_age_seconds) / max(posthorn_dead_letter_retention_seconds) > 0.9',
      '5m',
      {
        summary:
          'Dead letters are about to be deleted: the oldest has used {{ $value | humanizePercentage }} of its retention',
        description: 'After that nobody can redrive it.',
        next_step: 'posthorn dead-letters; posthorn redrive, or POSTHORN_DEAD_RETENTION_DAYS',
      },
    ),
    alert(
      'PosthornEndpointDown',
      'ticket',
      'sum by (endpoint_id) (rate(posthorn_endpoint_attempts_total{outcome=~"retry|dead",endpoint_id!="other"}[15m])) > 0\nunless sum by (endpoint_id) (rate(posthorn_endpoint_attempts_total{outcome="delivered"}[15m])) > 0',
      '10m',
      {
        summary: '{{ $labels.endpoint_id }} takes nothing: every attempt of 15 minutes failed',
        description:
          "Deliveries are retried on their schedule. Let this alert inhibit the endpoint's dead letters.",
        next_step: 'posthorn deliveries --endpoint-id {{ $labels.endpoint_id }} --state pending',
      },
    ),
  ],
};

export const systemRules: readonly RuleGroup[] = [invariants, deadLetters];
