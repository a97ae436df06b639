import { z } from 'zod';
import { errorClasses } from '../domain/attempt.ts';
import { deliveryStates } from '../domain/delivery.ts';
import { anyId, eventId, eventType, tenantName, timestamp } from './fields.ts';
import { several, severalInQuery, severalRepeated } from './several.ts';

// What deliveries are chosen by: any of the values of each field.

export const errorClass = z.enum(errorClasses);
export const deliveryState = z.enum(deliveryStates);
/** Only what ended undelivered is redriven. */
const droppedState = z.enum(['dead', 'suppressed'], 'must be dead or suppressed');
const window = {
  since: timestamp.describe('Created at this time or later.'),
  until: timestamp.describe('Created before this time.'),
};

/** In the query of a list. */
export const deliveryFilterQuery = z
  .strictObject({
    tenant: severalInQuery(tenantName),
    endpoint_id: severalInQuery(anyId),
    event_id: severalRepeated(eventId),
    event_type: severalInQuery(eventType),
    state: severalInQuery(deliveryState),
    error_class: severalInQuery(errorClass),
    ...window,
  })
  .partial();

/** In the body of a redrive. */
export const redriveFilter = z
  .strictObject({
    tenant: several(tenantName),
    endpoint_id: several(anyId),
    event_id: several(eventId),
    event_type: several(eventType),
    state: several(droppedState),
    error_class: several(errorClass),
    ...window,
  })
  .partial();

/** In the answer of a redrive. */
export const redriveFilterAnswer = z
  .strictObject({
    tenant: z.array(tenantName),
    endpoint_id: z.array(anyId),
    event_id: z.array(eventId),
    event_type: z.array(eventType),
    state: z.array(deliveryState),
    error_class: z.array(errorClass),
    ...window,
  })
  .partial();
