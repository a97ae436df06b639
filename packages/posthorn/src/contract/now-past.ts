import { z } from 'zod';
import { deliveryStates } from '../domain/delivery.ts';
import { anyId, count, moneyAnswer, tenantName, timestamp } from './fields.ts';
import { operations } from './operation.ts';
import { severalInQuery } from './several.ts';

const money = z.array(moneyAnswer).describe('By currency; never added across currencies.');
const state = z.enum(deliveryStates);

const past = z
  .strictObject({
    at: timestamp,
    level: z.enum(['act', 'watch', 'well']),
    sentence: z.string().describe('What was true then, in one sentence.'),
    window: z
      .strictObject({ since: timestamp, until: timestamp })
      .describe('What was accepted in this time.'),
    ledger: z
      .strictObject({
        accepted: count,
        delivered: count,
        pending: count,
        dead: count,
        cancelled: count,
        suppressed: count,
      })
      .describe('Rows, each in the state that it had then.'),
    became: z
      .array(z.strictObject({ then: state, now: state, count }))
      .describe('Deliveries that were in a state then and are in another one now.'),
    at_risk: z.strictObject({
      dead: money,
      suppressed: money,
      late_pending: money,
      late_pending_count: count,
      unknown: count.describe('Deliveries at risk whose events have no value.'),
    }),
    needs: z
      .array(
        z.strictObject({
          kind: z.enum(['dead_letters', 'suppressed', 'late']),
          endpoint_id: z.string(),
          subject: z.string().nullable().describe('The host; null if the endpoint was deleted.'),
          owner: z.string().nullable().describe('The current owner.'),
          since: timestamp.nullable().describe('When the first of them was accepted.'),
          count,
          value: money,
        }),
      )
      .describe('What had not been delivered then, by endpoint; at most 7.'),
    more_needs: count,
    alerts: z
      .array(
        z.strictObject({
          id: z.string(),
          rule: z.string(),
          severity: z.enum(['page', 'ticket']),
          owner: z.string().nullable(),
          endpoint_id: z.string().nullable(),
          summary: z.string().describe('The last known state.'),
          since: timestamp,
          resolved_at: timestamp.nullable(),
          acknowledged: z.boolean(),
        }),
      )
      .describe('Alerts that fired then and are still stored; at most 20.'),
    more_alerts: count,
  })
  .meta({ id: 'PastNow' });

const euros = { currency: 'EUR', amount_minor: 341_240, events: 38 };
const endpoint_id = 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g';

export const nowPastOperations = operations({
  'now.past': {
    method: 'GET',
    path: '/v1/now/past',
    tag: 'now',
    scope: 'read',
    summary: 'Get the overview as it was at a moment',
    description:
      'Returns the state, at that moment, of what was accepted before it: what had been delivered, what waited, what was a dead letter, and which alerts fired. Counters know only the current outcome, so it is read from rows: for as long as settled deliveries are kept, and for at most 2,000,000 of them. The response also says what has changed since.',
    query: z.strictObject({
      at: timestamp.describe('The moment.'),
      tenant: severalInQuery(tenantName).optional(),
      endpoint_id: severalInQuery(anyId).optional(),
      last: z
        .enum(['1h', '24h', '7d'])
        .default('24h')
        .describe('The window: what was accepted in this time before the moment.'),
    }),
    status: 200,
    answer: past,
    errors: ['invalid_request'],
    example: {
      query: { at: '2026-11-06T10:00:00Z' },
      answer: {
        at: '2026-11-06T10:00:00.000Z',
        level: 'act',
        sentence: '38 notifications worth €3,412.40 would not arrive unless someone acted.',
        window: { since: '2026-11-05T10:00:00.000Z', until: '2026-11-06T10:00:00.000Z' },
        ledger: { accepted: 10_000, delivered: 9960, pending: 2, dead: 38, cancelled: 0, suppressed: 0 },
        became: [
          { then: 'dead', now: 'delivered', count: 38 },
          { then: 'pending', now: 'delivered', count: 2 },
        ],
        at_risk: { dead: [euros], suppressed: [], late_pending: [], late_pending_count: 0, unknown: 0 },
        needs: [
          {
            kind: 'dead_letters',
            endpoint_id,
            subject: 'orders.example.com',
            owner: 'shop',
            since: '2026-11-05T14:09:00.000Z',
            count: 38,
            value: [euros],
          },
        ],
        more_needs: 0,
        alerts: [
          {
            id: 'alr_01jd8z0c3r5s7u9w1y3a5c7e9g',
            rule: 'dead_letters',
            severity: 'page',
            owner: 'shop',
            endpoint_id,
            summary: '38 dead letters at orders.example.com',
            since: '2026-11-05T14:10:00.000Z',
            resolved_at: '2026-11-09T09:30:00.000Z',
            acknowledged: true,
          },
        ],
        more_alerts: 0,
      },
    },
  },
});
