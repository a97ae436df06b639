import { z } from 'zod';
import { errorClasses } from '../domain/attempt.ts';
import { deliveryStates } from '../domain/delivery.ts';
import { anyId, eventId, eventType, tenantName, timestamp } from './fields.ts';
import { several, severalInQuery, severalWithCommas } from './several.ts';

// What deliveries are chosen by: any of the values of each field.

const errorClass = z.enum(errorClasses);
const state = z.enum(deliveryStates);
/** Only what ended undelivered is redriven. */
const droppedState = z.enum(['dead', 'suppressed'], 'must be dead or suppressed');
const window = { since: timestamp, until: timestamp };

/** In the query of a list. */
export const deliveryFilterQuery = z
  .strictObject({
    tenant: severalInQuery(tenantName),
    endpoint_id: severalInQuery(anyId),
    event_id: severalWithCommas(eventId),
    event_type: severalInQuery(eventType),
    state: severalInQuery(state),
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
    state: z.array(state),
    error_class: z.array(errorClass),
    ...window,
  })
  .partial();
