import { z } from 'zod';
import { count, interval, timestamp } from './fields.ts';
import { operations } from './operation.ts';

const lasts = z.number().min(0).nullable();

const burnRate = z
  .strictObject({
    rule: z.string(),
    severity: z.enum(['page', 'ticket']),
    long: z.string().describe('The long window: `1h`, `3d`.'),
    short: z.string().describe('The short window: `5m`, `6h`.'),
    factor: z.number().describe('The rule fires above this burn rate.'),
    rate_long: z
      .number()
      .describe('1 means that the budget lasts exactly as long as the window of the objective.'),
    rate_short: z.number(),
    lasts_s: lasts.describe('How long the budget lasts at `rate_long`; null if nothing of it is spent.'),
    firing: z.boolean(),
  })
  .meta({ id: 'BurnRate' });

/** The window of an objective as it was counted. */
export const sloWindow = z
  .strictObject({
    since: timestamp,
    until: timestamp.describe('What was accepted later is not past its deadline yet.'),
    resolution: z
      .enum(['minute', 'hour', 'day'])
      .describe(
        'How fine the counters are at `since`; an hour or a day (UTC) that the window would cut is left out.',
      ),
    known_since: timestamp.describe(
      'From when there is something to count; later than `since` while the endpoints are younger than the window.',
    ),
  })
  .describe('By time of acceptance.')
  .meta({ id: 'SloWindow' });

const side = z
  .strictObject({
    team: z.string().nullable().describe('Null if no team is named.'),
    bad: count.describe('Deliveries that missed the objective because of this side.'),
    sli: z.number().nullable().describe('The share that this side did not spoil; null if nothing was due.'),
    budget_remaining: z
      .number()
      .nullable()
      .describe(
        "What is left of this side's error budget: 1 is all of it, below 0 it is overspent; null if nothing was due.",
      ),
    budget: z
      .number()
      .describe('How many may be bad before the budget is used up: `total` × (1 − `target`).'),
    burn: z.array(burnRate),
    lasts_s: lasts.describe(
      'How long the rest of the budget lasts at the rate of the last hour; 0 if it is used up; null if nothing was spent in the last hour.',
    ),
    sentence: z.string().describe('The same, human-readable.'),
    slow_leak: z.boolean().describe('A steady excess that no burn rate detects.'),
    endpoints: z
      .array(z.strictObject({ endpoint_id: z.string(), bad: count, total: count }))
      .describe('The endpoints with the most `bad` of this side, at most ten.'),
  })
  .meta({ id: 'SloSide' });

export const sloStatus = z
  .strictObject({
    name: z.string(),
    objective: z.enum(['delivered_within', 'accounted']),
    target: z.number(),
    window_days: z.number(),
    template: z
      .string()
      .nullable()
      .describe('The template that sets the objective; null if it was declared by name.'),
    endpoints: count.describe('Endpoints that the objective covers.'),
    kept: z.boolean().describe('Whether `sli` is at least `target`; true if nothing was due.'),
    sli: z
      .number()
      .nullable()
      .describe('`good` / `total`, whichever side is at fault; null if nothing was due.'),
    sli_interval: interval,
    sentence: z
      .string()
      .describe('Whether it is kept, human-readable; names the side that has overspent its budget.'),
    window: sloWindow,
    good: count,
    total: count.describe('Deliveries whose deadline has passed.'),
    sides: z.strictObject({ sender: side, receiver: side }),
  })
  .meta({ id: 'SloStatus' });

export const exampleWindow = {
  since: '2026-10-21T00:00:00.000Z',
  until: '2026-11-20T09:00:00.000Z',
  resolution: 'day',
  known_since: '2026-10-21T00:00:00.000Z',
} as const;

const rates = [
  { rule: 'burn-1h', severity: 'page', long: '1h', short: '5m', factor: 14.4 },
  { rule: 'burn-6h', severity: 'page', long: '6h', short: '30m', factor: 6 },
] as const;

export const exampleStatus: z.input<typeof sloStatus> = {
  name: 'payments',
  objective: 'delivered_within',
  target: 0.999,
  window_days: 30,
  template: null,
  endpoints: 12,
  kept: false,
  sli: 0.9987,
  sli_interval: [0.99847, 0.9989],
  sentence:
    'Not kept: 99.86% delivered in time; the target is 99.9%. The receiver, shop, spent 1.2 times its budget.',
  window: exampleWindow,
  good: 124_837,
  total: 125_000,
  sides: {
    sender: {
      team: 'payments',
      bad: 3,
      sli: 0.999976,
      budget_remaining: 0.976,
      burn: rates.map((rate) => ({ ...rate, rate_long: 0, rate_short: 0, lasts_s: null, firing: false })),
      budget: 125,
      lasts_s: null,
      sentence: 'Nothing was spent in the last hour.',
      slow_leak: false,
      endpoints: [{ endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g', bad: 3, total: 41_000 }],
    },
    receiver: {
      team: 'shop',
      bad: 160,
      sli: 0.99872,
      budget_remaining: -0.28,
      burn: rates.map((rate) => ({ ...rate, rate_long: 18.2, rate_short: 21, lasts_s: 0, firing: true })),
      budget: 125,
      lasts_s: 0,
      sentence: 'Overspent: 1.2 times the budget is gone.',
      slow_leak: false,
      endpoints: [{ endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g', bad: 160, total: 41_000 }],
    },
  },
};

export const sloStatusOperations = operations({
  'slos.status': {
    method: 'GET',
    path: '/v1/slos/{name}/status',
    tag: 'slos',
    scope: 'read',
    summary: 'Get the status of an objective',
    description:
      'Counts the deliveries whose deadline has passed in the window of the objective. Each bad delivery is the fault of one side, and each side has its own error budget.',
    params: z.strictObject({
      name: z.string().describe('Name of the objective, or id of an endpoint whose template sets one.'),
    }),
    status: 200,
    answer: sloStatus,
    errors: ['not_found'],
    example: {
      params: { name: 'payments' },
      answer: exampleStatus,
    },
  },
});
