import { z } from 'zod';
import { formerStates } from '../domain/imported.ts';
import { newEvent } from './events.ts';
import { anyId, count, eventId, ownTenant, tenantLeftOut } from './fields.ts';
import { maxBatchBytes } from './limits.ts';
import { operations } from './operation.ts';

const pastEvent = newEvent
  .omit({ tenant: true })
  .extend({
    id: eventId.describe('The id that it had. An event of this id that is here stays as it is.'),
    deliveries: z
      .array(
        z.strictObject({
          endpoint_id: anyId.describe('Id or name.'),
          state: z.enum(formerStates).describe('What became of it at the former sender.'),
        }),
      )
      .max(1000)
      .describe('They end as `cancelled`, with a reason that says the state, and are not attempted.'),
  })
  .meta({ id: 'PastEvent' });

const eventImport = z
  .strictObject({
    tenant: ownTenant.optional().describe(tenantLeftOut),
    dry_run: z.boolean().optional().describe('Only count.'),
    events: z.array(pastEvent).min(1).max(1000),
  })
  .meta({ id: 'EventImport' });

const imported = z
  .strictObject({
    events: count.describe('Events that were not here before.'),
    deliveries: count.describe('Their deliveries.'),
    existing: count.describe('Events whose ids were here, or came twice: nothing of them changes.'),
    dry_run: z.boolean(),
  })
  .meta({ id: 'ImportedEvents' });

export const eventImportOperations = operations({
  'events.import': {
    method: 'POST',
    path: '/v1/events/import',
    tag: 'events',
    scope: 'admin',
    summary: 'Import past events of another sender',
    description:
      'Records up to 1,000 past events, all or none, with what became of their deliveries. Nothing is sent: their deliveries are `cancelled` at once. So the ledger balances, and no objective, alert or report counts them. The events can be replayed, and an event published later under the same id and with the same data is a duplicate. They count as accepted now, `occurred_at` says when they happened. The body may have 8 MiB.',
    body: eventImport,
    maxBodyBytes: maxBatchBytes,
    status: 200,
    answer: imported,
    errors: ['not_found', 'invalid_data', 'schema_too_expensive', 'schema_unusable', 'schema_suspended'],
    example: {
      body: {
        tenant: 'acme',
        events: [
          {
            id: 'inv_1042-paid',
            type: 'invoice.paid',
            occurred_at: '2026-11-20T08:15:00.000Z',
            data: { invoice: 'inv_1042', amount: 1099 },
            deliveries: [{ endpoint_id: 'billing', state: 'delivered' }],
          },
        ],
      },
      answer: { events: 1, deliveries: 1, existing: 0, dry_run: false },
    },
  },
});
