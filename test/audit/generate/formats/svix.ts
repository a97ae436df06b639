import { ended, hostOf, iso, lines, type LogFormat, took, without } from './format.ts';

// 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h (Svix), a fifth more or less.
const svixSchedule = [5, 300, 1800, 7200, 18_000, 36_000, 36_000].map((s) => s * 1000);

export const svix: LogFormat = {
  name: 'Svix message attempts',
  is: 'svix',
  kind: 'complete',
  schedule: svixSchedule,
  givesUp: true,
  // No numbers, no states between, no sizes and no types; and no line at all without an attempt.
  shows: without('counter_reset', 'poison', 'rate_limited'),
  hasMoney: false,
  files: (log) => [
    {
      name: 'attempts.jsonl',
      content: lines(
        ended(log).map(({ event, row }, index) => ({
          id: `atmpt_${index.toString(36).padStart(8, '0')}`,
          msgId: event.id.replace('evt', 'msg'),
          endpointId: `ep_${hostOf(event).split('.')[0]}`,
          url: event.endpoint,
          timestamp: iso(row.startedAt),
          response: row.error ?? '',
          responseStatusCode: row.status ?? 0,
          responseDurationMs: took(row),
          status: row.state === 'delivered' ? 0 : 2,
          statusText: row.state === 'delivered' ? 'success' : 'fail',
          triggerType: 0,
        })),
      ),
    },
  ],
};
