import { type FormatReader, from, type SampleRecord, type Spec } from '../spec.ts';

const has = (sample: readonly SampleRecord[], name: string, of: (text: string) => boolean): boolean =>
  sample.some(({ values }) => of(values.get(name) ?? ''));

/** Steps of an event on a Classic bus, or attempts of the subscribers of a Custom Event Bus. */
function busLog(sample: readonly SampleRecord[]): Spec {
  const isCustom = has(sample, 'message_type', (type) => type === 'EVENT_DELIVERY_ATTEMPT');
  return {
    format: 'eventbridge',
    fields: {
      event_id: from('event_id'),
      endpoint: from(
        'subscriber_arn',
        'details.subscriber_arn',
        'details.target_arn',
        'target_arn',
        'details.target.arn',
        'details.rule_arn',
        ...(isCustom ? ['resource_arn'] : []),
      ),
      delivery_id: from('invocation_id'),
      at: from('message_timestamp_ms'),
      attempt_no: from('details.attempt_count'),
      phase: {
        ...from('message_type'),
        sql: `case
          when @@ = 'EVENT_DELIVERY_ATTEMPT' then null
          when @@ like '%ATTEMPT_START' then 'attempt_started'
          when @@ like '%DLQ%' or @@ like '%PERMANENT_FAILURE' or @@ in ('INVOCATION_FAILURE', 'EVENT_DROPPED') then 'exhausted'
          when @@ not like 'INVOCATION%' then 'accepted'
          when @@ like '%RETRYABLE_FAILURE' or @@ like '%TIMEOUT%' then 'attempt_failed'
          when @@ like '%THROTTLE%' then 'attempt_failed'
          when @@ like '%ATTEMPT_SUCCESS' then 'attempt_succeeded'
          ${
            // If attempts are logged, the success of the invocation repeats that of its attempt.
            has(sample, 'message_type', (type) => type === 'INVOCATION_ATTEMPT_SUCCESS')
              ? ''
              : "when @@ like '%SUCCESS' then 'attempt_succeeded'"
          }
          else 'accepted' end`,
      },
      outcome: from('details.outcome'),
      status_code: {
        ...from('error.http_status_code', 'details.http_status_code', 'details.http_status'),
        sql: '@@',
      },
      error: from('error.error_message', 'error.error_code'),
      event_type: from('details.detail_type', 'detail_type'),
    },
    atIs: 'end',
    sender: isCustom
      ? { horizonMs: customBus.maxAgeMs, maxAttempts: customBus.maxAttempts }
      : { horizonMs: 24 * 3_600_000 },
    notes: isCustom
      ? [
          'a Custom Event Bus drops after 5 retries or 300 s, if its subscriber does not say otherwise: --horizon says more',
        ]
      : [
          'EventBridge without a dead letter queue drops after 24 h or 185 tries',
          ...(has(sample, 'message_type', (type) => type.endsWith('ATTEMPT_START'))
            ? []
            : ['the log level hides the start of attempts']),
        ],
  };
}

/** The default retry policy of a subscriber: five retries, or 300 s. */
const customBus = { maxAttempts: 6, maxAgeMs: 300_000 };

/** Records of a subscriber's dead letter queue: each has the events of one batch, all given up. */
const deadLetters: Spec = {
  format: 'eventbridge',
  unnest: ['failedMessages'],
  fields: {
    event_id: from('failedMessages.eventId'),
    endpoint: from('subscriberArn', 'targetArn'),
    at: from('failedMessages.timestamp'),
    phase: { ...from('targetArn'), sql: "'exhausted'" },
    error: from('errorMessage', 'errorCode'),
  },
  atIs: 'end',
  sender: { retries: false, horizonMs: 0, failureIsFinal: true },
  notes: ['a dead letter queue has only what was given up: what was delivered is not in it'],
};

export const eventbridge: FormatReader = {
  format: 'eventbridge',
  recognizedBy:
    '`resource_arn, event_id, message_type, message_timestamp_ms`; dead letters of a Custom Event Bus: `subscriberArn, targetArn, errorCode, retryAttempts`, `failedMessages[]`',
  about:
    'without a dead letter queue, a Classic bus drops events after 24 h, and a Custom Event Bus after 5 retries or 300 s (`EVENT_DELIVERY_ATTEMPT`, with the log level `INFO`); dead letters are given up',
  sample: [
    '{"resource_arn":"arn:aws:events:eu-central-1:1:event-bus/pay","event_id":"e1","message_type":"INVOCATION_ATTEMPT_SUCCESS","message_timestamp_ms":1795168860000,"invocation_id":"i1","details":{"target_arn":"arn:aws:events:eu-central-1:1:api-destination/a","detail_type":"payment"}}',
  ],
  signs: [
    ['resource_arn', 'event_id', 'message_type', 'message_timestamp_ms'],
    ['subscriberArn', 'targetArn', 'errorCode', 'retryAttempts', 'failedMessages[].eventId'],
  ],
  spec: (sample) =>
    sample.some(({ values }) => values.has('failedMessages[].eventId')) ? deadLetters : busLog(sample),
};
