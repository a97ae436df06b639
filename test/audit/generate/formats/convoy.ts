import { ordinarySchedule } from '../model.ts';
import { ended, hostOf, iso, isoOrNull, lines, type LogFormat, reasons, without } from './format.ts';

const convoyStates = {
  sending: 'Processing',
  retrying: 'Retry',
  delivered: 'Success',
  failed: 'Failure',
} as const;

export const convoy: LogFormat = {
  name: 'Convoy deliveries and attempts',
  is: 'convoy',
  kind: 'complete',
  schedule: ordinarySchedule,
  givesUp: true,
  shows: without('counter_reset', 'rate_limited', 'poison'),
  hasMoney: false,
  files: (log) => [
    {
      name: 'event-deliveries.jsonl',
      content: lines(
        log.events.map((event) => {
          const last = event.rows.toSorted((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0)).at(-1);
          return {
            uid: `del_${event.id}`,
            event_id: event.id,
            endpoint_id: hostOf(event),
            event_type: event.type,
            status: last === undefined ? 'Scheduled' : convoyStates[last.state],
            created_at: iso(event.acceptedAt),
            updated_at: iso(last?.endedAt ?? event.acceptedAt),
            acknowledged_at: iso(event.acceptedAt),
            latency_seconds: last?.endedAt ? (last.endedAt - event.acceptedAt) / 1000 : 0,
            metadata: {
              num_trials: new Set(event.rows.map(({ attempt }) => attempt)).size,
              retry_limit: log.recipe.schedule.length + 1,
              next_send_time: isoOrNull(last?.nextRetryAt ?? null),
              interval_seconds: 5,
            },
          };
        }),
      ),
    },
    {
      name: 'delivery-attempts.jsonl',
      content: lines(
        ended(log).map(({ event, row }, index) => ({
          uid: `att_${index.toString(36)}`,
          msg_id: `del_${event.id}`,
          endpoint_id: hostOf(event),
          url: event.endpoint,
          method: 'POST',
          http_status: row.status === null ? '' : `${row.status} ${reasons[row.status] ?? ''}`,
          error: row.error ?? '',
          status: row.state === 'delivered',
          requested_at: iso(row.startedAt),
          responded_at: iso(row.endedAt!),
          created_at: iso(row.endedAt!),
        })),
      ),
    },
  ],
};
