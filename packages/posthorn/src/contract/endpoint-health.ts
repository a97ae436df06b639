import { z } from 'zod';
import { endpointStates } from '../domain/endpoint-state.ts';
import { attempt, attemptExample } from './delivery-details.ts';
import { errorClass } from './delivery-filter.ts';
import { anyId, count, interval, moneyAnswer, tenantLeftOut, tenantName, timestamp } from './fields.ts';
import { operations } from './operation.ts';

export const endpointState = z
  .enum(endpointStates)
  .describe(
    '`failing`: every attempt since the last success failed. `slowed`: the receiver asked for a pause, or the breaker is open. `idle`: nothing was sent yet.',
  );

export const inTime = z
  .strictObject({
    good: count.describe('Delivered in time.'),
    due: count.describe('Accepted in the window, and past the deadline or ended before it.'),
    share: z.number().nullable().describe('`good` / `due`; null if nothing was due.'),
    interval,
  })
  .meta({ id: 'InTime' });

const lastError = z
  .strictObject({ class: errorClass, status_code: z.int().nullable() })
  .nullable()
  .describe('Error class of the last failed attempt; null if none failed.');

export const endpointHealth = z
  .strictObject({
    state: endpointState,
    note: z
      .string()
      .nullable()
      .describe('Why it is not healthy, and its limits, in a few words; null if there is nothing to report.'),
    window: z
      .strictObject({ since: timestamp, until: timestamp })
      .describe('Whole clock hours of acceptance.'),
    in_time: inTime,
    rate_per_s: z
      .number()
      .describe('Deliveries accepted per second, in this clock hour and the previous one.'),
    p99_ms: z
      .number()
      .nullable()
      .describe('From acceptance to delivery, in this clock hour and the previous one, else in the window.'),
    pending: count,
    oldest_due_at: timestamp.nullable().describe('The earliest due time of a pending delivery.'),
    dead: count.describe('Dead letters that retention has not deleted.'),
    suppressed: count,
    worth: z.array(moneyAnswer).describe('Value of the dead letters, by currency.'),
    worth_complete: z.boolean().describe('Whether `worth` covers all dead letters; always true.'),
    last_success_at: timestamp.nullable(),
    last_failure_at: timestamp.nullable(),
    failing_since: timestamp.nullable().describe('The first failure since the last success.'),
    failures_in_a_row: count.describe('At least this many attempts have failed since the last success.'),
    last_error: lastError,
    bars: z
      .strictObject({
        since: timestamp,
        step_s: z.int(),
        good: z.array(count).describe('Delivered in time.'),
        bad: z.array(count).describe('Late, dead or suppressed.'),
      })
      .describe('By hour of acceptance, oldest first.'),
  })
  .meta({ id: 'EndpointHealth' });

const diagnosis = z
  .strictObject({
    rule: z.string().describe('The rule that matched, such as `timeout` or `paused`.'),
    level: z.enum(['ok', 'watch', 'act']).describe('`act`: an operator has to act.'),
    sentence: z.string(),
    next_step: z.string().nullable(),
  })
  .meta({ id: 'EndpointDiagnosis' });

const failedAttempt = z
  .strictObject({ delivery_id: z.string(), event_id: z.string(), event_type: z.string(), attempt })
  .meta({ id: 'FailedAttempt' });

const endpointDetails = z
  .strictObject({
    endpoint_id: z.string(),
    at: timestamp.describe('When it was read.'),
    diagnosis,
    health: endpointHealth,
    in_flight: z
      .strictObject({
        now: count,
        limit: count.describe('Attempts that may be in flight; see `concurrency` of the endpoint.'),
      })
      .nullable()
      .describe('On the node that answers; null if it does not know the endpoint yet.'),
    waiting: z.strictObject({
      count: count.describe('Pending deliveries, by the counters.'),
      under_way: count.describe('Pending deliveries with an attempt in progress.'),
      next_attempt_at: timestamp.nullable(),
      nothing_lost_until: timestamp
        .nullable()
        .describe(
          'No pending delivery becomes a dead letter before this; null if nothing is pending, or if it is not known.',
        ),
      by_attempts: z.array(
        z.strictObject({ attempts: count.describe('Last attempt of the current schedule.'), count }),
      ),
      complete: z.boolean().describe('False if more deliveries are pending than were read for this.'),
    }),
    due: z
      .array(
        z.strictObject({
          since: timestamp.nullable().describe('Start of the bucket; null for overdue deliveries.'),
          until: timestamp.nullable().describe('End of the bucket; null if it has none.'),
          count,
          at_least: z.boolean().describe('True if there are more than were counted.'),
        }),
      )
      .describe(
        'Pending deliveries by due time; one with an attempt in progress is due when its lease ends.',
      ),
    failures: z
      .strictObject({
        since: timestamp,
        by_class: z.array(
          z.strictObject({
            class: errorClass,
            fault: z.enum(['sender', 'receiver']),
            count: count.describe('Failed attempts.'),
            event_types: z.array(z.strictObject({ event_type: z.string(), count })),
            last: failedAttempt
              .nullable()
              .describe('The newest known failure; null if its delivery ended well.'),
          }),
        ),
      })
      .describe('Failures of deliveries accepted since then.'),
    errors: z
      .array(failedAttempt)
      .describe('Last attempts of dead letters and of deliveries that wait for a retry, newest first.'),
  })
  .meta({ id: 'EndpointHealthDetails' });

export const healthExample = {
  state: 'failing',
  note: 'http_5xx (503) for 18 min',
  window: { since: '2026-11-19T10:00:00.000Z', until: '2026-11-20T10:00:00.000Z' },
  in_time: { good: 11_981, due: 12_160, share: 0.985279605, interval: [0.98299, 0.98727] },
  rate_per_s: 0.14,
  p99_ms: 1834.2,
  pending: 179,
  oldest_due_at: '2026-11-20T09:59:41.000Z',
  dead: 0,
  suppressed: 0,
  worth: [],
  worth_complete: true,
  last_success_at: '2026-11-20T09:40:32.114Z',
  last_failure_at: '2026-11-20T09:58:52.700Z',
  failing_since: '2026-11-20T09:41:02.031Z',
  failures_in_a_row: 412,
  last_error: { class: 'http_5xx', status_code: 503 },
  bars: {
    since: '2026-11-19T10:00:00.000Z',
    step_s: 3600,
    good: [...Array.from({ length: 23 }, () => 520), 21],
    bad: Array.from({ length: 24 }, () => 0),
  },
} as const;

const errorExample = {
  delivery_id: 'dlv_00000gq7v2k',
  event_id: 'evt_01jd8z2m9k4x7v0q5t3n6w8y1b',
  event_type: 'payment_intent.succeeded',
  attempt: { ...attemptExample, status_code: 503, response_excerpt: 'database is restarting' },
} as const;

export const endpointHealthOperations = operations({
  'endpoints.health': {
    method: 'GET',
    path: '/v1/endpoints/{id}/health',
    tag: 'endpoints',
    scope: 'read',
    summary: 'Diagnose an endpoint',
    description:
      'Returns in one sentence why the endpoint is in its state; what waits, and until when nothing is lost; how attempts failed, with the last answers.',
    params: z.strictObject({ id: anyId.describe('Id or name of the endpoint.') }),
    query: z.strictObject({
      tenant: tenantName
        .optional()
        .describe(`Tenant of the endpoint, if it is given by its name. ${tenantLeftOut}`),
    }),
    status: 200,
    answer: endpointDetails,
    errors: ['not_found'],
    example: {
      params: { id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g' },
      answer: {
        endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
        at: '2026-11-20T09:59:02.031Z',
        diagnosis: {
          rule: 'server_error',
          level: 'act',
          sentence:
            'orders.example.com has answered 503 to every attempt for 18 min (since 09:41 UTC), for all event types; 179 deliveries wait, and the next attempt is in 39 s; nothing is lost until tomorrow 13:40 UTC, when the earliest schedule ends.',
          next_step: 'Fix the receiver; Posthorn keeps retrying.',
        },
        health: healthExample,
        in_flight: { now: 1, limit: 4 },
        waiting: {
          count: 179,
          under_way: 1,
          next_attempt_at: '2026-11-20T09:59:41.000Z',
          nothing_lost_until: '2026-11-21T13:40:12.000Z',
          by_attempts: [
            { attempts: 3, count: 120 },
            { attempts: 4, count: 59 },
          ],
          complete: true,
        },
        due: [
          { since: null, until: '2026-11-20T09:59:02.031Z', count: 0, at_least: false },
          { since: '2026-11-20T09:59:02.031Z', until: null, count: 179, at_least: false },
        ],
        failures: {
          since: '2026-11-19T10:00:00.000Z',
          by_class: [
            {
              class: 'http_5xx',
              fault: 'receiver',
              count: 641,
              event_types: [{ event_type: 'payment_intent.succeeded', count: 641 }],
              last: errorExample,
            },
          ],
        },
        errors: [errorExample],
      },
    },
  },
});
