import { type FormatReader, from } from '../spec.ts';

export const svix: FormatReader = {
  format: 'svix',
  recognizedBy: '`msgId, endpointId, timestamp, responseStatusCode, status`',
  about: 'no attempt numbers: ordered by time; `message.attempt.exhausted` is a give-up',
  sample: [
    '{"id":"atmpt_1","msgId":"msg_1","endpointId":"ep_1","timestamp":"2026-11-20T10:00:00.000Z","responseStatusCode":200,"responseDurationMs":41,"status":0,"response":""}',
  ],
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
        sql: "case lower(@@) when '0' then 'success' when '1' then 'retry' when '2' then 'failure' when '3' then 'sending' when '4' then 'canceled' else @@ end",
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
