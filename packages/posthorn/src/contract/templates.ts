import { z } from 'zod';
import { description, documentName, fingerprint, named, pageSchema, pageQuery } from './fields.ts';
import { operations } from './operation.ts';
import { deliverWithinS, retryPolicy, timeoutMs } from './retry.ts';

const severity = z
  .enum(['auto', 'ticket', 'page'])
  .describe('`auto`: by the value, count and age of the dead letters.');
const target = z.number().min(0.5).max(0.99999).describe('Share delivered within the deadline.');
const windowDays = z.int().min(1).max(90);
const fields = {
  description,
  timeout_ms: timeoutMs.describe('Timeout of one attempt.'),
  deliver_within_s: deliverWithinS.describe('The deadline: how soon a delivery should be delivered.'),
  retry: retryPolicy.optional().describe('Default: ten attempts over 28 hours.'),
  dead_letter_alert: z.strictObject({ severity }).describe('Alert severity of a dead letter.'),
  slo: z
    .strictObject({ target, window_days: windowDays })
    .nullable()
    .describe('Objective of each endpoint that follows the template; null means none.'),
};

/** A declared template: in `posthorn.yaml` under `templates`, by its name, and by `PUT /v1/templates/{name}`. */
export const templateDocument = z
  .strictObject({
    description: description.default(''),
    timeout_ms: fields.timeout_ms.default(15_000),
    deliver_within_s: fields.deliver_within_s.default(300),
    retry: fields.retry,
    dead_letter_alert: z
      .strictObject({ severity: severity.default('auto') })
      .default({ severity: 'auto' })
      .describe('Alert severity of a dead letter.'),
    slo: z
      .strictObject({ target, window_days: windowDays.default(30) })
      .nullable()
      .default({ target: 0.995, window_days: 30 })
      .describe('Objective of each endpoint that follows the template; null means none.'),
  })
  .meta({ id: 'TemplateDocument' });

const template = z
  .strictObject({
    name: documentName,
    version: z.int().min(1).describe('Increases with every change; the content of a version never changes.'),
    built_in: z.boolean().describe('Comes with Posthorn; a declared template of the same name replaces it.'),
    fingerprint,
    ...fields,
  })
  .meta({ id: 'Template' });

const exampleDocument = {
  description: 'Orders wait for it',
  timeout_ms: 10_000,
  deliver_within_s: 120,
  retry: { schedule_s: [5, 30, 300, 3600], jitter: 0.1, give_up_after_s: 86_400 },
  dead_letter_alert: { severity: 'page' },
  slo: { target: 0.999, window_days: 30 },
} as const;
const example = {
  name: 'orders',
  version: 3,
  built_in: false,
  fingerprint: '8f20c4b1e6a97d53',
  ...exampleDocument,
} as const;
const params = { name: example.name };

export const templateOperations = operations({
  'templates.list': {
    method: 'GET',
    path: '/v1/templates',
    tag: 'templates',
    scope: 'read',
    summary: 'List templates',
    description: 'Returns declared templates by name, then the built-in ones.',
    query: pageQuery,
    status: 200,
    answer: pageSchema('TemplateList', template),
    errors: [],
    example: { answer: { items: [example], next_cursor: null } },
  },
  'templates.get': {
    method: 'GET',
    path: '/v1/templates/{name}',
    tag: 'templates',
    scope: 'read',
    summary: 'Get a template',
    description: 'Returns the declared template of that name, or the built-in one.',
    params: named,
    status: 200,
    answer: template,
    errors: ['not_found'],
    example: { params, answer: example },
  },
  'templates.put': {
    method: 'PUT',
    path: '/v1/templates/{name}',
    tag: 'templates',
    scope: 'operate',
    summary: 'Declare a template',
    description:
      'Creates the template, or replaces it with the next version; an identical document creates no new version. Every endpoint that follows the template is updated; pending deliveries keep their due time.',
    params: named,
    body: templateDocument,
    status: 200,
    answer: template,
    errors: ['busy'],
    example: { params, body: exampleDocument, answer: example },
  },
  'templates.delete': {
    method: 'DELETE',
    path: '/v1/templates/{name}',
    tag: 'templates',
    scope: 'operate',
    summary: 'Delete a template',
    description:
      'Refused while an endpoint follows the template or an event type names it. If it replaced a built-in template, the built-in one applies again.',
    params: named,
    status: 204,
    answer: null,
    errors: ['not_found', 'in_use', 'busy'],
    example: { params },
  },
});
