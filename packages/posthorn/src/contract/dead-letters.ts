import { z } from 'zod';
import { droppedState, errorClass, window } from './delivery-filter.ts';
import {
  anyId,
  count,
  documentName,
  moneyAnswer,
  pageIn,
  pageSchema,
  tenantName,
  timestamp,
} from './fields.ts';
import { operations } from './operation.ts';
import { severalInQuery } from './several.ts';

const deadLetterGroup = z
  .strictObject({
    group_id: z
      .string()
      .describe('Stable for as long as the group has deliveries; use it to snooze the group.'),
    state: droppedState,
    endpoint_id: z.string(),
    endpoint_name: z.string().nullable(),
    host: z.string().describe("Host of the endpoint's URL, with the port."),
    owner: z.string().nullable().describe('The team that owns the endpoint.'),
    enabled: z
      .boolean()
      .describe('False if the endpoint is paused: then redriven deliveries wait until it is resumed.'),
    deleted: z.boolean().describe('The endpoint is deleted, so these deliveries cannot be delivered.'),
    error_class: errorClass.nullable().describe('Error class of the last attempt; null if there was none.'),
    status_code: z.int().nullable().describe('HTTP status of the last attempt; null without an answer.'),
    message: z
      .string()
      .nullable()
      .describe(
        'The most frequent message of the newest 1,000: the first line of the answer, else why the attempt failed, without ids and numbers.',
      ),
    count,
    partial: z
      .boolean()
      .describe(
        'True if the endpoint has more deliveries than one call reads: then count, worth and times cover the newest.',
      ),
    blocked_keys: count.describe('Ordering keys that they block (`on_dead: block`).'),
    oldest_at: timestamp.describe('When the oldest of them ended.'),
    newest_at: timestamp.describe('When the newest of them ended.'),
    deleted_from: timestamp
      .nullable()
      .describe(
        'When retention deletes the first of them; null if it deletes none, because they block keys.',
      ),
    sample_id: z.string().describe('Newest deliveries of the group.'),
    value_at_risk: z.array(moneyAnswer).describe('Value of their events, by currency.'),
    recovered: z
      .strictObject({
        since: timestamp.describe('When the newest of them ended.'),
        successes: count.describe('Deliveries that the endpoint has received successfully since.'),
      })
      .nullable()
      .describe('Whether the endpoint works again; null if that is not known, or if it is failing now.')
      .meta({ id: 'Recovery' }),
    snoozed_until: timestamp.nullable(),
    snooze: z
      .strictObject({
        until_count: count.nullable().describe('The snooze ends early if the group reaches this count.'),
        reason: z.string(),
        by: z.string().describe('Who snoozed it.'),
        at: timestamp,
      })
      .nullable()
      .meta({ id: 'DeadLetterSnooze' }),
  })
  .meta({ id: 'DeadLetterGroup' });

const params = z.strictObject({ id: anyId });
const example = {
  group_id: 'dead.ep_01jd8z0c3r5s7u9w1y3a5c7e9g.http_5xx.503',
  state: 'dead',
  endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
  endpoint_name: 'orders',
  host: 'orders.kestrel.example',
  owner: 'shop',
  enabled: true,
  deleted: false,
  error_class: 'http_5xx',
  status_code: 503,
  message: 'database is restarting',
  count: 38,
  partial: false,
  blocked_keys: 0,
  oldest_at: '2026-11-20T08:15:00.000Z',
  newest_at: '2026-11-20T09:40:00.000Z',
  deleted_from: '2027-02-18T08:15:00.000Z',
  sample_id: 'dlv_0000001n5c2',
  value_at_risk: [{ currency: 'EUR', amount_minor: 341_240, events: 38 }],
  recovered: { since: '2026-11-20T09:40:00.000Z', successes: 214 },
  snoozed_until: null,
  snooze: null,
} as const;
const snoozed = {
  ...example,
  snoozed_until: '2026-11-21T09:00:00.000Z',
  snooze: {
    until_count: 76,
    reason: 'the receiver deploys tomorrow',
    by: 'on-call',
    at: '2026-11-20T10:00:00.000Z',
  },
} as const;

export const deadLetterOperations = operations({
  'deadLetters.list': {
    method: 'GET',
    path: '/v1/dead-letters',
    tag: 'dead-letters',
    scope: 'read',
    summary: 'List dead letters in groups',
    description:
      'Groups dead letters by endpoint, class of the last error and status code. The most valuable groups come first, compared in their most frequent currency. Reads at most 40,000 deliveries of 1,000 endpoints, the newest of each.',
    query: z.strictObject({
      tenant: severalInQuery(tenantName).optional(),
      endpoint_id: severalInQuery(anyId).optional(),
      owner: severalInQuery(documentName).optional().describe('Teams that own the endpoint.'),
      state: severalInQuery(droppedState)
        .optional()
        .describe('`dead`, `suppressed` or both. Default: `dead`.'),
      since: window.since.optional(),
      until: window.until.optional(),
      ...pageIn('desc'),
    }),
    status: 200,
    answer: pageSchema('DeadLetterList', deadLetterGroup, {
      rows_read: count.describe('Deliveries that this call has read.'),
      complete: z
        .boolean()
        .describe(
          'False if there are more than one call reads: narrow the query by endpoint, owner or tenant.',
        ),
    }),
    errors: [],
    example: {
      query: { tenant: 'default' },
      answer: { items: [example], next_cursor: null, rows_read: 38, complete: true },
    },
  },
  'deadLetters.snooze': {
    method: 'POST',
    path: '/v1/dead-letters/{id}/snooze',
    tag: 'dead-letters',
    scope: 'operate',
    summary: 'Snooze a group of dead letters',
    description:
      'Marks a group as able to wait, for at most 30 days: lists show it as snoozed. Does not change its deliveries, its alerts or its retention.',
    params,
    body: z
      .strictObject({
        until: timestamp.describe('At most 30 days from now.'),
        or_doubled: z
          .boolean()
          .default(true)
          .describe('Ends the snooze early if the group has twice as many as now.'),
        reason: z.string().min(1).max(500),
      })
      .meta({ id: 'SnoozeRequest' }),
    status: 200,
    answer: deadLetterGroup,
    errors: ['not_found'],
    example: {
      params: { id: example.group_id },
      body: { until: snoozed.snoozed_until, reason: snoozed.snooze.reason },
      answer: snoozed,
    },
  },
  'deadLetters.wake': {
    method: 'POST',
    path: '/v1/dead-letters/{id}/wake',
    tag: 'dead-letters',
    scope: 'operate',
    summary: 'End the snooze of a group',
    description: 'Lists show the group as before.',
    params,
    status: 200,
    answer: deadLetterGroup,
    errors: ['not_found'],
    example: { params: { id: example.group_id }, answer: example },
  },
});
