import { type FormatReader, from } from '../spec.ts';

export const sns: FormatReader = {
  format: 'sns',
  recognizedBy: '`notification.messageId, delivery.destination, status`',
  about:
    'successes may be sampled, so an event without a line is not necessarily dropped; `FAILURE` is recorded, so given up',
  sample: [
    '{"notification":{"messageId":"m1","topicArn":"arn:aws:sns:eu-central-1:1:pay","timestamp":"2026-11-20 10:00:00.000"},"delivery":{"deliveryId":"d1","destination":"https://a.example.com/hooks","providerResponse":"OK","dwellTimeMs":120,"attempts":1,"statusCode":200},"status":"SUCCESS"}',
  ],
  signs: [['notification.messageId', 'notification.topicArn', 'delivery.destination', 'status']],
  spec: () => ({
    format: 'sns',
    fields: {
      event_id: from('notification.messageId'),
      endpoint: from('delivery.destination'),
      accepted_at: from('notification.timestamp'),
      at: from('notification.timestamp'),
      duration: { ...from('delivery.dwellTimeMs'), unit: 'ms' },
      attempt_no: from('delivery.attempts'),
      status_code: from('delivery.statusCode'),
      outcome: {
        ...from('status'),
        sql: "case upper(@@) when 'FAILURE' then 'permanent_failure' else @@ end",
      },
      error: from('delivery.providerResponse'),
      event_type: from('notification.topicArn'),
    },
    atIs: 'start',
    // A delivery has one line at its end, and AWS limits retries over HTTP to one hour in total.
    sender: { retries: false, horizonMs: 3_600_000, failureIsFinal: true, sampled: true },
    notes: [
      'one line a delivery, written at its end, with the number of its attempts',
      'SNS logs a sample of the successes (0 to 100%): an event without a line is not necessarily dropped',
    ],
  }),
};
