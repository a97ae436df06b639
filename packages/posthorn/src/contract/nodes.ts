import { z } from 'zod';
import { pageSchema, pageQuery, timestamp } from './fields.ts';
import { operations } from './operation.ts';

const node = z
  .strictObject({
    node: z.string().describe('Its name; includes its process id, unless the name was configured.'),
    started_at: timestamp,
    last_heartbeat_at: timestamp,
    shards: z.array(z.int()).describe('The shards it owns, of 64.'),
  })
  .meta({ id: 'Node' });

export const nodeOperations = operations({
  'nodes.list': {
    method: 'GET',
    path: '/v1/nodes',
    tag: 'nodes',
    scope: 'read',
    summary: 'List nodes',
    description: 'Returns the live processes that share the database, and the shards that each of them owns.',
    query: pageQuery,
    status: 200,
    answer: pageSchema('NodeList', node),
    errors: [],
    example: {
      query: {},
      answer: {
        items: [
          {
            node: 'web-1-4211-a1b2c3',
            started_at: '2026-11-20T08:00:00.000Z',
            last_heartbeat_at: '2026-11-20T10:00:00.000Z',
            shards: [0, 3, 7],
          },
        ],
        next_cursor: null,
      },
    },
  },
});
