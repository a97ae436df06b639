import { type FormatReader, from } from '../spec.ts';

/** Attempts of Outpost's API, as `GET /attempts` answers. */
export const outpost: FormatReader = {
  format: 'outpost',
  recognizedBy: '`event_id, destination_id, status, time, code, attempt_number`',
  about: 'attempts of its API, in pages (`models`); the log does not say when it gives up',
  sample: [
    '{"id":"atm_1","tenant_id":"t","event_id":"evt_1","destination_id":"des_1","destination_type":"webhook","status":"success","time":"2026-11-20T10:00:00.000Z","code":"200","attempt_number":1,"manual":false}',
  ],
  signs: [['event_id', 'destination_id', 'status', 'time', 'code', 'attempt_number', 'manual']],
  spec: () => ({
    format: 'outpost',
    fields: {
      event_id: from('event_id'),
      tenant: from('tenant_id'),
      endpoint: from('destination_id'),
      event_type: from('topic', 'event.topic'),
      attempt_no: from('attempt_number'),
      at: from('time', 'delivered_at'),
      outcome: from('status'),
      status_code: from('code'),
      error: { ...from('code'), sql: "case when not regexp_matches(@@, '^\\d+$') then @@ end" },
    },
    atIs: 'end',
    notes: [],
  }),
};
