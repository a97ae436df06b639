import { type FormatReader, from } from '../spec.ts';

/** Attempts of Hookdeck's API, as `GET /attempts` answers. */
export const hookdeck: FormatReader = {
  format: 'hookdeck',
  recognizedBy: '`event_id, destination_id, response_status, attempt_number, trigger, requested_url`',
  about: 'attempts of its API, in pages (`models`)',
  sample: [
    '{"id":"atm_1","team_id":"tm","event_id":"evt_1","destination_id":"des_1","response_status":200,"attempt_number":1,"trigger":"INITIAL","error_code":null,"status":"SUCCESSFUL","requested_url":"https://a.example.com/hooks","http_method":"POST","delivered_at":"2026-11-20T10:00:00.000Z","responded_at":"2026-11-20T10:00:00.041Z","created_at":"2026-11-20T10:00:00.000Z"}',
  ],
  signs: [
    ['event_id', 'destination_id', 'response_status', 'attempt_number', 'trigger', 'status', 'requested_url'],
  ],
  spec: () => ({
    format: 'hookdeck',
    fields: {
      event_id: from('event_id'),
      endpoint: from('destination_id'),
      attempt_no: from('attempt_number'),
      started_at: from('delivered_at', 'created_at'),
      ended_at: from('responded_at'),
      at: from('created_at'),
      outcome: { ...from('status'), sql: "case upper(@@) when 'HOLD' then 'queued' else @@ end" },
      status_code: from('response_status'),
      error: from('error_code'),
    },
    atIs: 'end',
    notes: ['"trigger" is not used: a manual attempt counts like any other'],
  }),
};
