import { z } from 'zod';
import { errorClasses } from '../domain/attempt.ts';
import { deliveryStates } from '../domain/delivery.ts';
import { anyId, eventId, eventType, routingKey, tenantName, timestamp } from './fields.ts';
import { several, severalInQuery, severalRepeated } from './several.ts';

// What deliveries are selected by: any of the values of each field.

export const errorClass = z
  .enum(errorClasses)
  .meta({ id: 'ErrorClass', description: 'Why an attempt did not deliver.' });
export const deliveryState = z
  .enum(deliveryStates)
  .meta({ id: 'DeliveryState', description: 'Every delivery is in exactly one.' });
/** Only deliveries that ended undelivered are redriven. */
export const droppedState = z.enum(['dead', 'suppressed'], 'must be dead or suppressed').meta({
  id: 'DroppedState',
  description: 'States that a redrive ends: it makes the deliveries pending again.',
});
export const statusClass = z
  .enum(['1xx', '2xx', '3xx', '4xx', '5xx', 'none'])
  .describe('`none`: without a response.');
/** In a response. */
const statusCode = z.int().min(100).max(999);
export const window = {
  since: timestamp.describe('Created at or after this time.'),
  until: timestamp.describe('Created before this time.'),
};

/** In the query of a list. */
export const deliveryFilterQuery = z
  .strictObject({
    tenant: severalInQuery(tenantName),
    endpoint_id: severalInQuery(anyId),
    event_id: severalRepeated(eventId),
    event_type: severalInQuery(eventType),
    routing_key: severalInQuery(routingKey).describe('Any of the routing keys of the event.'),
    state: severalInQuery(deliveryState),
    error_class: severalInQuery(errorClass),
    ...window,
  })
  .partial();

const chosen = {
  tenant: several(tenantName),
  endpoint_id: several(anyId),
  event_type: several(eventType),
  routing_key: several(routingKey).describe('Any of the routing keys of the event.'),
  error_class: several(errorClass),
  status_code: several<number>(statusCode).describe('HTTP status of the last attempt.'),
  status_class: several(statusClass).describe('The same by its first digit. `none`: without a response.'),
  ...window,
};

/** A reconciliation finds more events than a person would name. */
const maxNamedEvents = 1000;

/** In the body of a redrive. */
export const redriveFilter = z
  .strictObject({ ...chosen, event_id: several(eventId, maxNamedEvents), state: several(droppedState) })
  .partial();

/** In the body of a replay. */
export const replayFilter = z
  .strictObject({
    ...chosen,
    event_id: several(eventId, maxNamedEvents),
    state: several(deliveryState),
  })
  .partial();

/** In the response of a redrive or a replay. */
export const redriveFilterAnswer = z
  .strictObject({
    tenant: z.array(tenantName),
    endpoint_id: z.array(anyId),
    event_id: z.array(eventId),
    event_type: z.array(eventType),
    routing_key: z.array(routingKey),
    state: z.array(deliveryState),
    error_class: z.array(errorClass),
    status_code: z.array(statusCode),
    status_class: z.array(statusClass),
    ...window,
  })
  .partial();
