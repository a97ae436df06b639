import { z } from 'zod';
import { markerKinds } from '../domain/marker.ts';
import { anyId, cursor, pageIn, pageSchema, printableName, timestamp } from './fields.ts';
import { operations } from './operation.ts';

const httpUrl = z
  .string()
  .max(2048)
  .regex(/^https?:\/\/[^\s]+$/, 'must be an http or https URL');

const marker = z
  .strictObject({
    id: z.string(),
    at: timestamp,
    kind: z.enum(markerKinds),
    label: z.string(),
    url: z.string().nullable(),
    by: z.string().describe('Who created it: the name of the key.'),
    automatic: z.boolean().describe('Whether Posthorn created it because something changed.'),
    tenant: z.string().nullable().describe('The tenant it concerns; null if it concerns none.'),
    subject: z
      .strictObject({ kind: z.string(), id: z.string() })
      .nullable()
      .describe('What was changed, such as an endpoint; null for markers of people and pipelines.'),
  })
  .meta({ id: 'Marker' });

const newMarker = z
  .strictObject({
    at: timestamp.optional().describe('When it happened. Default: now.'),
    kind: z.enum(markerKinds).default('deploy'),
    label: printableName(120).describe('A few words, such as `payments 2.14`.'),
    url: httpUrl.optional().describe('A link to more information: a release, an incident.'),
  })
  .meta({ id: 'NewMarker' });

const example = {
  id: 'mrk_01jd8z0c3r5s7u9w1y3a5c7e9g',
  at: '2026-11-09T10:00:00.000Z',
  kind: 'deploy',
  label: 'payments 2.14',
  url: 'https://git.example.com/payments/releases/2.14',
  by: 'deploy pipeline',
  automatic: false,
  tenant: null,
  subject: null,
} as const;

export const markerOperations = operations({
  'markers.list': {
    method: 'GET',
    path: '/v1/markers',
    tag: 'impact',
    scope: 'read',
    summary: 'List markers',
    description:
      'Returns the newest first. People and pipelines mark deploys and incidents. Posthorn itself creates a marker when it starts with another version, when an endpoint is paused, resumed or gets another template, when a template gets another version, and when a bulk redrive or replay starts.',
    query: z.strictObject({
      since: timestamp.optional().describe('Inclusive.'),
      until: timestamp.optional().describe('Exclusive.'),
      automatic: z
        .enum(['true', 'false'])
        .optional()
        .describe('`true`: only markers that Posthorn created. `false`: only the others.'),
      limit: pageIn('desc').limit,
      cursor,
    }),
    status: 200,
    answer: pageSchema('MarkerList', marker),
    errors: [],
    example: {
      query: { since: '2026-11-01T00:00:00Z' },
      answer: { items: [example], next_cursor: null },
    },
  },
  'markers.create': {
    method: 'POST',
    path: '/v1/markers',
    tag: 'impact',
    scope: 'operate',
    summary: 'Create a marker',
    description:
      'Marks a deploy, an incident or another change, for charts and for the comparison of before and after. Posthorn keeps the newest 10,000, and the newest 5,000 of its own.',
    body: newMarker,
    status: 201,
    answer: marker,
    errors: [],
    example: {
      body: { kind: 'deploy', label: 'payments 2.14', url: example.url },
      answer: example,
    },
  },
  'markers.delete': {
    method: 'DELETE',
    path: '/v1/markers/{id}',
    tag: 'impact',
    scope: 'operate',
    summary: 'Delete a marker',
    description: 'Removes it from charts; nothing else changes.',
    params: z.strictObject({ id: anyId }),
    status: 204,
    answer: null,
    errors: ['not_found'],
    example: { params: { id: example.id } },
  },
});
