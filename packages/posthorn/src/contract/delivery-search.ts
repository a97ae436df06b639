import { z } from 'zod';
import { deliveryFilterQuery } from './delivery-filter.ts';
import { anyId, amountMinor, count, documentName, eventId, pageIn, timestamp } from './fields.ts';
import { severalInQuery, severalRepeated } from './several.ts';

// The filters of a delivery list, and what it adds to each delivery.

const statusCode = z.coerce.number().int().min(100).max(599);
const currency = z.string().regex(/^[A-Za-z]{3}$/, 'an ISO 4217 code');

export const deliveryListQuery = z.strictObject({
  ...deliveryFilterQuery.shape,
  status_code: severalInQuery(statusCode).optional().describe('HTTP status of the last response.'),
  owner: severalInQuery(documentName).optional().describe('Teams that own the endpoint.'),
  redrive_id: severalInQuery(anyId)
    .optional()
    .describe('Deliveries taken by this bulk redrive or replay, unless a later one took them over.'),
  ordering_key: severalRepeated(eventId)
    .optional()
    .describe('Id of the event; faster together with `tenant`.'),
  late: z
    .enum(['true', 'false'])
    .optional()
    .describe('`true`: delivered after the deadline, or past it and still pending. `false`: all others.'),
  min_value: z
    .string()
    .regex(/^-?\d{1,18}$/, 'an amount in minor units')
    .optional()
    .describe('Events worth at least this many minor units. Requires `currency`.'),
  currency: severalInQuery(currency).optional().describe("Currency of the event's value, ISO 4217."),
  blocked: z
    .enum(['true'], 'must be true')
    .optional()
    .describe('Only deliveries that a dead letter of their ordering key blocks.'),
  include: severalInQuery(z.enum(['event', 'endpoint']))
    .optional()
    .describe('Adds to each delivery what a table of deliveries shows of its event and its endpoint.'),
  ...pageIn('desc'),
});

/** Why a search may return less than a full page. */
export const boundedSearch =
  'A call reads at most 200,000 rows and takes about 200 ms. After that it returns `next_cursor`, even if the page has fewer items than `limit`, or none.';

/** What a bounded search reports about itself. */
export const searchedFields = {
  searched_to: timestamp
    .nullable()
    .describe('How far in time the search has come; null if it reached the end, so there are no more.'),
  rows_read: count
    .nullable()
    .describe(
      'Rows that this call has read; null if the key is bound to a tenant, because they are of all tenants.',
    ),
};

export const value = z
  .strictObject({ amount_minor: amountMinor, currency: z.string().describe('ISO 4217, uppercase.') })
  .meta({ id: 'Value' });

export const timelinessFields = {
  deadline_at: timestamp.describe("The deadline, by the endpoint's current `deliver_within_s`."),
  late: z.boolean().describe('Delivered after its deadline, or past it and still pending.'),
};

export const dataDeletedAt = timestamp
  .nullable()
  .describe('When its data were deleted: it cannot be sent again. Null if they are there.');

export const deliveryEvent = z
  .strictObject({
    accepted_at: timestamp,
    occurred_at: timestamp.nullable(),
    ordering_key: z.string().nullable(),
    value: value.nullable(),
    data_deleted_at: dataDeletedAt,
  })
  .meta({ id: 'DeliveryEvent' });

export const deliveryEndpoint = z
  .strictObject({
    name: z.string().nullable(),
    host: z.string().describe('Host of its URL, with the port.'),
    owner: z.string().nullable().describe('The team that owns it; null also for portal sessions.'),
    enabled: z.boolean(),
    deleted: z.boolean(),
  })
  .meta({ id: 'DeliveryEndpoint' });
