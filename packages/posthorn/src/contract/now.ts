import { z } from 'zod';
import { anyId, count, interval, moneyAnswer, tenantName, timestamp } from './fields.ts';
import { operations } from './operation.ts';
import { severalInQuery } from './several.ts';

const level = z
  .enum(['act', 'watch', 'well'])
  .describe(
    '`act`: an operator has to act. `watch`: something waits, or spends an error budget. `well`: neither.',
  );
const milliseconds = z
  .number()
  .nullable()
  .describe('Upper bound of the quantile; null if nothing was delivered.');
const money = z.array(moneyAnswer).describe('By currency; never added across currencies.');

const nowTeam = z
  .strictObject({
    team: z.string().nullable().describe('Null for endpoints without an owner.'),
    level,
    state: z.string().describe('A few words, such as `38 dead letters`.'),
    dead: count,
    suppressed: count,
    late_pending: count,
    at_risk: money,
    budget_left: z
      .number()
      .nullable()
      .describe(
        'The smallest remaining error budget that the team answers for; 1 is all of it. Null if it answers for none.',
      ),
    objective: z.string().nullable().describe('The objective with that budget.'),
  })
  .meta({ id: 'NowTeam' });

const nowNeed = z
  .strictObject({
    kind: z.enum([
      'unaccounted',
      'dead_letters',
      'suppressed',
      'failing',
      'late',
      'paused',
      'objective',
      'alert',
      'unmatched',
      'owner',
      'channel',
      'key',
    ]),
    severity: z.enum(['act', 'watch', 'note']),
    subject: z
      .string()
      .nullable()
      .describe('What it is about: a host, an objective, an event type. Null for everything.'),
    endpoint_id: z.string().nullable(),
    alert_id: z.string().nullable().describe('The alert behind it, for acknowledging it.'),
    acknowledged_at: timestamp.nullable(),
    since: timestamp.nullable(),
    count: count.nullable(),
    value: money,
    owner: z.string().nullable().describe('The team; null if none is known.'),
    summary: z.string().describe('A sentence.'),
    detail: z.string().describe('A second sentence; may be empty.'),
    action: z
      .strictObject({ label: z.string(), path: z.string().describe('Path in the dashboard.') })
      .nullable(),
  })
  .meta({ id: 'NowNeed' });

const now = z
  .strictObject({
    at: timestamp.describe('When this was computed.'),
    level,
    sentence: z.string().describe('What is true now, in one sentence.'),
    window: z.strictObject({
      since: timestamp,
      until: timestamp,
      resolution: z.enum(['hour', 'day']).describe('What the bounds were rounded outward to.'),
    }),
    ledger: z
      .strictObject({
        accepted: count,
        delivered: count,
        pending: count,
        dead: count,
        cancelled: count,
        suppressed: count,
        unaccounted: z.int(),
      })
      .describe('Accepted in the window; each delivery is in exactly one of the other counts.'),
    pending_read: z
      .strictObject({ rows: count, complete: z.boolean() })
      .describe(
        'Pending deliveries that were read one by one. If there are more, `pending` comes from the counters, and the late count is a lower bound.',
      ),
    reconciled: z
      .strictObject({
        at: timestamp,
        balanced: z.boolean(),
        unaccounted: z.int().describe('Unaccounted deliveries.'),
        rows_read: count.nullable().describe('Null if the key is bound and the check counted everything.'),
        ids: z
          .array(z.string())
          .describe('Ids of deliveries, events or endpoints that it found; at most 20.'),
      })
      .nullable()
      .describe('The last check of the ledger against the rows; null if there was none yet.'),
    earlier: z
      .strictObject({ dead: count, suppressed: count })
      .describe('Accepted before the window, and still dead or suppressed.'),
    in_time: z
      .strictObject({
        good: count,
        due: count.describe('All except cancelled deliveries and those whose deadline is ahead.'),
        share: z.number().nullable(),
        interval,
        target: z.number().nullable().describe('The highest target of any objective; null if there is none.'),
      })
      .describe('Delivered before the deadline.'),
    latency_ms: z.strictObject({ p50: milliseconds, p99: milliseconds }),
    at_risk: z
      .strictObject({
        dead: money,
        suppressed: money,
        late_pending: money,
        late_pending_count: count,
        unknown: count.describe('Deliveries at risk whose events have no value.'),
      })
      .describe("Value of the window's deliveries: an event counts once for each of its deliveries."),
    teams: z.array(nowTeam),
    needs: z
      .array(nowNeed)
      .describe('The most severe first, then what is not acknowledged, then by worth and age.'),
    more_needs: count.describe('How many are not in `needs`.'),
    endpoints: count.describe('Number of endpoints; 0 if nothing was set up yet.'),
  })
  .meta({ id: 'Now' });

const euros = { currency: 'EUR', amount_minor: 341_240, events: 38 };
const endpoint_id = 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g';

export const nowOperations = operations({
  'now.get': {
    method: 'GET',
    path: '/v1/now',
    tag: 'now',
    scope: 'read',
    summary: 'Get the current overview',
    description:
      'Answers four questions at once: does everything arrive, what is it worth, who owns it, and what needs attention. Computed at most once per second, and shared by all callers that ask for the same.',
    query: z.strictObject({
      tenant: severalInQuery(tenantName).optional(),
      endpoint_id: severalInQuery(anyId).optional(),
      last: z
        .enum(['1h', '24h', '7d', '30d'])
        .default('24h')
        .describe('The window: what was accepted in this time.'),
    }),
    status: 200,
    answer: now,
    errors: [],
    example: {
      answer: {
        at: '2026-11-25T10:21:30.000Z',
        level: 'act',
        sentence: 'Nothing is lost. 38 notifications worth €3,412.40 will not arrive unless someone acts.',
        window: {
          since: '2026-11-24T10:00:00.000Z',
          until: '2026-11-25T11:00:00.000Z',
          resolution: 'hour',
        },
        ledger: {
          accepted: 10_000,
          delivered: 9960,
          pending: 2,
          dead: 38,
          cancelled: 0,
          suppressed: 0,
          unaccounted: 0,
        },
        pending_read: { rows: 2, complete: true },
        reconciled: {
          at: '2026-11-25T10:21:12.000Z',
          balanced: true,
          unaccounted: 0,
          rows_read: 182_113,
          ids: [],
        },
        earlier: { dead: 0, suppressed: 0 },
        in_time: { good: 9950, due: 9998, share: 0.9952, interval: [0.99364, 0.99638], target: 0.999 },
        latency_ms: { p50: 41.1, p99: 1900.4 },
        at_risk: { dead: [euros], suppressed: [], late_pending: [], late_pending_count: 0, unknown: 0 },
        teams: [
          {
            team: 'shop',
            level: 'act',
            state: '38 dead letters',
            dead: 38,
            suppressed: 0,
            late_pending: 0,
            at_risk: [euros],
            budget_left: 0.72,
            objective: 'payments',
          },
        ],
        needs: [
          {
            kind: 'dead_letters',
            severity: 'act',
            subject: 'orders.example.com',
            endpoint_id,
            alert_id: null,
            acknowledged_at: null,
            since: '2026-11-25T07:09:00.000Z',
            count: 38,
            value: [euros],
            owner: 'shop',
            summary: '38 dead letters at orders.example.com: http_5xx',
            detail: 'The oldest is 3 h old.',
            action: { label: 'Redrive 38…', path: `/dead-letters?endpoint_id=${endpoint_id}` },
          },
        ],
        more_needs: 0,
        endpoints: 12,
      },
    },
  },
});
