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

/** What must hold for every Posthorn, whatever its objectives; and an alert for when it is not monitored. */
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
        summary: 'Deliveries are unaccounted, or rows and counters contradict each other',
        description:
          'Two reconciliations in a row found it. Something other than Posthorn has written to the store.',
        next_step: 'posthorn verify lists each one',
      },
    ),
    alert('PosthornOverdue', 'page', 'max(posthorn_overdue_deliveries) > 0', '5m', {
      summary: '{{ $value | humanize }} deliveries are overdue: no node makes their next attempt',
      description: 'A silent drop begins with a pending delivery that is past due.',
      next_step: 'posthorn nodes; look for errors in the log; posthorn deliveries --state pending',
    }),
    alert(
      'PosthornReconcilerSilent',
      'page',
      `time() - max(${reconciled}) > 300\nor absent(${reconciled})`,
      '5m',
      {
        summary: 'The ledger is not being checked',
        description: 'Meanwhile a delivery could be missing without an alert.',
        next_step: 'look for the code reconciliation_failed in the log',
      },
    ),
    alert(
      'PosthornEvaluatorSilent',
      'page',
      `time() - max(${evaluated}) > 120\nor absent(${evaluated})`,
      '5m',
      {
        summary: 'Posthorn does not evaluate its own alert rules',
        description: 'It sends no notifications, whatever happens.',
        next_step: 'look for code evaluation_failed in the log',
      },
    ),
    alert('PosthornAbsent', 'page', 'absent(posthorn_build_info)', '2m', {
      summary: 'No Posthorn is being scraped',
      description: 'It is down, or Prometheus cannot reach it. No other alert of these rules can fire.',
      next_step: 'curl http://<node>:8400/healthz; check the targets in Prometheus',
    }),
    alert('PosthornStoreFault', 'page', 'max(posthorn_store_fault) > 0', null, {
      summary: 'The files of the store are missing, replaced or damaged',
      description:
        'Nothing is accepted any more. What was acknowledged before is in the original files or in a backup.',
      next_step: 'look for code store_fault in the log: it names the file and the next step',
    }),
    alert('PosthornNotReady', 'page', 'posthorn_ready == 0', '2m', {
      summary: '{{ $labels.instance }} does not accept events',
      description:
        'The store refuses writes, or the node is still starting. Nothing that was acknowledged is lost.',
      next_step: 'curl http://{{ $labels.instance }}/readyz; check the disk, or the database',
    }),
    alert('PosthornStoreRefused', 'ticket', 'increase(posthorn_store_failures_total[15m]) > 0.5', null, {
      summary: '{{ $labels.instance }}: the store refused writes',
      description: 'Publishers got 503 meanwhile.',
      next_step: 'look for code store_refuses in the log',
    }),
    alert('PosthornBacklogOld', 'ticket', 'max(posthorn_oldest_due_age_seconds) > 600', '5m', {
      summary: 'A delivery has been due for {{ $value | humanizeDuration }}',
      description: 'An endpoint gets more than it can process, or there are too few nodes.',
      next_step: 'posthorn deliveries --state pending; raise max_in_flight, or add nodes',
    }),
    alert(
      'PosthornEventLoopSlow',
      'ticket',
      'nodejs_eventloop_lag_p99_seconds > 0.5\nand on (instance) posthorn_build_info',
      '10m',
      {
        summary: '{{ $labels.instance }} answers slowly: its event loop lags {{ $value | humanizeDuration }}',
        description: 'The load exceeds one core. Attempts look slower than their receivers are.',
        next_step: 'add a node, or use a faster core for this one',
      },
    ),
    alert('PosthornWatchdog', 'none', 'vector(1)', null, {
      summary: 'Always fires: route it to a service that raises the alarm when it stops',
      description: 'It proves that notifications from Prometheus arrive.',
      next_step: 'none',
    }),
  ],
};

const byClass = 'endpoint_class:posthorn_dead_letters:sum';

/** Dead letters, one alert for each endpoint and error class. */
const deadLetters: RuleGroup = {
  name: 'posthorn-dead-letters',
  interval: '30s',
  rules: [
    { record: byClass, expr: 'sum by (endpoint_id, error_class) (posthorn_dead_letters)' },
    alert('PosthornDeadLetters', 'ticket', `${byClass} > 0 < 1000`, '1m', {
      summary:
        '{{ $value | humanize }} dead letters at {{ $labels.endpoint_id }} ({{ $labels.error_class }})',
      description: 'They are delivered only if an operator redrives them.',
      next_step:
        'fix the receiver, then run: posthorn redrive --endpoint-id {{ $labels.endpoint_id }} --state dead',
    }),
    alert('PosthornManyDeadLetters', 'page', `${byClass} >= 1000`, '1m', {
      summary:
        '{{ $value | humanize }} dead letters at {{ $labels.endpoint_id }} ({{ $labels.error_class }})',
      description: 'They are delivered only if an operator redrives them.',
      next_step:
        'fix the receiver, then run: posthorn redrive --endpoint-id {{ $labels.endpoint_id }} --state dead',
    }),
    alert(
      'PosthornDeadLettersExpire',
      'page',
      'max(posthorn_oldest_dead_letter_age_seconds) / max(posthorn_dead_letter_retention_seconds) > 0.9',
      '5m',
      {
        summary:
          'Dead letters are about to be deleted: the oldest has used {{ $value | humanizePercentage }} of its retention',
        description: 'After that they cannot be redriven.',
        next_step: 'posthorn dead-letters; posthorn redrive, or POSTHORN_DEAD_RETENTION_DAYS',
      },
    ),
    alert(
      'PosthornEndpointDown',
      'ticket',
      'sum by (endpoint_id) (rate(posthorn_endpoint_attempts_total{outcome=~"retry|dead",endpoint_id!="other"}[15m])) > 0\nunless sum by (endpoint_id) (rate(posthorn_endpoint_attempts_total{outcome="delivered"}[15m])) > 0',
      '10m',
      {
        summary: '{{ $labels.endpoint_id }} accepts nothing: every attempt in 15 minutes failed',
        description:
          "Deliveries are retried on their schedule. Let this alert inhibit the endpoint's dead letters.",
        next_step: 'posthorn deliveries --endpoint-id {{ $labels.endpoint_id }} --state pending',
      },
    ),
  ],
};

export const systemRules: readonly RuleGroup[] = [invariants, deadLetters];
