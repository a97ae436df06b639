import { type FormatReader, from } from '../spec.ts';

/** Jobs of BullMQ as JSON: one for each delivery, with its last state. */
export const bullmq: FormatReader = {
  format: 'bullmq',
  recognizedBy: '`id, name, data, opts.attempts, attemptsMade, timestamp`',
  about:
    'a table of states: one job for each delivery; the id of the event and the URL come from `data`. Queues remove finished jobs (`removeOnComplete`), so what is missing was not necessarily lost',
  sample: [
    '{"id":"1","name":"deliver","data":{"event_id":"evt_1","url":"https://a.example.com/hooks"},"opts":{"attempts":5},"attemptsMade":1,"timestamp":1795168860000,"processedOn":1795168860010,"finishedOn":1795168860120,"returnvalue":{"status":200}}',
  ],
  signs: [['id', 'name', 'attemptsMade', 'timestamp', 'opts.attempts']],
  spec: () => ({
    format: 'bullmq',
    stateTable: true,
    fields: {
      event_id: from('data.event_id', 'data.eventId', 'data.event.id', 'data.id', 'id'),
      delivery_id: from('id'),
      endpoint: from('data.url', 'data.endpoint', 'data.endpoint_id', 'data.endpointId', 'name'),
      accepted_at: from('timestamp'),
      at: from('finishedOn', 'processedOn', 'timestamp'),
      attempt_no: from('attemptsMade'),
      // Only a job that ended has the time of its end; one that failed for the last time has the reason beside it.
      state: {
        ...from('state', 'failedReason', 'finishedOn'),
        sql: "case when regexp_matches(@@, '^\\d{12,}$') then 'completed' when @@ in ('completed', 'waiting', 'delayed', 'active', 'prioritized', 'waiting-children') then replace(@@, 'delayed', 'retrying') else 'failed' end",
      },
      error: from('failedReason'),
      max_attempts: from('opts.attempts'),
      payment_id: from('data.payment_id', 'data.paymentId'),
      amount: { ...from('data.amount_minor'), money: 'minor' },
      currency: from('data.currency'),
    },
    atIs: 'end',
    notes: [],
  }),
};
