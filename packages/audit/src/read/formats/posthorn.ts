import { type FormatReader, from } from '../spec.ts';

/** JSON lines of `posthorn deliveries --attempts --json`: one delivery per line, with its attempts. */
export const posthorn: FormatReader = {
  format: 'posthorn',
  recognizedBy: '`event_id, endpoint_id, state, created_at, event_type, tenant`, `attempts[]`',
  about: 'the deliveries of `GET /v1/deliveries/{id}`, one per line',
  sample: [
    '{"id":"del_1","event_id":"evt_1","endpoint_id":"ep_1","state":"delivered","created_at":"2026-11-20T10:00:00.000Z","settled_at":"2026-11-20T10:00:00.120Z","event_type":"payment.succeeded","tenant":"t","attempts":[{"n":1,"started_at":"2026-11-20T10:00:00.010Z","duration_ms":110,"status_code":200,"outcome":"delivered","node":"a"}]}',
  ],
  signs: [
    ['event_id', 'endpoint_id', 'state', 'created_at', 'event_type', 'tenant', 'attempts[].n'],
    ['event_id', 'endpoint_id', 'state', 'created_at', 'event_type', 'tenant', 'due_at'],
  ],
  spec: () => ({
    format: 'posthorn',
    unnest: ['attempts'],
    fields: {
      event_id: from('event_id'),
      delivery_id: from('id'),
      tenant: from('tenant'),
      endpoint: from('endpoint_id'),
      event_type: from('event_type'),
      accepted_at: from('created_at'),
      at: from('settled_at', 'created_at'),
      attempt_no: from('attempts.n'),
      started_at: from('attempts.started_at'),
      duration: { ...from('attempts.duration_ms'), unit: 'ms' },
      status_code: from('attempts.status_code'),
      outcome: { ...from('attempts.outcome'), sql: "case @@ when 'dead' then 'failed' else @@ end" },
      error: from('attempts.error_class'),
      worker: from('attempts.node'),
      state: {
        ...from('state'),
        // Suppressed and cancelled deliveries are recorded with a reason, so they are not silent.
        sql: "case @@ when 'pending' then 'retrying' else @@ end",
      },
      next_retry_at: from('due_at'),
      amount: { ...from('value.amount_minor'), money: 'minor' },
      currency: from('value.currency'),
      payment_id: from('payment_id'),
    },
    atIs: 'end',
    notes: [],
  }),
};
