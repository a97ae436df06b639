import { type FormatReader, from } from '../spec.ts';

// Logs of senders and hosted services, with the names from their documentation.

/** JSON lines of `posthorn deliveries --attempts --json`: one delivery per line, with its attempts. */
export const posthorn: FormatReader = {
  format: 'posthorn',
  signs: [
    ['event_id', 'endpoint_id', 'state', 'created_at', 'event_type', 'tenant', 'attempts[].n'],
    ['event_id', 'endpoint_id', 'state', 'created_at', 'event_type', 'tenant', 'due_at'],
  ],
  spec: () => ({
    format: 'posthorn',
    unnest: ['attempts'],
    fields: {
      event_id: from('event_id'),
      delivery_id: from('id'),
      tenant: from('tenant'),
      endpoint: from('endpoint_id'),
      event_type: from('event_type'),
      accepted_at: from('created_at'),
      at: from('settled_at', 'created_at'),
      attempt_no: from('attempts.n'),
      started_at: from('attempts.started_at'),
      duration: { ...from('attempts.duration_ms'), unit: 'ms' },
      status_code: from('attempts.status_code'),
      outcome: { ...from('attempts.outcome'), sql: "case @@ when 'dead' then 'failed' else @@ end" },
      error: from('attempts.error_class'),
      worker: from('attempts.node'),
      state: {
        ...from('state'),
        // Suppressed and cancelled deliveries are recorded with a reason, so they are not silent.
        sql: "case @@ when 'pending' then 'retrying' else @@ end",
      },
      next_retry_at: from('due_at'),
      amount: { ...from('value.amount_minor'), money: 'minor' },
      currency: from('value.currency'),
      payment_id: from('payment_id'),
    },
    atIs: 'end',
    notes: [],
  }),
};

export const svix: FormatReader = {
  format: 'svix',
  signs: [
    ['msgId', 'endpointId', 'timestamp', 'responseStatusCode', 'status'],
    ['type', 'data.msgId', 'data.endpointId', 'data.appId', 'data.lastAttempt.timestamp'],
  ],
  spec: () => ({
    format: 'svix',
    fields: {
      event_id: from('msgId', 'data.msgId'),
      endpoint: from('endpointId', 'data.endpointId'),
      started_at: from('timestamp', 'data.lastAttempt.timestamp'),
      duration: { ...from('responseDurationMs'), unit: 'ms' },
      status_code: from('responseStatusCode', 'data.lastAttempt.responseStatusCode'),
      outcome: {
        ...from('status'),
        sql: "case lower(@@) when '0' then 'success' when '1' then 'retry' when '2' then 'failure' when '3' then 'sending' else @@ end",
      },
      phase: { ...from('type'), sql: "case when @@ = 'message.attempt.exhausted' then 'exhausted' end" },
      error: from('response', 'data.lastAttempt.response'),
      tenant: from('appId', 'data.appId'),
      event_type: from('msg.eventType', 'eventType'),
    },
    atIs: 'start',
    sender: { timeoutMs: 15_000, horizonMs: 10 * 3_600_000, maxAttempts: 8 },
    notes: ['Svix gives no attempt numbers: attempts are ordered by time'],
  }),
};

export const convoy: FormatReader = {
  format: 'convoy',
  signs: [
    ['uid', 'event_id', 'endpoint_id', 'status', 'metadata.num_trials'],
    ['uid', 'event_id', 'endpoint_id', 'status', 'latency_seconds'],
    ['uid', 'msg_id', 'http_status', 'status', 'requested_at'],
    ['uid', 'msg_id', 'http_status', 'requested_at', 'responded_at'],
  ],
  spec: () => ({
    format: 'convoy',
    joinBy: 'delivery_id',
    fields: {
      // An attempt's msg_id is its delivery's uid; only the delivery knows the event.
      delivery_id: from('msg_id', 'uid'),
      event_id: from('event_id'),
      endpoint: from('endpoint_id'),
      tenant: from('project_id'),
      accepted_at: from('acknowledged_at'),
      at: from('updated_at', 'created_at'),
      started_at: from('requested_at'),
      ended_at: from('responded_at'),
      state: {
        ...from('status'),
        sql: "case lower(@@) when 'true' then null when 'false' then null when 'failure' then 'exhausted' else @@ end",
      },
      outcome: {
        ...from('status'),
        sql: "case lower(@@) when 'true' then 'success' when 'false' then 'failure' end",
      },
      status_code: { ...from('http_status', 'http_status_code'), sql: "regexp_extract(@@, '\\d{3}')" },
      error: from('error', 'description'),
      next_retry_at: from('metadata.next_send_time'),
      max_attempts: { ...from('metadata.retry_limit'), sql: 'cast(try_cast(@@ as integer) + 1 as varchar)' },
      event_type: from('event_type', 'event_metadata.event_type'),
    },
    atIs: 'end',
    notes: ['attempts are joined to deliveries by msg_id = uid'],
  }),
};

export const github: FormatReader = {
  format: 'github',
  signs: [['id', 'guid', 'delivered_at', 'redelivery', 'status_code', 'event']],
  spec: () => ({
    format: 'github',
    fields: {
      event_id: from('guid'),
      endpoint: from('hook_id', 'url', 'target_url', 'request.url'),
      started_at: from('delivered_at'),
      duration: { ...from('duration'), unit: 's' },
      status_code: from('status_code'),
      outcome: from('status'),
      error: from('status'),
      event_type: from('event'),
      tenant: from('repository_id', 'installation_id'),
    },
    atIs: 'start',
    sender: { retries: false, horizonMs: 0 },
    notes: ['GitHub never redelivers by itself: what failed is lost unless the same guid succeeds later'],
  }),
};

export const sns: FormatReader = {
  format: 'sns',
  signs: [['notification.messageId', 'notification.topicArn', 'delivery.destination', 'status']],
  spec: () => ({
    format: 'sns',
    fields: {
      event_id: from('notification.messageId'),
      endpoint: from('delivery.destination'),
      accepted_at: from('notification.timestamp'),
      at: from('notification.timestamp'),
      duration: { ...from('delivery.dwellTimeMs'), unit: 'ms' },
      attempt_no: from('delivery.attempts'),
      status_code: from('delivery.statusCode'),
      outcome: {
        ...from('status'),
        sql: "case upper(@@) when 'FAILURE' then 'permanent_failure' else @@ end",
      },
      error: from('delivery.providerResponse'),
      event_type: from('notification.topicArn'),
    },
    atIs: 'start',
    // A delivery has one line at its end, and AWS limits retries over HTTP to one hour in total.
    sender: { retries: false, horizonMs: 3_600_000, failureIsFinal: true, sampled: true },
    notes: [
      'one line a delivery, written at its end, with the number of its attempts',
      'SNS logs a sample of the successes (0 to 100%): an event without a line is not necessarily dropped',
    ],
  }),
};

export const eventbridge: FormatReader = {
  format: 'eventbridge',
  signs: [['resource_arn', 'event_id', 'message_type', 'message_timestamp_ms']],
  spec: (sample) => ({
    format: 'eventbridge',
    fields: {
      event_id: from('event_id'),
      endpoint: from('details.target_arn', 'target_arn', 'details.target.arn', 'details.rule_arn'),
      delivery_id: from('invocation_id'),
      at: from('message_timestamp_ms'),
      phase: {
        ...from('message_type'),
        sql: `case
          when @@ like '%ATTEMPT_START' then 'attempt_started'
          when @@ like '%DLQ%' or @@ like '%PERMANENT_FAILURE' or @@ in ('INVOCATION_FAILURE', 'EVENT_DROPPED') then 'exhausted'
          when @@ not like 'INVOCATION%' then 'accepted'
          when @@ like '%RETRYABLE_FAILURE' or @@ like '%TIMEOUT%' then 'attempt_failed'
          when @@ like '%THROTTLE%' then 'attempt_failed'
          when @@ like '%ATTEMPT_SUCCESS' then 'attempt_succeeded'
          ${
            // If attempts are logged, the success of the invocation repeats that of its attempt.
            sample.some(({ values }) => values.get('message_type') === 'INVOCATION_ATTEMPT_SUCCESS')
              ? ''
              : "when @@ like '%SUCCESS' then 'attempt_succeeded'"
          }
          else 'accepted' end`,
      },
      status_code: { ...from('error.http_status_code', 'details.http_status_code'), sql: '@@' },
      error: from('error.error_message', 'error.error_code'),
      event_type: from('details.detail_type', 'detail_type'),
    },
    atIs: 'end',
    sender: { horizonMs: 24 * 3_600_000 },
    notes: [
      'EventBridge without a dead letter queue drops after 24 h or 185 tries',
      ...(sample.some(({ values }) => values.get('message_type')?.endsWith('ATTEMPT_START') === true)
        ? []
        : ['the log level hides the start of attempts']),
    ],
  }),
};
