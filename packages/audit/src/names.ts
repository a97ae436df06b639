/** The source of a log. `generic` is any log whose fields are recognized by name or given by a mapping. */
export const formats = [
  'posthorn',
  'svix',
  'convoy',
  'outpost',
  'hookdeck',
  'hook0',
  'stripe',
  'github',
  'gitlab',
  'zendesk',
  'bullmq',
  'eventbridge',
  'sns',
  'envoy',
  'nginx',
  'traefik',
  'caddy',
  'haproxy',
  'alb',
  'generic',
] as const;

export const causes = [
  'retry_race',
  'retry_never_scheduled',
  'counter_reset',
  'client_timeout',
  'restart_loss',
  'defect_onset',
  'endpoint_outage',
  'dns',
  'tls',
  'rate_limited',
  'oversize',
  'poison',
  'acknowledged_unprocessed',
  'unknown',
] as const;

export const verdicts = [
  'delivered',
  'late',
  'given_up',
  'silently_dropped',
  'unresolved',
  'acknowledged_unprocessed',
] as const;

/** Reasons why a log cannot show what became of events. */
export const problemCodes = [
  'unusable_lines',
  'no_success',
  'attempt_numbers_have_holes',
  'worker_lines_missing',
  'successes_may_be_sampled',
  'ids_do_not_join',
  'fan_out_without_endpoint',
  'times_conflict',
  'state_table',
] as const;
