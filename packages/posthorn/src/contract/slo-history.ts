import { z } from 'zod';
import { count, moneyAnswer, timestamp } from './fields.ts';
import { errorClass } from './delivery-filter.ts';
import { operations } from './operation.ts';
import { exampleWindow, sloWindow } from './slo-status.ts';

const params = z.strictObject({
  name: z.string().describe('Name of the objective, or id of an endpoint whose template sets one.'),
});
const remaining = z
  .number()
  .nullable()
  .describe(
    "Remaining share of the whole window's error budget: 1 is all of it, below 0 it was overspent; null if nothing was due in the window.",
  );
const sidePoint = z.strictObject({ bad: count, budget_remaining: remaining });

const history = z
  .strictObject({
    name: z.string(),
    target: z.number(),
    window: sloWindow,
    due: count.describe('Deliveries of the window whose deadline has passed.'),
    budget: z.number().describe('How many of them may be bad, for each side.'),
    points: z
      .array(
        z.strictObject({
          at: timestamp.describe('Start of the step, by time of acceptance.'),
          length_s: z
            .int()
            .describe('A minute, an hour or a day: as fine as requested, if the counters are.'),
          due: count,
          sender: sidePoint,
          receiver: sidePoint,
        }),
      )
      .describe('From `known_since` on, without gaps. The last one is what is left now.'),
  })
  .meta({ id: 'SloHistory' });

const run = z
  .tuple([count, z.int().min(1)])
  .readonly()
  .describe('A count, and for how many consecutive steps it repeats.')
  .meta({ id: 'Run' });
const runs = z.array(run).describe('Run-length encoded.');
const minutes = z
  .strictObject({
    name: z.string(),
    target: z.number(),
    window_s: z.int().describe('Window of the objective.'),
    within_s: z
      .number()
      .describe('How long after its time a count is known: the longest deadline of the endpoints.'),
    since: timestamp,
    until: timestamp,
    known_since: sloWindow.shape.known_since,
    segments: z
      .array(
        z.strictObject({
          at: timestamp.describe('Start of its first step.'),
          step_s: z.int().describe('60; 3600 if minutes are no longer kept, and 86400 if hours are not.'),
          due: runs,
          sender: runs.describe('Bad deliveries, sender at fault.'),
          receiver: runs.describe('Bad deliveries, receiver at fault.'),
        }),
      )
      .describe('Consecutive, the oldest and coarsest first.'),
  })
  .meta({ id: 'SloMinutes' });

const spend = z
  .strictObject({
    side: z.enum(['sender', 'receiver']),
    endpoint: z.strictObject({
      id: z.string(),
      name: z.string().nullable(),
      host: z.string(),
      owner: z.string().nullable(),
    }),
    cause: z
      .union([z.enum(['delayed', 'paused', 'held', 'unknown']), errorClass])
      .describe(
        'Why most of them missed it. An error class: failed attempts. `delayed`: none failed, they were late or still wait; `paused`: accepted while the endpoint was paused; `held`: behind a dead letter of their ordering key; `unknown`: no failed attempt was counted.',
      ),
    failures: z
      .array(z.strictObject({ class: errorClass, count }))
      .describe('Failed attempts on these days by class, the most frequent first.'),
    since: timestamp,
    until: timestamp.describe('End of the last day.'),
    bad: count.describe('Deliveries accepted on these days that are late or will not arrive.'),
    of_budget: z.number().nullable().describe("Share of this side's budget; null if it has none."),
    worth: z.array(moneyAnswer).describe('Their value, as far as it is known.'),
    unknown_worth: count.describe('How many of them have no value, or none that is still known.'),
  })
  .meta({ id: 'SloSpend' });

const spends = z
  .strictObject({
    name: z.string(),
    target: z.number(),
    window: sloWindow,
    due: count,
    budget: z.number().describe('How many may be bad, for each side.'),
    items: z.array(spend).describe('The largest first, at most 100.'),
    beyond: z.strictObject({ items: count, bad: count }).describe('The sum of what is beyond the limit.'),
    rows_read: count.describe('Deliveries read for their worth.'),
    complete: z
      .boolean()
      .describe('False if there are more rows than are read; the others count as of unknown worth.'),
  })
  .meta({ id: 'SloSpends' });

const example = { name: 'payments', target: 0.999 } as const;

export const sloHistoryOperations = operations({
  'slos.history': {
    method: 'GET',
    path: '/v1/slos/{name}/history',
    tag: 'slos',
    scope: 'read',
    summary: 'Get how the budgets of an objective were spent over time',
    description:
      "Returns each side's error budget after each step of the window. Counters are kept by the minute for 8 hours, then by the hour for 8 days, then by the day. An objective of kind `accounted` does not have a history.",
    params,
    query: z.strictObject({
      step: z.enum(['minute', 'hour', 'day']).default('hour').describe('How fine the steps may be at most.'),
    }),
    status: 200,
    answer: history,
    errors: ['not_found'],
    example: {
      params: { name: example.name },
      query: { step: 'day' },
      answer: {
        ...example,
        window: exampleWindow,
        due: 125_000,
        budget: 125,
        points: [
          {
            at: '2026-10-21T00:00:00.000Z',
            length_s: 86_400,
            due: 4100,
            sender: { bad: 0, budget_remaining: 1 },
            receiver: { bad: 4, budget_remaining: 0.968 },
          },
        ],
      },
    },
  },
  'slos.minutes': {
    method: 'GET',
    path: '/v1/slos/{name}/minutes',
    tag: 'slos',
    scope: 'read',
    summary: 'Get the counts of an objective for a backtest',
    description:
      'Returns what was due and what was bad, by time of acceptance, for trying alert rules on it. If minutes are no longer kept, counts cover whole hours or days. An objective of kind `accounted` has none.',
    params,
    query: z.strictObject({
      since: timestamp.optional().describe('Default: the start of the window.'),
      until: timestamp.optional().describe('Default: now.'),
    }),
    status: 200,
    answer: minutes,
    errors: ['not_found'],
    example: {
      params: { name: example.name },
      answer: {
        ...example,
        window_s: 2_592_000,
        within_s: 300,
        since: '2026-11-20T07:00:00.000Z',
        until: '2026-11-20T09:00:00.000Z',
        known_since: '2026-10-21T00:00:00.000Z',
        segments: [
          {
            at: '2026-11-20T07:00:00.000Z',
            step_s: 60,
            due: [[40, 120]],
            sender: [[0, 120]],
            receiver: [
              [0, 100],
              [3, 20],
            ],
          },
        ],
      },
    },
  },
  'slos.spend': {
    method: 'GET',
    path: '/v1/slos/{name}/spend',
    tag: 'slos',
    scope: 'read',
    summary: 'Get what spent the budgets of an objective',
    description:
      'Returns what spent the budgets, by endpoint, side, cause and consecutive days (UTC). Each bad delivery is counted once, under the most frequent cause of its day. Worth is read from rows, so it is known while those are kept, and not for deliveries that were late at their first attempt.',
    params,
    status: 200,
    answer: spends,
    errors: ['not_found'],
    example: {
      params: { name: example.name },
      answer: {
        ...example,
        window: exampleWindow,
        due: 125_000,
        budget: 125,
        items: [
          {
            side: 'receiver',
            endpoint: {
              id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
              name: 'orders',
              host: 'orders.example.com',
              owner: 'shop',
            },
            cause: 'http_5xx',
            failures: [{ class: 'http_5xx', count: 410 }],
            since: '2026-11-05T00:00:00.000Z',
            until: '2026-11-10T00:00:00.000Z',
            bad: 160,
            of_budget: 1.28,
            worth: [{ currency: 'EUR', amount_minor: 734_000, events: 158 }],
            unknown_worth: 2,
          },
        ],
        beyond: { items: 0, bad: 0 },
        rows_read: 212,
        complete: true,
      },
    },
  },
});
