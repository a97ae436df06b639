import { ordinarySchedule } from '../model.ts';
import { iso, lines, type LogFormat, reasons, took } from './format.ts';

export const sns: LogFormat = {
  name: 'SNS delivery logs',
  is: 'sns',
  kind: 'complete',
  schedule: ordinarySchedule,
  givesUp: true,
  // One line for each message, at its end: a message without a line is only found by comparison with the expected ones.
  shows: ['restart_loss', 'defect_onset', 'acknowledged_unprocessed'],
  hasMoney: false,
  files: (log) => [
    {
      name: 'sns.jsonl',
      content: lines(
        log.events
          .filter(({ rows }) => rows.some(({ state }) => state === 'delivered' || state === 'failed'))
          .map((event) => {
            const last = event.rows.find(({ state }) => state === 'delivered' || state === 'failed')!;
            return {
              notification: {
                messageId: event.id,
                topicArn: 'arn:aws:sns:eu-west-1:123456789012:payments',
                timestamp: iso(event.acceptedAt),
              },
              delivery: {
                deliveryId: `dlv-${event.id}`,
                destination: event.endpoint,
                providerResponse: reasons[last.status ?? 0] ?? last.error,
                dwellTimeMs: took(last),
                attempts: event.rows.length,
                statusCode: last.status ?? 0,
              },
              status: last.state === 'delivered' ? 'SUCCESS' : 'FAILURE',
            };
          }),
      ),
    },
  ],
};
