import { type FormatReader, from, type SampleRecord } from '../spec.ts';

/** Whether each event has one row: a list of Stripe shows how many deliveries an event still waits for. */
function isSnapshot(sample: readonly SampleRecord[]): boolean {
  const ids = sample.flatMap(({ values }) => values.get('id') ?? []);
  return new Set(ids).size === ids.length;
}

const pending = from('pending_webhooks');

/** Events of Stripe's API, as `stripe events list` prints them. */
export const stripe: FormatReader = {
  format: 'stripe',
  recognizedBy: '`id, created, type, livemode, pending_webhooks`',
  about:
    'a table of states: `pending_webhooks` is the only word on deliveries. Stripe retries for three days; an event that still waits after that is suspicious',
  sample: [
    '{"id":"evt_1","object":"event","api_version":"2026-08-27","created":1795168860,"data":{"object":{"id":"pi_1","amount":100,"currency":"usd"}},"livemode":true,"pending_webhooks":0,"type":"payment_intent.succeeded"}',
  ],
  signs: [['id', 'created', 'type', 'livemode', 'pending_webhooks', 'data.object.id']],
  spec: (sample) => ({
    format: 'stripe',
    stateTable: isSnapshot(sample),
    fields: {
      event_id: from('id'),
      tenant: from('account'),
      at: from('created'),
      // A list that was fetched several times has the story of an event; one list has its last state.
      ...(isSnapshot(sample)
        ? { state: { ...pending, sql: "case @@ when '0' then 'delivered' else 'retrying' end" } }
        : { outcome: { ...pending, sql: "case @@ when '0' then 'success' else 'failure' end" } }),
      event_type: from('type'),
      payment_id: from('data.object.payment_intent', 'data.object.id'),
      amount: { ...from('data.object.amount'), money: 'minor' },
      currency: from('data.object.currency'),
    },
    atIs: 'end',
    sender: { horizonMs: 72 * 3_600_000 },
    notes: [
      'the number of pending deliveries does not say to which endpoint: an event with several is one here',
    ],
  }),
};
