import { z } from 'zod';
import { redriveFilterAnswer } from './delivery-filter.ts';
import { anyId, count, moneyAnswer, pageIn, printableName, tenantName, timestamp } from './fields.ts';
import { severalInQuery } from './several.ts';

// What bulk redrives and bulk replays have in common.

export const rate = z
  .number()
  .min(0.001)
  .max(100_000)
  .nullable()
  .describe('Deliveries per second for the whole job; null means as fast as the store allows.');
const jobName = printableName(128);

/** The request body that starts one, besides its filter. */
export const jobRequest = {
  rate_per_s: rate.optional(),
  name: jobName.optional(),
  dry_run: z.boolean().default(false).describe('Counts what would be done and changes nothing.'),
};

export const jobChange = { rate_per_s: rate.optional(), name: jobName.nullable().optional() };

/** The answer; `done` is the name of the field that counts what was taken. */
export const jobAnswer = {
  id: z.string(),
  name: z.string().nullable(),
  by: z
    .strictObject({
      kind: z.enum(['key', 'session', 'portal', 'library', 'cli', 'engine']),
      name: z.string(),
    })
    .nullable()
    .describe('Who started it; null if that was not recorded, and for portal sessions.')
    .meta({ id: 'JobActor' }),
  state: z.enum(['running', 'done', 'stopped']),
  stop_reason: z
    .enum(['asked', 'failing'])
    .nullable()
    .describe(
      'Why it is `stopped`. `asked`: an operator stopped it. `failing`: it stopped itself, because the first 20 deliveries all failed again.',
    ),
  matched: count.describe('Deliveries that matched the filter when it was created.'),
  skipped: count.describe(
    'Deliveries not taken: changed or deleted since, without an endpoint, or of an event whose data were deleted.',
  ),
  outcome: z
    .strictObject({
      delivered: count,
      pending: count,
      dead: count,
      other: count.describe('Cancelled, suppressed, taken over by a later redrive, or deleted by retention.'),
    })
    .describe('Outcomes of the deliveries it has taken. The four counts add up to them.')
    .meta({ id: 'JobOutcome' }),
  value: z.array(moneyAnswer).describe('Value of what matched, by currency.'),
  oldest_at: timestamp.nullable().describe('When the oldest matching delivery was created.'),
  newest_at: timestamp.nullable(),
  keys_held: count.describe(
    'Ordering keys whose later deliveries wait until these are delivered; counted up to 100,000.',
  ),
  endpoints: count.describe('Endpoints with at least one match.'),
  by_endpoint: z
    .array(
      z
        .strictObject({ endpoint_id: z.string(), matched: count, value: z.array(moneyAnswer) })
        .meta({ id: 'JobEndpoint' }),
    )
    .describe('The 100 endpoints with the most matches.'),
  filter: redriveFilterAnswer,
  dry_run: z.boolean(),
  rate_per_s: z.number().nullable(),
  created_at: timestamp,
  finished_at: timestamp.nullable(),
};

export const jobListQuery = (what: string) =>
  z.strictObject({
    tenant: severalInQuery(tenantName)
      .optional()
      .describe(`Only ${what} whose filter names tenants, all of them among these.`),
    endpoint_id: severalInQuery(anyId)
      .optional()
      .describe(`Only ${what} whose filter names endpoints, all of them among these.`),
    ...pageIn('desc'),
  });

export const jobExample = {
  name: 'after the outage',
  by: { kind: 'key', name: 'on-call' },
  state: 'running',
  stop_reason: null,
  matched: 1250,
  skipped: 0,
  outcome: { delivered: 280, pending: 20, dead: 0, other: 0 },
  value: [{ currency: 'EUR', amount_minor: 1_843_200, events: 1250 }],
  oldest_at: '2026-11-20T08:15:00.000Z',
  newest_at: '2026-11-20T09:40:00.000Z',
  keys_held: 0,
  endpoints: 1,
  by_endpoint: [
    {
      endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
      matched: 1250,
      value: [{ currency: 'EUR', amount_minor: 1_843_200, events: 1250 }],
    },
  ],
  filter: { endpoint_id: ['ep_01jd8z0c3r5s7u9w1y3a5c7e9g'], state: ['dead'] },
  dry_run: false,
  rate_per_s: 50,
  created_at: '2026-11-20T10:00:00.000Z',
  finished_at: null,
} as const;
