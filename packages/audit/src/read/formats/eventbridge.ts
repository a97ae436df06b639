import { type FormatReader, from } from '../spec.ts';

export const eventbridge: FormatReader = {
  format: 'eventbridge',
  recognizedBy: '`resource_arn, event_id, message_type, message_timestamp_ms`',
  about: 'without a dead letter queue, drops events after 24 h',
  sample: [
    '{"resource_arn":"arn:aws:events:eu-central-1:1:event-bus/pay","event_id":"e1","message_type":"INVOCATION_ATTEMPT_SUCCESS","message_timestamp_ms":1795168860000,"invocation_id":"i1","details":{"target_arn":"arn:aws:events:eu-central-1:1:api-destination/a","detail_type":"payment"}}',
  ],
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
