import { ordinarySchedule, type Row } from '../model.ts';
import { hostOf, lines, type LogFormat, reasons, without } from './format.ts';

const eventBridgeEnd = (row: Row): string => {
  if (row.state === 'delivered') return 'INVOCATION_SUCCESS';
  return row.state === 'failed'
    ? 'INVOCATION_ATTEMPT_PERMANENT_FAILURE'
    : 'INVOCATION_ATTEMPT_RETRYABLE_FAILURE';
};

export const eventbridge: LogFormat = {
  name: 'EventBridge',
  is: 'eventbridge',
  kind: 'complete',
  schedule: ordinarySchedule,
  givesUp: true,
  shows: without('counter_reset', 'retry_race', 'poison', 'rate_limited'),
  hasMoney: false,
  files: (log) => [
    {
      name: 'eventbridge.jsonl',
      content: lines(
        log.events
          .flatMap((event) => {
            const common = {
              resource_arn: 'arn:aws:events:eu-west-1:123456789012:event-bus/payments',
              request_id: `req-${event.id}`,
              event_id: event.id,
            };
            const details = {
              rule_arn: 'arn:aws:events:eu-west-1:123456789012:rule/payments/webhooks',
              target_arn: `arn:aws:events:eu-west-1:123456789012:api-destination/${hostOf(event)}/1`,
            };
            const invocation = { ...common, invocation_id: `inv-${event.id}` };
            return [
              {
                ...common,
                message_timestamp_ms: event.acceptedAt,
                message_type: 'EVENT_RECEIPT',
                log_level: 'TRACE',
                details: { detail_type: event.type, source: 'payments' },
              },
              ...event.rows.flatMap((row) => [
                {
                  ...invocation,
                  message_timestamp_ms: row.startedAt,
                  message_type: 'INVOCATION_ATTEMPT_START',
                  log_level: 'TRACE',
                  details,
                },
                ...(row.endedAt === null
                  ? []
                  : [
                      {
                        ...invocation,
                        message_timestamp_ms: row.endedAt,
                        message_type: eventBridgeEnd(row),
                        log_level: row.state === 'delivered' ? 'INFO' : 'ERROR',
                        details,
                        ...(row.state === 'delivered'
                          ? {}
                          : {
                              error: {
                                http_status_code: row.status,
                                error_message: row.error ?? reasons[row.status ?? 0],
                              },
                            }),
                      },
                    ]),
              ]),
            ];
          })
          .toSorted((a, b) => a.message_timestamp_ms - b.message_timestamp_ms),
      ),
    },
  ],
};
