import { z } from 'zod';
import {
  description,
  documentName,
  eventTypePattern,
  fingerprint,
  named,
  pageIn,
  pageSchema,
  tenantName,
} from './fields.ts';
import { operations } from './operation.ts';
import { severalInQuery } from './several.ts';
import { exampleStatus, sloStatus } from './slo-status.ts';

const fields = {
  description,
  objective: z
    .enum(['delivered_within', 'accounted'])
    .describe('What has to hold: delivered within the deadline, or accounted for at all.'),
  target: z.number().min(0.5).max(1).describe('0.999 means that one in a thousand may miss its deadline.'),
  window_days: z.int().min(1).max(366),
  event_types: z
    .array(eventTypePattern)
    .min(1)
    .max(100)
    .describe('Types, trailing wildcards such as `payment.*`, or `*` for all.'),
  tenant: tenantName.optional().describe('Only deliveries of this tenant.'),
  endpoint_ids: z
    .array(z.string().min(1).max(64))
    .max(500)
    .describe('Only these endpoints; empty means all.'),
  producer: documentName.describe('The team that sends.'),
  consumer: documentName.describe('The team that receives.'),
};

/** A declared objective: in `posthorn.yaml` under `slos`, by its name, and by `PUT /v1/slos/{name}`. */
export const sloDocument = z
  .strictObject({
    ...fields,
    description: description.default(''),
    objective: fields.objective.default('delivered_within'),
    window_days: fields.window_days.default(30),
    event_types: fields.event_types.default(['*']),
    endpoint_ids: fields.endpoint_ids.default([]),
  })
  .superRefine(({ objective, target }, context) => {
    if (objective === 'accounted' ? target !== 1 : target > 0.99999)
      context.addIssue({
        code: 'custom',
        path: ['target'],
        message:
          objective === 'accounted'
            ? 'must be 1: nothing may be unaccounted'
            : 'must be at most 0.99999: without a budget every late delivery would page',
      });
  })
  .meta({ id: 'SloDocument' });

const declaredFields = { name: documentName, built_in: z.literal(false), fingerprint, ...fields };
const slo = z.strictObject(declaredFields).meta({ id: 'Slo' });
const included = {
  status: sloStatus
    .optional()
    .describe('Present with `include=status`. For `accounted`, as the last reconciliation found it.'),
};
const listedDeclared = z.strictObject({ ...declaredFields, ...included }).meta({ id: 'DeclaredSlo' });
const templateSlo = z
  .strictObject({
    name: z.string().describe('The id of the endpoint.'),
    built_in: z.literal(true),
    template: documentName.describe('The template that sets it.'),
    objective: fields.objective,
    target: fields.target,
    window_days: fields.window_days,
    event_types: z.array(z.string()),
    endpoint_ids: z.array(z.string()),
    producer: z.null(),
    consumer: z.string().nullable().describe('The owner of the endpoint.'),
    ...included,
  })
  .describe('The objective that a template sets for one endpoint.')
  .meta({ id: 'TemplateSlo' });
const listed = z.discriminatedUnion('built_in', [listedDeclared, templateSlo]).meta({ id: 'ListedSlo' });

const exampleDocument = {
  description: 'Orders hear of payments in time',
  objective: 'delivered_within',
  target: 0.999,
  window_days: 30,
  event_types: ['payment.*'],
  endpoint_ids: [],
  producer: 'payments',
  consumer: 'orders',
} as const;
const example = {
  name: 'payments-to-orders',
  built_in: false,
  fingerprint: '1d93f7a60c5e2b84',
  ...exampleDocument,
} as const;
const params = { name: example.name };

export const sloOperations = operations({
  'slos.list': {
    method: 'GET',
    path: '/v1/slos',
    tag: 'slos',
    scope: 'read',
    summary: 'List objectives',
    description:
      'Returns every objective that is evaluated: declared ones by name, then those that templates set for the endpoints that follow them.',
    query: z.strictObject({
      include: severalInQuery(z.enum(['status']))
        .optional()
        .describe('`status`: adds the status of each objective on the page.'),
      ...pageIn('asc'),
    }),
    status: 200,
    answer: pageSchema('SloList', listed),
    errors: [],
    example: {
      query: { include: 'status' },
      answer: {
        items: [
          { ...example, status: exampleStatus },
          {
            name: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
            built_in: true,
            template: 'payments-critical',
            objective: 'delivered_within',
            target: 0.999,
            window_days: 30,
            event_types: ['*'],
            endpoint_ids: ['ep_01jd8z0c3r5s7u9w1y3a5c7e9g'],
            producer: null,
            consumer: 'orders',
          },
        ],
        next_cursor: null,
      },
    },
  },
  'slos.get': {
    method: 'GET',
    path: '/v1/slos/{name}',
    tag: 'slos',
    scope: 'read',
    summary: 'Get an objective',
    description: 'Returns the objective as it was declared.',
    params: named,
    status: 200,
    answer: slo,
    errors: ['not_found'],
    example: { params, answer: example },
  },
  'slos.put': {
    method: 'PUT',
    path: '/v1/slos/{name}',
    tag: 'slos',
    scope: 'operate',
    summary: 'Declare an objective',
    description: 'Creates or replaces the objective. Its teams and endpoints must exist.',
    params: named,
    body: sloDocument,
    status: 200,
    answer: slo,
    errors: ['busy'],
    example: { params, body: exampleDocument, answer: example },
  },
  'slos.delete': {
    method: 'DELETE',
    path: '/v1/slos/{name}',
    tag: 'slos',
    scope: 'operate',
    summary: 'Delete an objective',
    description: 'Its alerts are resolved at the next evaluation.',
    params: named,
    status: 204,
    answer: null,
    errors: ['not_found', 'busy'],
    example: { params },
  },
});
