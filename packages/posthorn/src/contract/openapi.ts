import { z } from 'zod';
import { problemAnswer } from './errors.ts';
import { openApiFrom } from './openapi-document.ts';
import { table } from './table.ts';
import * as schemas from './legacy-schemas.ts';

interface Call {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly query?: z.ZodObject;
  readonly status: number;
  readonly answer?: z.ZodType;
}

const calls: readonly Call[] = [
  {
    method: 'post',
    path: '/v1/endpoints',
    summary: 'Create an endpoint',
    body: schemas.newEndpoint,
    status: 201,
  },
  {
    method: 'get',
    path: '/v1/endpoints',
    summary: 'List endpoints',
    query: schemas.endpointQuery,
    status: 200,
  },
  {
    method: 'get',
    path: '/v1/endpoints/{id}',
    summary: 'An endpoint',
    query: schemas.endpointScope,
    status: 200,
  },
  {
    method: 'patch',
    path: '/v1/endpoints/{id}',
    summary: 'Change an endpoint',
    body: schemas.endpointChange,
    status: 200,
  },
  {
    method: 'put',
    path: '/v1/endpoints/{id}',
    summary: 'Declare an endpoint by its name',
    query: schemas.ownScope,
    body: schemas.endpointDocument,
    status: 200,
  },
  {
    method: 'delete',
    path: '/v1/endpoints/{id}',
    summary: 'Delete an endpoint; its pending deliveries are cancelled',
    status: 204,
  },
  {
    method: 'post',
    path: '/v1/endpoints/{id}/pause',
    summary: 'Hold deliveries; new ones are suppressed',
    body: schemas.pause,
    status: 200,
  },
  { method: 'post', path: '/v1/endpoints/{id}/resume', summary: 'Go on delivering', status: 200 },
  {
    method: 'post',
    path: '/v1/endpoints/{id}/rotate-secret',
    summary: 'A new secret; both sign for a while',
    body: schemas.rotate,
    status: 200,
  },
  {
    method: 'post',
    path: '/v1/endpoints/{id}/test',
    summary: 'Send a test event to this endpoint',
    status: 202,
  },
];

const json = (schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
};

const problem = {
  description: 'A problem (RFC 9457)',
  content: { 'application/problem+json': { schema: json(problemAnswer, 'output') } },
};

/** OpenAPI 3.1, made from the schemas that validate. */
export function openApi(version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { method, path, summary, body, query, status, answer } of calls) {
    const parameters: unknown[] = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: json(schemas.eventId, 'input'),
    }));
    for (const [name, schema] of Object.entries(query?.shape ?? {})) {
      parameters.push({ name, in: 'query', required: false, schema: json(schema as z.ZodType, 'input') });
    }
    (paths[path] ??= {})[method] = {
      summary,
      ...(parameters.length === 0 ? {} : { parameters }),
      ...(body === undefined
        ? {}
        : {
            requestBody: {
              required: !body.safeParse({}).success,
              content: { 'application/json': { schema: json(body, 'input') } },
            },
          }),
      responses: {
        [status]: {
          description: summary,
          ...(answer === undefined
            ? {}
            : { content: { 'application/json': { schema: json(answer, 'output') } } }),
        },
        default: problem,
      },
    };
  }
  const document = openApiFrom(table, version);
  return { ...document, paths: { ...(document['paths'] as object), ...paths } };
}
