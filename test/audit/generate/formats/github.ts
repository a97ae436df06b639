import { ordinarySchedule } from '../model.ts';
import { ended, iso, type LogFormat, reasons, took } from './format.ts';

export const github: LogFormat = {
  name: 'GitHub hook deliveries',
  is: 'github',
  kind: 'complete',
  schedule: ordinarySchedule,
  givesUp: false,
  shows: [
    'client_timeout',
    'endpoint_outage',
    'dns',
    'tls',
    'oversize',
    'poison',
    'acknowledged_unprocessed',
  ],
  hasMoney: false,
  files: (log) => [
    {
      name: 'deliveries.json',
      content: `${JSON.stringify(
        ended(log).map(({ event, row }, index) => ({
          id: 10_000_000_000 + index,
          guid: event.id,
          delivered_at: iso(row.startedAt),
          redelivery: row.attempt > 1,
          duration: took(row) / 1000,
          status:
            row.status === null
              ? row.error === 'timeout'
                ? 'timed out'
                : `failed to connect: ${row.error}`
              : (reasons[row.status] ?? 'Invalid HTTP Response'),
          status_code: row.status ?? 0,
          event: event.type.split('.')[0],
          action: event.type.split('.').slice(1).join('.'),
          installation_id: null,
          repository_id: 1296269,
          url: event.endpoint,
          throttled_at: null,
        })),
      )}\n`,
    },
  ],
};
