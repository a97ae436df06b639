import { z } from 'zod';
import { errorClasses } from '../domain/attempt.ts';
import { deliveryStates } from '../domain/delivery.ts';
import { count, timestamp } from './fields.ts';

const errorClass = z.enum(errorClasses);
const deliveryState = z.enum(deliveryStates);

const lastError = z.strictObject({
  class: errorClass,
  status_code: z.int().nullable().describe('Of the response; null: there was none.'),
  message: z.string().nullable(),
});

export const delivery = z
  .strictObject({
    id: z.string(),
    event_id: z.string(),
    event_type: z.string(),
    tenant: z.string(),
    endpoint_id: z.string(),
    state: deliveryState.describe('Only `pending` moves by itself.'),
    attempt_count: count.describe('Attempts that were made.'),
    due_at: timestamp
      .nullable()
      .describe('When a pending delivery is attempted next, or claimed again if its attempt never ends.'),
    created_at: timestamp,
    settled_at: timestamp.nullable().describe('When it left `pending`.'),
    reason: z
      .string()
      .nullable()
      .describe(
        'Why it is in its state: `delivered`, `schedule_exhausted`, `too_old`, `gone`, `corrupt`, `endpoint_paused`, `endpoint_deleted`, or `cancelled: …` with what the operator said.',
      ),
    last_error: lastError.nullable().describe('Of the last attempt, if it failed.'),
  })
  .meta({ id: 'Delivery' });

export const deliveryExample = {
  id: 'dlv_00000gq7v2k',
  event_id: 'evt_01jd8z2m9k4x7v0q5t3n6w8y1b',
  event_type: 'payment_intent.succeeded',
  tenant: 'default',
  endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
  state: 'delivered',
  attempt_count: 2,
  due_at: null,
  created_at: '2026-11-20T08:15:00.000Z',
  settled_at: '2026-11-20T08:15:05.214Z',
  reason: 'delivered',
  last_error: null,
} as const;
