import { z } from 'zod';
import { errorClass } from './delivery-filter.ts';
import { deliveryEndpoint, deliveryEvent, timelinessFields, value } from './delivery-search.ts';
import { count, timestamp } from './fields.ts';

// What a delivery's own page shows beyond its row in a list.

const header = z.strictObject({ name: z.string(), value: z.string() }).meta({ id: 'Header' });
export const headers = z.array(header);

const phaseMs = z.number().min(0).nullable();
const phases = z
  .strictObject({
    lookup: phaseMs.describe('DNS lookup.'),
    connect: phaseMs,
    proxy: phaseMs.describe('Until the proxy had connected; null also for portal sessions.'),
    tls: phaseMs.describe('TLS handshake.'),
    first_byte: phaseMs.describe('From the request to the first byte of the answer.'),
  })
  .meta({ id: 'AttemptPhases' });

export const attemptFields = {
  n: z
    .int()
    .min(1)
    .describe(
      'The number of its claim, counted from 1 over all schedules of the delivery. A missing number is a claim that never reported.',
    ),
  started_at: timestamp,
  duration_ms: z.number().min(0),
  lease_until: timestamp
    .nullable()
    .describe('When its lease ended: a later outcome may be superseded. Null if it was not stored.'),
  status_code: z.int().nullable().describe('HTTP status of the response; null if there was none.'),
  outcome: z
    .enum(['delivered', 'retry', 'dead', 'superseded'])
    .describe('`superseded`: the attempt ended after it had lost its claim, so it changed nothing.'),
  error_class: errorClass.nullable().describe('Null if it delivered.'),
  message: z.string().nullable(),
  response_excerpt: z
    .string()
    .nullable()
    .describe(
      'Beginning of the response body; null also if the key sees no payloads, or if the data of the event were deleted.',
    ),
  response_headers: headers
    .nullable()
    .describe(
      'The first 20 headers, at most 4 KiB; of failures and of a sample of successes. Null if they were not stored, or if the key sees no payloads.',
    ),
  address: z
    .string()
    .nullable()
    .describe(
      'Address that was connected to, or tried last; null if there was none, or if it was not stored.',
    ),
  phases_ms: phases
    .nullable()
    .describe('Duration of each phase; null for a phase that did not happen. Null if it was not stored.'),
  trigger: z
    .enum(['schedule', 'manual', 'redrive'])
    .describe('The retry clock, an operator, or a bulk redrive.'),
  node: z.string().nullable().describe('The process that made it; null for portal sessions.'),
};
export const attempt = z.strictObject(attemptFields).meta({ id: 'Attempt' });

const claim = z
  .strictObject({
    n: z.int().min(1),
    node: z.string().nullable().describe('Null for portal sessions.'),
    lease_until: timestamp.describe('If the attempt does not report by then, the delivery is claimed again.'),
  })
  .meta({ id: 'Claim' });

const waitingFor = z
  .strictObject({
    kind: z
      .enum([
        'attempt',
        'due',
        'retry',
        'throttle',
        'circuit_breaker',
        'ordering_key',
        'dead_letter',
        'paused_endpoint',
      ])
      .describe(
        '`attempt`: one is in progress. `due`: its first attempt; `retry`: the next one. `throttle`: the receiver asked for a pause (`Retry-After`). `circuit_breaker`: the receiver is failing and gets few attempts at a time. `ordering_key`: an earlier delivery of its key goes first. `dead_letter`: a dead letter of its key blocks it. `paused_endpoint`: its endpoint is paused.',
      ),
    until: timestamp.nullable().describe('Null if it depends on something other than time.'),
    delivery_id: z.string().nullable().describe('The delivery that goes first, or that blocks it.'),
  })
  .meta({ id: 'WaitingFor' });

const nextAttempt = z
  .strictObject({
    n: z.int().min(1).describe('Assumes that no claim is lost until then.'),
    at: timestamp.describe('Not before this time.'),
    latest_at: timestamp.describe(
      'Not after this time, unless the receiver asks for a pause or its limits delay the attempt.',
    ),
  })
  .meta({ id: 'ExpectedAttempt' });

const redriveOfDelivery = z
  .strictObject({
    at: timestamp,
    by: z.string().nullable().describe('Name of the key; null if the calling key is bound to a tenant.'),
  })
  .meta({ id: 'DeliveryRedrive' });

export const detailFields = {
  ...timelinessFields,
  value: value.nullable().describe('Value of the event.'),
  event: deliveryEvent,
  endpoint: deliveryEndpoint,
  claims: count.describe(
    'How often it was claimed for an attempt. A claim without an attempt of its number never reported.',
  ),
  claim: claim.nullable().describe('Attempt in progress; null if there is none.'),
  waiting_for: waitingFor
    .nullable()
    .describe('What a pending delivery waits for; null if it is not pending.'),
  next_attempts: z
    .array(nextAttempt)
    .describe('Expected attempts if all fail, the first 20; after the last one it is a dead letter.'),
  redrives: z
    .array(redriveOfDelivery)
    .describe('Individual redrives by operators, oldest first: the last 50.'),
  attempts: z.array(attempt).describe('Oldest first.'),
};

export const attemptExample = {
  n: 1,
  started_at: '2026-11-20T08:15:00.004Z',
  duration_ms: 31,
  lease_until: '2026-11-20T08:15:45.002Z',
  status_code: 502,
  outcome: 'retry',
  error_class: 'http_5xx',
  message: null,
  response_excerpt: '<html><head><title>502 Bad Gateway</title></head>',
  response_headers: [{ name: 'content-type', value: 'text/html' }],
  address: '192.0.2.80',
  phases_ms: { lookup: 1.2, connect: 4.8, proxy: null, tls: 11.3, first_byte: 12.6 },
  trigger: 'schedule',
  node: 'local',
} as const;

export const detailExample = {
  deadline_at: '2026-11-20T08:16:00.000Z',
  late: false,
  value: { amount_minor: 1099, currency: 'USD' },
  event: {
    accepted_at: '2026-11-20T08:15:00.000Z',
    occurred_at: null,
    ordering_key: null,
    value: { amount_minor: 1099, currency: 'USD' },
    data_deleted_at: null,
  },
  endpoint: { name: 'orders', host: 'orders.kestrel.example', owner: 'shop', enabled: true, deleted: false },
  claims: 2,
  claim: null,
  waiting_for: null,
  next_attempts: [],
  redrives: [],
  attempts: [
    attemptExample,
    {
      ...attemptExample,
      n: 2,
      started_at: '2026-11-20T08:15:05.183Z',
      lease_until: '2026-11-20T08:15:50.183Z',
      status_code: 200,
      outcome: 'delivered',
      error_class: null,
      response_excerpt: 'ok',
      response_headers: [{ name: 'content-type', value: 'text/plain' }],
      phases_ms: { lookup: null, connect: null, proxy: null, tls: null, first_byte: 9.4 },
    },
  ],
} as const;
