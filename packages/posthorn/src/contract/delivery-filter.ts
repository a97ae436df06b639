import { z } from 'zod';
import { errorClasses } from '../domain/attempt.ts';
import { deliveryStates } from '../domain/delivery.ts';
import { eventId, eventType, tenantName, timestamp } from './fields.ts';

/** What deliveries are chosen by; in the body of a redrive, and in the query of a list. */
export const deliveryFilter = {
  tenant: tenantName,
  endpoint_id: z.string().max(64),
  event_id: eventId,
  event_type: eventType,
  state: z.enum(deliveryStates),
  error_class: z.enum(errorClasses),
  since: timestamp,
  until: timestamp,
};
