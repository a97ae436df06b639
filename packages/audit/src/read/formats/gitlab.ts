import { type FormatReader, from } from '../spec.ts';

/** Events of a GitLab webhook: its API (`GET /projects/:id/hooks/:hook_id/events`), or the table `web_hook_logs`. */
export const gitlab: FormatReader = {
  format: 'gitlab',
  recognizedBy: '`trigger, url, request_headers, response_status, execution_duration, created_at`',
  about:
    'seconds; `id` is that of a row, and the header `Idempotency-Key` joins retries (before GitLab 17.4 `X-Gitlab-Event-UUID`)',
  sample: [
    '{"id":1,"url":"https://a.example.com/hooks","trigger":"push_hooks","request_headers":{"X-Gitlab-Event":"Push Hook","X-Gitlab-Event-UUID":"u1","Idempotency-Key":"k1"},"response_status":"200","execution_duration":0.063,"created_at":"2026-11-20T10:00:00.000Z"}',
  ],
  signs: [
    [
      'trigger',
      'url',
      'request_headers.X-Gitlab-Event',
      'response_status',
      'execution_duration',
      'created_at',
    ],
  ],
  spec: () => ({
    format: 'gitlab',
    fields: {
      event_id: from('request_headers.Idempotency-Key', 'request_headers.X-Gitlab-Event-UUID'),
      endpoint: from('web_hook_id', 'url'),
      at: from('created_at'),
      duration: { ...from('execution_duration'), unit: 's' },
      status_code: from('response_status'),
      error: {
        ...from('internal_error_message', 'response_status'),
        sql: "case when not regexp_matches(@@, '^\\d+$') then @@ end",
      },
      event_type: from('trigger'),
    },
    atIs: 'end',
    notes: ['GitLab keeps the events of some days only, and disables a webhook that fails repeatedly'],
  }),
};
