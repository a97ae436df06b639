import { z } from 'zod';
import { accountingKeys } from '../domain/accounting.ts';
import { errorClasses } from '../domain/attempt.ts';
import {
  anyId,
  count,
  cursor,
  eventTypePattern,
  interval,
  moneyAnswer,
  tenantName,
  timestamp,
} from './fields.ts';
import { operations } from './operation.ts';
import { severalInQuery } from './several.ts';

const rate = z.number().nullable().describe('Null if nothing was attempted.');
const milliseconds = z
  .number()
  .nullable()
  .describe('Upper bound of the quantile; null if nothing was delivered.');

const counts = {
  accepted: count,
  delivered: count,
  dead: count,
  cancelled: count,
  suppressed: count,
  late: count.describe('Delivered after the deadline.'),
  superseded_attempts: count.describe(
    'Attempts whose outcome came after another attempt had settled the delivery.',
  ),
  drop_rate: z.number().describe('The share of `accepted` that is dead, suppressed or unaccounted.'),
  drop_rate_interval: interval,
  first_attempt_success_rate: rate,
};

/** Exactly one of the first six is present: the one that `by` asked for. */
const accountingGroup = z
  .strictObject({
    endpoint: z.string().optional().describe("With `by=endpoint`: the endpoint's id."),
    event_type: z.string().optional(),
    owner: z
      .string()
      .nullable()
      .optional()
      .describe('With `by=owner`: the team; null for endpoints without an owner.'),
    tenant: z.string().optional(),
    hour: timestamp.optional().describe('With `by=hour`: the start of the hour.'),
    day: timestamp.optional().describe('With `by=day`: the start of the day (UTC).'),
    ...counts,
  })
  .meta({ id: 'AccountingGroup' });

const accounting = z
  .strictObject({
    window: z
      .strictObject({
        since: timestamp.nullable(),
        until: timestamp.nullable(),
        resolution: z.enum(['hour', 'day']).describe('What the bounds were rounded outward to.'),
      })
      .describe('The window that was counted; null means no bound.'),
    events: count,
    unmatched: count.describe('Events that no endpoint subscribed to.'),
    ...counts,
    accepted: count.describe(
      'Deliveries. Each is in exactly one of `delivered`, `pending`, `dead`, `cancelled` and `suppressed`.',
    ),
    pending: count,
    unaccounted: z
      .int()
      .describe('`accepted` minus the sum of all states. Anything but 0 is a defect, or tampering.'),
    overdue: count.describe('Pending deliveries that are past due by more than the allowed delay.'),
    late: count.describe('Delivered after the deadline, or still pending past it.'),
    failures: z
      .strictObject({
        by_class: z.partialRecord(z.enum(errorClasses), count),
        by_fault_domain: z.strictObject({ sender: count, receiver: count }),
      })
      .describe('Failed attempts.'),
    latency_ms: z
      .strictObject({ p50: milliseconds, p95: milliseconds, p99: milliseconds })
      .describe('Time from acceptance to delivery.'),
    value_at_risk: z
      .array(moneyAnswer)
      .describe('Value of the events with a dead or suppressed delivery, by currency.'),
    value_counted: z
      .strictObject({
        by: z
          .enum(['event', 'delivery'])
          .describe(
            '`event`: each event counts once. `delivery`: there are more than 20,000 such deliveries, so the sum is that of counters, which count an event for each of its deliveries.',
          ),
        complete: z
          .boolean()
          .describe('False: event types were asked for, and there are more such deliveries than were read.'),
      })
      .describe('How `value_at_risk` was counted.'),
    groups: z.array(accountingGroup).optional().describe('With `by`.'),
    next_cursor: z
      .string()
      .nullable()
      .optional()
      .describe('With `by`: of the next page of groups; null: this is the last.'),
  })
  .meta({ id: 'Accounting' });

export const accountingOperations = operations({
  'accounting.get': {
    method: 'GET',
    path: '/v1/accounting',
    tag: 'accounting',
    scope: 'read',
    summary: 'Get what became of everything accepted',
    description:
      'Sums of the ledger over the deliveries accepted in a window. Bounds are rounded outward to whole hours, or to whole days (UTC) if they are older than eight days.',
    query: z.strictObject({
      tenant: severalInQuery(tenantName).optional(),
      endpoint_id: severalInQuery(anyId).optional(),
      event_type: severalInQuery(eventTypePattern)
        .optional()
        .describe('Types, and trailing wildcards such as `payment.*`.'),
      owner: severalInQuery(z.string().min(1).max(128)).optional().describe('Teams that own the endpoints.'),
      since: timestamp.optional(),
      until: timestamp.optional(),
      by: z.enum(accountingKeys).optional().describe('Answer groups too, in pages.'),
      limit: z.coerce.number().int().min(1).max(1500).default(1500).describe('Groups of a page at most.'),
      cursor,
    }),
    status: 200,
    answer: accounting,
    errors: [],
    example: {
      query: { since: '2026-11-19T00:00:00Z', by: 'owner' },
      answer: {
        window: { since: '2026-11-19T00:00:00.000Z', until: null, resolution: 'hour' },
        events: 9200,
        unmatched: 0,
        accepted: 10_000,
        delivered: 9950,
        pending: 10,
        dead: 40,
        cancelled: 0,
        suppressed: 0,
        unaccounted: 0,
        overdue: 0,
        late: 12,
        superseded_attempts: 0,
        drop_rate: 0.004,
        drop_rate_interval: [0.00294, 0.00544],
        first_attempt_success_rate: 0.982,
        failures: { by_class: { http_5xx: 410, timeout: 22 }, by_fault_domain: { sender: 0, receiver: 432 } },
        latency_ms: { p50: 41.1, p95: 310.6, p99: 31_000.4 },
        value_at_risk: [{ currency: 'EUR', amount_minor: 125_000, events: 50 }],
        value_counted: { by: 'event', complete: true },
        groups: [
          {
            owner: 'shop',
            accepted: 10_000,
            delivered: 9950,
            dead: 40,
            cancelled: 0,
            suppressed: 0,
            late: 12,
            superseded_attempts: 0,
            drop_rate: 0.004,
            drop_rate_interval: [0.00294, 0.00544],
            first_attempt_success_rate: 0.982,
          },
        ],
        next_cursor: null,
      },
    },
  },
});
