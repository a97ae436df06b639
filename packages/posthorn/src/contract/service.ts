import { z } from 'zod';
import { errorCodes } from '../domain/errors.ts';
import { examplePublicKeys, publicKeyList } from './endpoint-body.ts';
import { count, timestamp } from './fields.ts';
import { operations } from './operation.ts';

const clock = z
  .strictObject({
    state: z
      .enum(['ok', 'jumped', 'doubted'])
      .describe(
        '`jumped`: by a minute or more in the last hour. `doubted`: not trusted yet; nothing is deleted by it.',
      ),
    jumped_at: timestamp.optional(),
    jumped_by_s: z.int().optional(),
    ahead_of_lived_time_s: z
      .int()
      .optional()
      .describe('How far it is ahead of the time that deletion and expiry use.'),
    believed_in_s: z.int().optional().describe('How much longer it must run steadily to be trusted.'),
  })
  .meta({ id: 'Clock' });

const readiness = z
  .strictObject({
    status: z.enum(['ready', 'not ready']),
    in_flight: count.describe('Attempts in progress.'),
    buffered: count.describe('Deliveries claimed and waiting for their turn.'),
    store_fault: z
      .enum(['missing', 'replaced', 'damaged'])
      .optional()
      .describe("What is wrong with the store's files: an operator has to act."),
    locked_endpoints: count
      .optional()
      .describe(
        'Endpoints whose secrets this node cannot decrypt, because it lacks the key: their attempts fail until it is restored.',
      ),
    clock,
  })
  .meta({ id: 'Readiness' });

export const serviceOperations = operations({
  'service.health': {
    method: 'GET',
    path: '/healthz',
    tag: 'service',
    scope: 'none',
    summary: 'Check that the process is alive',
    description: 'Answers 200 as long as the process responds, regardless of the state of its store.',
    status: 200,
    answer: z.strictObject({ status: z.literal('ok'), version: z.string() }).meta({ id: 'Health' }),
    errors: [],
    example: { answer: { status: 'ok', version: '0.1.0' } },
  },
  'service.ready': {
    method: 'GET',
    path: '/readyz',
    tag: 'service',
    scope: 'none',
    summary: 'Check that the node accepts events',
    description:
      'Answers 503 while the node starts or stops, and while its store refuses writes. The body is the same.',
    status: 200,
    otherStatus: 503,
    answer: readiness,
    errors: [],
    example: { answer: { status: 'ready', in_flight: 12, buffered: 40, clock: { state: 'ok' } } },
  },
  'service.publicKeys': {
    method: 'GET',
    path: '/.well-known/posthorn/public-keys/{id}',
    tag: 'service',
    scope: 'none',
    summary: 'Get published signing keys',
    description:
      'Returns the public keys of one endpoint, by its `key_set`: for receivers, who have no API key. The name of a set has 144 random bits, and neither the name nor the answer reveals whose it is. Trust the set you were given for your endpoint, not one that a request names.',
    params: z.strictObject({ id: z.string().max(64).describe('The key set: `wks_…`.') }),
    status: 200,
    answer: publicKeyList,
    errors: ['not_found'],
    example: { params: { id: 'wks_Zl5mJ0d8yUqf0m1cVYx7aH2K' }, answer: examplePublicKeys },
  },
  'service.metrics': {
    method: 'GET',
    path: '/metrics',
    tag: 'service',
    scope: 'metrics',
    summary: 'Get metrics',
    description:
      'Prometheus text format, rendered at most once per second. The metrics reference describes each of them.',
    status: 200,
    answer: z.string(),
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    errors: [],
    example: { answer: 'posthorn_deliveries_pending 10\n' },
  },
  'service.openapi': {
    method: 'GET',
    path: '/openapi.json',
    tag: 'service',
    scope: 'none',
    summary: 'Get the OpenAPI document',
    description: 'OpenAPI 3.1, with an `ETag`: `If-None-Match` saves the transfer.',
    status: 200,
    answer: z.looseObject({ openapi: z.string() }).meta({ id: 'OpenApiDocument' }),
    errors: [],
    example: { answer: { openapi: '3.1.1', info: { title: 'Posthorn', version: '0.1.0' } } },
  },
  'service.error': {
    method: 'GET',
    path: '/errors/{code}',
    tag: 'service',
    scope: 'none',
    summary: 'Explain an error code',
    description: "The page that a problem's `type` names: what the code means, and what to do.",
    params: z.strictObject({ code: z.string().describe(`One of ${errorCodes.length} codes.`) }),
    status: 200,
    answer: z.string(),
    contentType: 'text/html; charset=utf-8',
    errors: ['not_found'],
    example: { params: { code: 'not_found' }, answer: '<!doctype html>…' },
  },
});
