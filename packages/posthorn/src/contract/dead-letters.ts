import { z } from 'zod';
import { errorClass } from './delivery-filter.ts';
import { anyId, count, moneyAnswer, pageIn, pageOf, tenantName, timestamp } from './fields.ts';
import { operations } from './operation.ts';
import { severalInQuery } from './several.ts';

const deadLetterGroup = z
  .strictObject({
    endpoint_id: z.string(),
    owner: z.string().nullable().describe('The team that owns the endpoint.'),
    error_class: errorClass.nullable().describe('Of the last attempt; null: there was none.'),
    count,
    blocked_keys: count.describe('Ordering keys that they block (`on_dead: block`).'),
    oldest_at: timestamp.describe('When the oldest of them was created.'),
    value_at_risk: z.array(moneyAnswer).describe('What their events are worth, by currency.'),
  })
  .meta({ id: 'DeadLetterGroup' });

export const deadLetterOperations = operations({
  'deadLetters.list': {
    method: 'GET',
    path: '/v1/dead-letters',
    tag: 'dead-letters',
    scope: 'read',
    summary: 'List dead letters in groups',
    description: 'By endpoint and class of the last error, the largest group first.',
    query: z.strictObject({
      tenant: severalInQuery(tenantName).optional(),
      endpoint_id: severalInQuery(anyId).optional(),
      ...pageIn('desc'),
    }),
    status: 200,
    answer: pageOf('DeadLetterList', deadLetterGroup),
    errors: [],
    example: {
      query: { tenant: 'default' },
      answer: {
        items: [
          {
            endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
            owner: 'checkout',
            error_class: 'http_5xx',
            count: 42,
            blocked_keys: 0,
            oldest_at: '2026-11-20T08:15:00.000Z',
            value_at_risk: [{ currency: 'USD', amount_minor: 461_580, events: 42 }],
          },
        ],
        next_cursor: null,
      },
    },
  },
});
