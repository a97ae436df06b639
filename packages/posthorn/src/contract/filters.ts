import { z } from 'zod';
import type { Filter } from '../domain/filter.ts';
import { filterFaults, filterLimits } from '../domain/filter-faults.ts';
import { count, eventTypePattern, ownTenant, timestamp } from './fields.ts';
import { operations } from './operation.ts';

/** What JSON Schema can express; the description states the rest, and validation checks it. */
const jsonSchema = {
  type: 'object',
  additionalProperties: {
    anyOf: [
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'null' },
      { type: 'object', additionalProperties: {} },
      { type: 'array', items: { type: 'object', additionalProperties: {} } },
    ],
  },
} as const;

/** Which events an endpoint receives, by their data. */
export const filter = z
  .custom<Filter>()
  .superRefine((value, context) => {
    for (const { path, message } of filterFaults(value))
      context.addIssue({ code: 'custom', path: [...path], message });
  })
  .meta({
    id: 'Filter',
    ...jsonSchema,
    description: `Conditions on the data, all of which must hold. A JSON Pointer names a value: \`{"/currency": "eur"}\` (equality) or \`{"/amount": {"gte": 1000, "lt": 5000}}\` with the operators eq, gt, gte, lt, lte, in, exists and prefix. \`all\` and \`any\` take lists of filters, \`not\` takes one. At most ${filterLimits.values} values and ${filterLimits.depth} levels.`,
  });

const dryRun = z
  .strictObject({
    filter,
    tenant: ownTenant.optional().describe('Tenant of the events. Default: `default`.'),
    event_types: z
      .array(eventTypePattern)
      .min(1)
      .max(100)
      .optional()
      .describe('Only events of these types; wildcards as in subscriptions.'),
    last: z.int().min(1).max(1000).optional().describe('How many of the newest events to try. Default: 100.'),
    data: z.unknown().optional().describe('Any JSON, tried instead of stored events.'),
  })
  .meta({ id: 'FilterDryRun' });

const sample = z.array(z.string()).describe('Ids of the newest of them, at most 10.');
const outcome = z
  .strictObject({
    examined: count.describe('Events that the filter was tried on.'),
    passed: count,
    failed: count,
    passed_ids: sample,
    failed_ids: sample,
    newest_at: timestamp.nullable().describe('When the newest of them was accepted.'),
    oldest_at: timestamp.nullable(),
    complete: z
      .boolean()
      .describe('False if there are older events, or more than one call reads, that it was not tried on.'),
  })
  .meta({ id: 'FilterOutcome' });

export const filterOperations = operations({
  'filters.dryRun': {
    method: 'POST',
    path: '/v1/filters/dry-run',
    tag: 'filters',
    scope: 'read',
    summary: 'Try a filter',
    description:
      'Returns how many of the newest events would pass, with examples of both kinds. Reads the newest 12,800 events of all tenants and at most 4 MiB of data. Stored events require a key that sees payloads in full: with filters, a key could find out what they contain.',
    body: dryRun,
    status: 200,
    answer: outcome,
    errors: ['not_found'],
    example: {
      body: {
        filter: { '/object/amount': { gte: 1000 }, '/object/currency': 'usd' },
        event_types: ['payment_intent.*'],
        last: 200,
      },
      answer: {
        examined: 200,
        passed: 57,
        failed: 143,
        passed_ids: ['pi_1PgafyB7WZ01zgkWSjxsAJo3-succeeded'],
        failed_ids: ['pi_1Pgc72B7WZ01zgkWqPvrRrPE-succeeded'],
        newest_at: '2026-11-20T08:15:00.000Z',
        oldest_at: '2026-11-20T07:52:10.000Z',
        complete: false,
      },
    },
  },
});
