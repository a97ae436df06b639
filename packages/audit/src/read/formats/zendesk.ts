import { type FormatReader, from } from '../spec.ts';

/** Invocation attempts of a Zendesk webhook. */
export const zendesk: FormatReader = {
  format: 'zendesk',
  recognizedBy: '`id, invocation_id, status, response.status, completed_at`',
  about: 'the attempts of invocations: `id` is that of an attempt, `invocation_id` joins them',
  sample: [
    '{"id":"01F5C5","invocation_id":"01GB65","status":"success","response":{"status":200},"invoked_at":"2026-11-20T10:00:00Z","completed_at":"2026-11-20T10:00:01Z"}',
  ],
  signs: [['id', 'invocation_id', 'status', 'response.status', 'completed_at']],
  spec: () => ({
    format: 'zendesk',
    fields: {
      event_id: from('invocation_id'),
      endpoint: from('webhook_id', 'request.endpoint', 'request.url'),
      started_at: from('invoked_at', 'started_at'),
      ended_at: from('completed_at'),
      outcome: from('status'),
      status_code: from('response.status'),
      error: from('error', 'failure_reason'),
      event_type: from('event_type'),
    },
    atIs: 'end',
    notes: [],
  }),
};
