import { z } from 'zod';
import { amountMinor, count, interval, moneyAnswer, tenantName, timestamp } from './fields.ts';
import { operations } from './operation.ts';

const share = z.number().min(0).max(1);
const differenceInterval = z
  .tuple([z.number(), z.number()])
  .readonly()
  .describe('At 95%: lower and upper bound.');

const perWeek = z
  .strictObject({ currency: z.string(), amount_minor: amountMinor, interval: differenceInterval })
  .meta({ id: 'WeeklyMoney' });

const side = z
  .strictObject({
    label: z.string(),
    from: timestamp,
    until: timestamp,
    events: count.describe('Deliveries with a known outcome.'),
    unresolved: count.describe('Still pending.'),
    silently_dropped: count.describe('Accepted, but in no row.'),
    acknowledged_unprocessed: count.describe('Known only from a receiver; 0 here.'),
    given_up: count.describe('Dead letters and suppressed deliveries.'),
    late: count,
    drop_rate: share.describe('The share of silent drops.'),
    drop_interval: interval,
    budget_burned: z.number().describe('Share of what the objective allows over this time; 1 is all of it.'),
    weekly_value: z.array(perWeek).readonly(),
    given_up_value: z.array(moneyAnswer).readonly(),
    first_lost_at: timestamp.nullable(),
    time_to_detect: z.strictObject({ after_s: z.number(), by: z.string() }).nullable(),
    notes: z.array(z.string()).readonly().describe('Notes on these numbers.'),
  })
  .meta({ id: 'ImpactSide' });

const impact = z
  .strictObject({
    version: z.literal(1),
    before: side,
    after: side,
    difference: z.strictObject({ rate: z.number(), interval: differenceInterval }),
    verdict: z.enum(['better', 'no_difference_shown', 'worse']),
    statement: z.string().describe('The comparison in one sentence.'),
    if_unchanged: z
      .strictObject({ expected_drops: z.number(), chance_of_so_few: share })
      .describe('What the rate before the change would have done to the deliveries after it.'),
    exposure: z.strictObject({
      equal: z
        .boolean()
        .nullable()
        .describe('Whether both times had the same traffic; null if the data cannot tell.'),
      checks: z
        .array(
          z.strictObject({
            check: z.enum(['volume', 'endpoints', 'hours_of_week', 'event_types']),
            fine: z.boolean().nullable().describe('Null if the data cannot tell.'),
            words: z.string(),
          }),
        )
        .readonly(),
    }),
    recovered_per_week: z.array(perWeek).readonly().describe('Money per week that is no longer at risk.'),
    objective: z.strictObject({ target: share }),
    markdown: z
      .string()
      .nullable()
      .describe('Present with `format=markdown`: the same as a Markdown section.'),
    html: z.string().nullable().describe('Present with `format=html`: the same as one self-contained page.'),
  })
  .meta({ id: 'Impact' });

const exampleSide = {
  label: '2026-11-02T00:00:00.000Z..2026-11-09T00:00:00.000Z',
  from: '2026-11-02T00:00:00.000Z',
  until: '2026-11-09T00:00:00.000Z',
  events: 901_122,
  unresolved: 0,
  silently_dropped: 0,
  acknowledged_unprocessed: 0,
  given_up: 2811,
  late: 1204,
  drop_rate: 0,
  drop_interval: [0, 0.0000043],
  budget_burned: 4.46,
  weekly_value: [],
  given_up_value: [{ currency: 'EUR', amount_minor: 12_930_611, events: 2811 }],
  first_lost_at: null,
  time_to_detect: null,
  notes: [],
} as const;

export const impactOperations = operations({
  'impact.get': {
    method: 'GET',
    path: '/v1/impact',
    tag: 'impact',
    scope: 'read',
    summary: 'Compare before and after a change',
    description:
      'Returns what was lost, late and given up before a time and after it, with intervals, money, and whether both times had the same traffic, as `posthorn impact` computes it from the counters. With `at`, both sides are equally long, in whole weeks, days or hours, without the hour or day of the change itself. Counters are hourly for eight days and then daily (UTC); `before` and `after` state what is compared.',
    query: z.strictObject({
      at: timestamp.optional().describe('When the change was made; replaces both windows.'),
      before_since: timestamp.optional(),
      before_until: timestamp.optional(),
      after_since: timestamp.optional(),
      after_until: timestamp.optional(),
      tenant: tenantName
        .optional()
        .describe("Only deliveries of this tenant. Default: all except Posthorn's own."),
      target: z.coerce
        .number()
        .min(0.5)
        .max(0.999999)
        .default(0.999)
        .describe('The objective of `budget_burned`.'),
      format: z.enum(['json', 'markdown', 'html']).default('json'),
    }),
    status: 200,
    answer: impact,
    errors: ['invalid_request'],
    example: {
      query: { at: '2026-11-09T10:00:00Z' },
      answer: {
        version: 1,
        before: exampleSide,
        after: {
          ...exampleSide,
          label: '2026-11-10T00:00:00.000Z..2026-11-17T00:00:00.000Z',
          from: '2026-11-10T00:00:00.000Z',
          until: '2026-11-17T00:00:00.000Z',
          given_up: 0,
          given_up_value: [],
          late: 12,
          budget_burned: 0.01,
        },
        difference: { rate: 0, interval: [-0.0000043, 0.0000043] },
        verdict: 'no_difference_shown',
        statement:
          '901,122 events after the change, none silently lost: at 95% the rate is below 0.00043%. It was 0% before; these numbers cannot show a difference.',
        if_unchanged: { expected_drops: 0, chance_of_so_few: 1 },
        exposure: {
          equal: true,
          checks: [
            { check: 'volume', fine: true, words: 'volume: 901,122 events per week before, 901,122 after' },
          ],
        },
        recovered_per_week: [],
        objective: { target: 0.999 },
        markdown: null,
        html: null,
      },
    },
  },
});
