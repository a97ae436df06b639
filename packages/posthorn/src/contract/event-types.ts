import { z } from 'zod';
import {
  description,
  documentName,
  eventType,
  fingerprint,
  jsonPointer,
  pageSchema,
  pageQuery,
} from './fields.ts';
import { operations } from './operation.ts';

const fields = {
  description,
  owner: documentName.nullable().describe('The producing team.'),
  template: documentName
    .nullable()
    .describe('Default template for endpoints that subscribe to this type explicitly and set none.'),
  schema: z
    .record(z.string(), z.unknown())
    .refine((schema) => JSON.stringify(schema).length <= 65_536, 'must be at most 64 KiB')
    .optional()
    .describe(
      'JSON Schema 2020-12 of the data, without references to other documents. Events whose data does not match are refused.',
    ),
  value: z
    .strictObject({
      amount: jsonPointer.describe('JSON Pointer to the amount, in minor units.'),
      currency: z
        .string()
        .regex(/^(\/.{1,255}|[A-Za-z]{3})$/, 'a JSON Pointer or an ISO 4217 code')
        .describe('JSON Pointer to the currency, or its ISO 4217 code.'),
    })
    .optional()
    .describe('Where the data has the value, for events that are published without one.'),
  metadata: z
    .record(z.string().max(64), z.unknown())
    .refine((all) => JSON.stringify(all).length <= 65_536, 'must be at most 64 KiB')
    .optional()
    .describe('Your own data, such as schemas for documentation. Posthorn does nothing with it.'),
};

/** A declared event type: in `posthorn.yaml` under `event_types`, and by `PUT /v1/event-types/{name}`. */
export const eventTypeDocument = z
  .strictObject({
    ...fields,
    description: description.default(''),
    owner: fields.owner.default(null),
    template: fields.template.default(null),
  })
  .meta({ id: 'EventTypeDocument' });

const declaredType = z.strictObject({ name: eventType, fingerprint, ...fields }).meta({ id: 'EventType' });

const params = z.strictObject({ name: eventType });
const exampleDocument = {
  description: 'A payment was captured',
  owner: 'payments',
  template: 'payments-critical',
  schema: { type: 'object', required: ['id', 'amount', 'currency'] },
  value: { amount: '/amount', currency: '/currency' },
};
const example = { name: 'payment.succeeded', fingerprint: 'b74d19e2035fa8c6', ...exampleDocument };
const exampleParams = { name: example.name };

export const eventTypeOperations = operations({
  'eventTypes.list': {
    method: 'GET',
    path: '/v1/event-types',
    tag: 'event-types',
    scope: 'read',
    summary: 'List event types',
    description: 'Returns the declared event types by name. Events of other types are accepted too.',
    query: pageQuery,
    status: 200,
    answer: pageSchema('EventTypeList', declaredType),
    errors: [],
    example: { answer: { items: [example], next_cursor: null } },
  },
  'eventTypes.get': {
    method: 'GET',
    path: '/v1/event-types/{name}',
    tag: 'event-types',
    scope: 'read',
    summary: 'Get an event type',
    description: 'Returns the event type as it was declared.',
    params,
    status: 200,
    answer: declaredType,
    errors: ['not_found'],
    example: { params: exampleParams, answer: example },
  },
  'eventTypes.put': {
    method: 'PUT',
    path: '/v1/event-types/{name}',
    tag: 'event-types',
    scope: 'operate',
    summary: 'Declare an event type',
    description:
      'Creates or replaces the event type. Its owner and template must exist, and its schema must compile within the limits of validation.',
    params,
    body: eventTypeDocument,
    status: 200,
    answer: declaredType,
    errors: ['schema_too_expensive', 'busy'],
    example: { params: exampleParams, body: exampleDocument, answer: example },
  },
  'eventTypes.delete': {
    method: 'DELETE',
    path: '/v1/event-types/{name}',
    tag: 'event-types',
    scope: 'operate',
    summary: 'Delete an event type',
    description: 'Events of this type are still accepted, but no longer validated.',
    params,
    status: 204,
    answer: null,
    errors: ['not_found', 'busy'],
    example: { params: exampleParams },
  },
});
