import { z } from 'zod';
import { deliveryFilterQuery } from './delivery-filter.ts';
import { anyId, amountMinor, count, documentName, eventId, pageIn, timestamp } from './fields.ts';
import { severalInQuery, severalRepeated } from './several.ts';

// What a list of deliveries can be asked for, and what it says of each beside the delivery itself.

const statusCode = z.coerce.number().int().min(100).max(599);
const currency = z.string().regex(/^[A-Za-z]{3}$/, 'an ISO 4217 code');

export const deliveryListQuery = z.strictObject({
  ...deliveryFilterQuery.shape,
  status_code: severalInQuery(statusCode).optional().describe('Of the last response.'),
  owner: severalInQuery(documentName).optional().describe('Teams that own the endpoint.'),
  redrive_id: severalInQuery(anyId)
    .optional()
    .describe('What a redrive or a replay in bulk has taken, unless a later one took it over.'),
  ordering_key: severalRepeated(eventId).optional().describe('Of the event; faster with its `tenant`.'),
  late: z
    .enum(['true', 'false'])
    .optional()
    .describe('`true`: delivered after its deadline, or past it and still pending. `false`: all others.'),
  min_value: z
    .string()
    .regex(/^-?\d{1,18}$/, 'an amount in minor units')
    .optional()
    .describe('Events worth at least so many minor units, whatever the currency is: give `currency` too.'),
  currency: severalInQuery(currency).optional().describe('Of the value of the event, ISO 4217.'),
  blocked: z
    .enum(['true'], 'must be true')
    .optional()
    .describe('Only those that a dead letter of their ordering key holds.'),
  include: severalInQuery(z.enum(['event', 'endpoint']))
    .optional()
    .describe('Adds to each delivery what a table of deliveries shows of its event and its endpoint.'),
  ...pageIn('desc'),
});

/** Why a list that reads much may end before its page is full. */
export const boundedSearch =
  'A call reads at most 200,000 rows, and takes about 200 ms: then `next_cursor` goes on from there, also if the page has fewer items than `limit`, or none.';

/** What a bounded search says of itself. */
export const searchedFields = {
  searched_to: timestamp
    .nullable()
    .describe('How far the search has come, in time; null: to the end, so there are no more.'),
  rows_read: count
    .nullable()
    .describe(
      'Rows that this call has looked at; null if the key is bound to a tenant: they are of all tenants.',
    ),
};

export const value = z
  .strictObject({ amount_minor: amountMinor, currency: z.string().describe('ISO 4217, upper case.') })
  .meta({ id: 'Value' });

export const timelinessFields = {
  deadline_at: timestamp.describe(
    'By when it ought to be delivered, by what its endpoint promises now (`deliver_within_s`).',
  ),
  late: z.boolean().describe('Delivered after its deadline, or past it and still pending.'),
};

export const deliveryEvent = z
  .strictObject({
    accepted_at: timestamp,
    occurred_at: timestamp.nullable(),
    ordering_key: z.string().nullable(),
    value: value.nullable(),
  })
  .meta({ id: 'DeliveryEvent' });

export const deliveryEndpoint = z
  .strictObject({
    name: z.string().nullable(),
    host: z.string().describe('Of its URL, with the port.'),
    owner: z.string().nullable().describe('The team that owns it; null also for a portal.'),
    enabled: z.boolean(),
    deleted: z.boolean(),
  })
  .meta({ id: 'DeliveryEndpoint' });
