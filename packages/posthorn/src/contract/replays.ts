import { z } from 'zod';
import { jobAnswer, jobChange, jobExample, jobListQuery, jobRequest } from './bulk.ts';
import { replayFilter } from './delivery-filter.ts';
import { anyId, count, pageSchema } from './fields.ts';
import { operations } from './operation.ts';

const endpointRef = z.string().min(1).max(256);

const bulkReplayRequest = z
  .strictObject({
    filter: replayFilter.describe(
      'Selects deliveries by any of the values of each field, in any state. With `endpoint_id` beside it, it selects events, including those without any delivery unless it names endpoints, states or failures.',
    ),
    endpoint_id: endpointRef
      .optional()
      .describe(
        'Deliver each event once to this endpoint (id or name), regardless of its subscriptions and filter. If omitted, each delivery is made again at its own endpoint.',
      ),
    ...jobRequest,
  })
  .meta({ id: 'BulkReplayRequest' });

const bulkReplayChange = z.strictObject(jobChange).meta({ id: 'BulkReplayChange' });

const bulkReplay = z
  .strictObject({
    ...jobAnswer,
    endpoint_id: z
      .string()
      .nullable()
      .describe('The endpoint that receives the events; null if each goes to its own.'),
    replayed: count.describe('New deliveries so far.'),
  })
  .meta({ id: 'BulkReplay' });

const params = z.strictObject({ id: anyId });
const example = {
  id: 'rpl_01jd8z2m9k4x7v0q5t3n6w8y1a',
  endpoint_id: null,
  replayed: 300,
  ...jobExample,
  filter: { ...jobExample.filter, state: ['delivered'], since: '2026-11-20T08:00:00.000Z' },
} as const;
const exampleParams = { id: example.id };

export const replayOperations = operations({
  'replays.create': {
    method: 'POST',
    path: '/v1/replays',
    tag: 'replays',
    scope: 'operate',
    summary: 'Replay deliveries in bulk',
    description:
      'Creates new deliveries of past events, under the same `webhook-id`, so a receiver that deduplicates skips what it has. Deliveries to paused endpoints are suppressed. The replay is durable, continues after a restart, and runs beside others. It sends the first 20, waits up to 20 s for their outcomes, and stops itself if all of them fail.',
    body: bulkReplayRequest,
    status: 202,
    answer: bulkReplay,
    errors: ['not_found', 'too_many_redrives'],
    example: {
      body: {
        filter: {
          endpoint_id: jobExample.filter.endpoint_id[0],
          state: 'delivered',
          since: '2026-11-20T08:00:00.000Z',
        },
        rate_per_s: 50,
        name: jobExample.name,
      },
      answer: example,
    },
  },
  'replays.list': {
    method: 'GET',
    path: '/v1/replays',
    tag: 'replays',
    scope: 'read',
    summary: 'List replays in bulk',
    description: 'Returns the newest first, unless another order is requested.',
    query: jobListQuery('replays'),
    status: 200,
    answer: pageSchema('BulkReplayList', bulkReplay),
    errors: [],
    example: { query: { limit: '20' }, answer: { items: [example], next_cursor: null } },
  },
  'replays.get': {
    method: 'GET',
    path: '/v1/replays/{id}',
    tag: 'replays',
    scope: 'read',
    summary: 'Get a replay in bulk',
    description: 'Returns its progress, and the outcomes of its deliveries.',
    params,
    status: 200,
    answer: bulkReplay,
    errors: ['not_found'],
    example: { params: exampleParams, answer: example },
  },
  'replays.update': {
    method: 'PATCH',
    path: '/v1/replays/{id}',
    tag: 'replays',
    scope: 'operate',
    summary: 'Change a replay in bulk',
    description: 'Changes the rate or the name of a running replay.',
    params,
    body: bulkReplayChange,
    status: 200,
    answer: bulkReplay,
    errors: ['not_found', 'wrong_state'],
    example: { params: exampleParams, body: { rate_per_s: 10 }, answer: { ...example, rate_per_s: 10 } },
  },
  'replays.stop': {
    method: 'POST',
    path: '/v1/replays/{id}/stop',
    tag: 'replays',
    scope: 'operate',
    summary: 'Stop a replay in bulk',
    description: 'Deliveries that it has created stay; the rest is not created.',
    params,
    status: 200,
    answer: bulkReplay,
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
