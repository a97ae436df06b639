import { type FormatReader, from } from '../spec.ts';

export const convoy: FormatReader = {
  format: 'convoy',
  recognizedBy: 'deliveries `uid, event_id, endpoint_id, status`; attempts `uid, msg_id, http_status`',
  about: 'give both files: joined by `msg_id` = `uid`',
  sample: [
    '{"uid":"dlv_1","event_id":"evt_1","endpoint_id":"ep_1","status":"Success","created_at":"2026-11-20T10:00:00Z","updated_at":"2026-11-20T10:00:01Z","latency_seconds":0.04,"metadata":{"num_trials":1,"retry_limit":3}}',
  ],
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
