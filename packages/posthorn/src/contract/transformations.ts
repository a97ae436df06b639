import { z } from 'zod';
import { transformationLimits } from '../domain/transformation.ts';
import { eventId, eventType, tenantName } from './fields.ts';
import { operations } from './operation.ts';

export const transformation = z
  .strictObject({
    language: z.enum(['jsonata']),
    expression: z
      .string()
      .min(1)
      .max(transformationLimits.expressionLength)
      .refine(
        (text) => text.isWellFormed() && !text.includes('\0'),
        'must not contain NUL or unpaired surrogates',
      )
      .describe('JSONata over the data; `$event` has `id`, `type` and `timestamp`.'),
  })
  .meta({
    id: 'Transformation',
    description:
      'Reshapes the data when an attempt is made. The published event does not change. Limited in time, memory and result size; a failure is retried like any other, and never sends the original data.',
  });

const dryRun = z
  .strictObject({
    transformation,
    data: z.unknown().optional().describe('Any JSON. Give either this or `event_id`.'),
    event_type: eventType.default('example').describe('Value of `$event.type`, with `data`.'),
    event_id: eventId.optional().describe('Id of a stored event; requires a key that sees payloads in full.'),
    tenant: tenantName.optional().describe('Tenant of the event. Default: `default`.'),
  })
  .meta({ id: 'TransformationDryRun' });

const outcome = z
  .strictObject({
    result: z.unknown().describe('The data that would be sent; null if the expression fails.'),
    error: z.string().nullable().describe('Why an attempt would fail; null if it would not.'),
  })
  .meta({ id: 'TransformationOutcome' });

export const transformationOperations = operations({
  'transformations.dryRun': {
    method: 'POST',
    path: '/v1/transformations/dry-run',
    tag: 'transformations',
    scope: 'operate',
    summary: 'Try a transformation',
    description:
      'Runs the expression as an attempt would, within the same limits, and sends nothing. An invalid expression is refused with 422.',
    body: dryRun,
    status: 200,
    answer: outcome,
    errors: ['not_found', 'event_corrupt', 'event_data_deleted'],
    example: {
      body: {
        transformation: { language: 'jsonata', expression: 'object.{"order": id, "total": amount / 100}' },
        data: { object: { id: 'pi_17', amount: 1099, currency: 'usd' } },
      },
      answer: { result: { order: 'pi_17', total: 10.99 }, error: null },
    },
  },
});
