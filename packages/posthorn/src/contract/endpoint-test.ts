import { z } from 'zod';
import { attempt, attemptExample } from './delivery-details.ts';
import { receipt } from './events.ts';
import { anyId, tenantLeftOut, tenantName } from './fields.ts';
import { operations } from './operation.ts';

const testReceipt = z
  .strictObject({
    ...receipt.shape,
    delivery_id: z.string(),
    attempt: attempt
      .nullable()
      .describe(
        'Null if no attempt was made in time, or if the endpoint is paused. The delivery continues by itself.',
      ),
  })
  .meta({ id: 'EndpointTest' });

export const endpointTestOperations = operations({
  'endpoints.test': {
    method: 'POST',
    path: '/v1/endpoints/{id}/test',
    tag: 'endpoints',
    scope: 'operate',
    summary: 'Send a test event',
    description:
      'Publishes an event of type `posthorn.test` to this endpoint alone, and returns what the receiver answered.',
    params: z.strictObject({ id: anyId.describe('Id or name of the endpoint.') }),
    query: z.strictObject({
      tenant: tenantName
        .optional()
        .describe(`Tenant of the endpoint, if it is given by its name. ${tenantLeftOut}`),
      wait_s: z.coerce
        .number()
        .min(0)
        .max(30)
        .optional()
        .describe(
          "How long to wait for the attempt. Default: the endpoint's timeout plus 2 s, at most 30 s.",
        ),
    }),
    status: 202,
    answer: testReceipt,
    errors: ['not_found'],
    example: {
      params: { id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g' },
      answer: {
        id: 'evt_01jd8z5t7v9x1z3b5d7f9h1k3m',
        tenant: 'default',
        type: 'posthorn.test',
        accepted_at: '2026-11-20T09:00:00.000Z',
        deliveries: 1,
        suppressed: 0,
        unmatched: false,
        duplicate: false,
        delivery_id: 'dlv_00000gq7v2k',
        attempt: {
          ...attemptExample,
          status_code: 200,
          outcome: 'delivered',
          error_class: null,
          response_excerpt: 'ok',
        },
      },
    },
  },
});
