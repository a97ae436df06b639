import { z } from 'zod';
import { count, interval } from './fields.ts';
import { operations } from './operation.ts';

const burnRate = z
  .strictObject({
    rule: z.string(),
    severity: z.enum(['page', 'ticket']),
    long: z.string().describe('The long window: `1h`, `3d`.'),
    short: z.string().describe('The short window: `5m`, `6h`.'),
    factor: z.number().describe('The rule fires above this burn rate.'),
    rate_long: z.number().describe('1: the budget lasts exactly as long as the window of the objective.'),
    rate_short: z.number(),
    firing: z.boolean(),
  })
  .meta({ id: 'BurnRate' });

const side = z
  .strictObject({
    team: z.string().nullable().describe('Null: no team is named.'),
    bad: count.describe('Deliveries that missed the objective through the fault of this side.'),
    sli: z.number().nullable().describe('The share that this side did not spoil; null: nothing was due.'),
    budget_remaining: z
      .number()
      .nullable()
      .describe(
        "What is left of this side's error budget: 1 is all of it, below 0 it is overspent; null: nothing was due.",
      ),
    burn: z.array(burnRate),
    slow_leak: z.boolean().describe('A steady excess that no burn rate sees.'),
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
      .describe('The template that states the objective; null: declared by name.'),
    endpoints: count.describe('Endpoints that the objective covers.'),
    kept: z.boolean().describe('Whether `sli` is at least `target`; true if nothing was due.'),
    sli: z.number().nullable().describe('`good` / `total`, whoever is at fault; null: nothing was due.'),
    sli_interval: interval,
    good: count,
    total: count.describe('Deliveries whose deadline has passed.'),
    sides: z.strictObject({ sender: side, receiver: side }),
  })
  .meta({ id: 'SloStatus' });

const rates = [
  { rule: 'burn-1h', severity: 'page', long: '1h', short: '5m', factor: 14.4 },
  { rule: 'burn-6h', severity: 'page', long: '6h', short: '30m', factor: 6 },
] as const;

export const sloStatusOperations = operations({
  'slos.status': {
    method: 'GET',
    path: '/v1/slos/{name}/status',
    tag: 'slos',
    scope: 'read',
    summary: 'Get the status of an objective',
    description:
      'Counts the deliveries whose deadline has passed in the window of the objective. What is bad is the fault of one side, and each side has an error budget of its own.',
    params: z.strictObject({
      name: z.string().describe('Its name, or the id of an endpoint whose template states an objective.'),
    }),
    status: 200,
    answer: sloStatus,
    errors: ['not_found'],
    example: {
      params: { name: 'payments' },
      answer: {
        name: 'payments',
        objective: 'delivered_within',
        target: 0.999,
        window_days: 30,
        template: null,
        endpoints: 12,
        kept: false,
        sli: 0.9987,
        sli_interval: [0.99847, 0.9989],
        good: 124_837,
        total: 125_000,
        sides: {
          sender: {
            team: 'payments',
            bad: 3,
            sli: 0.999976,
            budget_remaining: 0.976,
            burn: rates.map((rate) => ({ ...rate, rate_long: 0, rate_short: 0, firing: false })),
            slow_leak: false,
            endpoints: [{ endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g', bad: 3, total: 41_000 }],
          },
          receiver: {
            team: 'shop',
            bad: 160,
            sli: 0.99872,
            budget_remaining: -0.28,
            burn: rates.map((rate) => ({ ...rate, rate_long: 18.2, rate_short: 21, firing: true })),
            slow_leak: false,
            endpoints: [{ endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g', bad: 160, total: 41_000 }],
          },
        },
      },
    },
  },
});
