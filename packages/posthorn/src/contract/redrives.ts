import { z } from 'zod';
import { jobAnswer, jobChange, jobExample, jobListQuery, jobRequest } from './bulk.ts';
import { redriveFilter } from './delivery-filter.ts';
import { anyId, count, pageSchema } from './fields.ts';
import { operations } from './operation.ts';

const redriveRequest = z
  .strictObject({
    filter: redriveFilter.describe(
      'Selects deliveries by any of the values of each field. Default: those in state `dead`.',
    ),
    ...jobRequest,
  })
  .meta({ id: 'RedriveRequest' });

const redriveChange = z.strictObject(jobChange).meta({ id: 'RedriveChange' });

const redrive = z
  .strictObject({ ...jobAnswer, redriven: count.describe('Made pending again so far.') })
  .meta({ id: 'Redrive' });

const params = z.strictObject({ id: anyId });
const example = { id: 'rdr_01jd8z2m9k4x7v0q5t3n6w8y1a', redriven: 300, ...jobExample } as const;
const exampleParams = { id: example.id };

export const redriveOperations = operations({
  'redrives.create': {
    method: 'POST',
    path: '/v1/redrives',
    tag: 'redrives',
    scope: 'operate',
    summary: 'Redrive deliveries in bulk',
    description:
      'Makes all dead or suppressed deliveries that match the filter pending again, with a fresh schedule. The redrive is durable, continues after a restart, and runs beside others. It sends the first 20, waits up to 20 s for their outcomes, and stops itself if all of them fail again.',
    body: redriveRequest,
    status: 202,
    answer: redrive,
    errors: ['not_found', 'too_many_redrives'],
    example: {
      body: { filter: { endpoint_id: example.filter.endpoint_id[0] }, rate_per_s: 50, name: example.name },
      answer: example,
    },
  },
  'redrives.list': {
    method: 'GET',
    path: '/v1/redrives',
    tag: 'redrives',
    scope: 'read',
    summary: 'List redrives',
    description: 'Returns the newest first, unless another order is requested.',
    query: jobListQuery('redrives'),
    status: 200,
    answer: pageSchema('RedriveList', redrive),
    errors: [],
    example: { query: { limit: '20' }, answer: { items: [example], next_cursor: null } },
  },
  'redrives.get': {
    method: 'GET',
    path: '/v1/redrives/{id}',
    tag: 'redrives',
    scope: 'read',
    summary: 'Get a redrive',
    description: 'Returns its progress, and the outcomes of its deliveries.',
    params,
    status: 200,
    answer: redrive,
    errors: ['not_found'],
    example: { params: exampleParams, answer: example },
  },
  'redrives.update': {
    method: 'PATCH',
    path: '/v1/redrives/{id}',
    tag: 'redrives',
    scope: 'operate',
    summary: 'Change a redrive',
    description: 'Changes the rate or the name of a running redrive.',
    params,
    body: redriveChange,
    status: 200,
    answer: redrive,
    errors: ['not_found', 'wrong_state'],
    example: { params: exampleParams, body: { rate_per_s: 10 }, answer: { ...example, rate_per_s: 10 } },
  },
  'redrives.stop': {
    method: 'POST',
    path: '/v1/redrives/{id}/stop',
    tag: 'redrives',
    scope: 'operate',
    summary: 'Stop a redrive',
    description: 'What was redriven stays redriven; the rest stays dead or suppressed.',
    params,
    status: 200,
    answer: redrive,
    errors: ['not_found', 'wrong_state'],
    example: {
      params: exampleParams,
      answer: {
        ...example,
        state: 'stopped',
        stop_reason: 'asked',
        finished_at: '2026-11-20T10:00:06.000Z',
      },
    },
  },
});
