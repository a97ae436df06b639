import { type FormatReader, from } from '../spec.ts';

/** Request attempts of Hook0's API. */
export const hook0: FormatReader = {
  format: 'hook0',
  recognizedBy: '`request_attempt_id, event_id, subscription.subscription_id, picked_at, retry_count`',
  about:
    'each attempt is a row; `retry_count` 0 is the first. `delay_until` belongs to the row of the retry itself and is not a promise of another one',
  sample: [
    '{"request_attempt_id":"0190-0","event_id":"evt_1","subscription":{"subscription_id":"sub_1","description":""},"created_at":"2026-11-20T10:00:00.000Z","picked_at":"2026-11-20T10:00:00.003Z","succeeded_at":"2026-11-20T10:00:00.044Z","failed_at":null,"delay_until":null,"retry_count":0,"status":{"type":"successful","at":"2026-11-20T10:00:00.044Z"},"http_response_status":200}',
  ],
  signs: [['request_attempt_id', 'event_id', 'subscription.subscription_id', 'created_at', 'retry_count']],
  spec: () => ({
    format: 'hook0',
    fields: {
      event_id: from('event_id'),
      endpoint: from('subscription.subscription_id'),
      attempt_no: { ...from('retry_count'), sql: 'cast(try_cast(@@ as integer) + 1 as varchar)' },
      started_at: from('picked_at'),
      ended_at: from('succeeded_at', 'failed_at'),
      at: from('succeeded_at', 'failed_at', 'picked_at', 'created_at'),
      outcome: {
        ...from('status.type'),
        sql: "case lower(@@) when 'successful' then 'success' when 'failed' then 'failure' else 'pending' end",
      },
      status_code: from('http_response_status'),
    },
    atIs: 'end',
    notes: [],
  }),
};
