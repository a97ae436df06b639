import { z } from 'zod';
import type { ErrorCode } from '../domain/errors.ts';
import { errorKinds, problemAnswer } from './errors.ts';
import { type JsonSchema, jsonSchemasFrom } from './json-schema.ts';
import { operationErrors, isRepeatable } from './operation-errors.ts';
import { type Operation, tags } from './operation.ts';

type Json = Readonly<Record<string, unknown>>;

const json = 'application/json';
const lineType = 'application/x-ndjson';
const component = (id: string): string => `#/components/schemas/${id}`;
const requestId = { 'request-id': { $ref: '#/components/headers/RequestId' } };
const retryAfter = { 'retry-after': { $ref: '#/components/headers/RetryAfter' } };
/** Statuses whose responses say when to try again. */
const shouldWait = [429, 503];

/** For one operation. */
interface Schemas {
  readonly params: Readonly<Record<string, JsonSchema>>;
  readonly query: Readonly<Record<string, JsonSchema>>;
  readonly body: JsonSchema | null;
  readonly answer: JsonSchema | null;
  /** For the line-by-line form. */
  readonly lines: {
    readonly query: Readonly<Record<string, JsonSchema>>;
    readonly line: JsonSchema;
    readonly answer: JsonSchema;
  } | null;
}

function schemaFields(schema: z.ZodObject | undefined): [string, z.ZodType][] {
  return Object.entries(schema?.shape ?? {}) as [string, z.ZodType][];
}

/** The schemas of all operations, converted together so that they share their components. */
function convertAll(operations: readonly Operation[]): {
  readonly schemas: readonly Schemas[];
  readonly components: Json;
} {
  const input: z.ZodType[] = [];
  const output: z.ZodType[] = [problemAnswer];
  const takes = (schema: z.ZodType): number => input.push(schema) - 1;
  const answers = (schema: z.ZodType): number => output.push(schema) - 1;
  const places = operations.map(({ params, query, body, answer, lines }) => ({
    params: schemaFields(params).map(([name, schema]) => [name, takes(schema)] as const),
    query: schemaFields(query).map(([name, schema]) => [name, takes(schema)] as const),
    body: body === undefined ? null : takes(body),
    answer: answer === null ? null : answers(answer),
    lines:
      lines === undefined
        ? null
        : {
            query: schemaFields(lines.query).map(([name, schema]) => [name, takes(schema)] as const),
            line: takes(lines.line),
            answer: answers(lines.answer),
          },
  }));
  const converted = jsonSchemasFrom({ input, output }, component);
  const named = (fields: readonly (readonly [string, number])[]): Record<string, JsonSchema> =>
    Object.fromEntries(fields.map(([name, at]) => [name, converted.input[at]!]));
  return {
    schemas: places.map(({ params, query, body, answer, lines }) => ({
      params: named(params),
      query: named(query),
      body: body === null ? null : converted.input[body]!,
      answer: answer === null ? null : converted.output[answer]!,
      lines:
        lines === null
          ? null
          : {
              query: named(lines.query),
              line: converted.input[lines.line]!,
              answer: converted.output[lines.answer]!,
            },
    })),
    components: converted.components,
  };
}

function operationParameters(operation: Operation, { params, query, lines }: Schemas): Json[] {
  const { example } = operation;
  const parameter = (place: 'path' | 'query', name: string, schema: JsonSchema, given: unknown): Json => {
    const { description, ...rest } = schema;
    return {
      name,
      in: place,
      required: place === 'path' || operation.query?.shape[name]?.safeParse(undefined).success === false,
      ...(description === undefined ? {} : { description }),
      schema: rest,
      ...(given === undefined ? {} : { example: given }),
    };
  };
  return [
    ...Object.entries(params).map(([name, schema]) =>
      parameter('path', name, schema, example.params?.[name]),
    ),
    ...Object.entries(query).map(([name, schema]) =>
      parameter('query', name, schema, exampleValue(schema, example.query?.[name])),
    ),
    // With a JSON body they are in the body.
    ...Object.entries(lines?.query ?? {}).map(([name, schema]) => ({
      ...parameter('query', name, schema, undefined),
      required: false,
    })),
    ...(isRepeatable(operation) ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []),
  ];
}

/** A query is text: its example is in the form of the schema. */
function exampleValue({ type }: JsonSchema, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  if (type === 'array') return text.split(',');
  return type === 'integer' || type === 'number' ? Number(text) : text;
}

/** One response for all operations that answer a status with the same codes. */
function problemName(codes: readonly ErrorCode[]): string {
  return [errorKinds[codes[0]!].status, ...codes].join('.');
}

function groupProblems(operation: Operation): readonly (readonly ErrorCode[])[] {
  return [...Map.groupBy(operationErrors(operation), (code) => errorKinds[code].status).values()];
}

function problemResponse(codes: readonly ErrorCode[]): Json {
  const { status } = errorKinds[codes[0]!];
  return {
    description: codes.map((code) => `\`${code}\`: ${errorKinds[code].meaning}`).join('\n\n'),
    headers: { ...requestId, ...(shouldWait.includes(status) ? retryAfter : {}) },
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            { $ref: component('Problem') },
            { type: 'object', properties: { code: { type: 'string', enum: codes } } },
          ],
        },
      },
    },
  };
}

/** The schema is of one line, the example of all lines: OpenAPI cannot describe a sequence of values without brackets. */
const ofLines = (schema: JsonSchema, example: unknown): Json => ({ [lineType]: { schema, example } });

function operationResponses(operation: Operation, { answer, lines }: Schemas): Json {
  const { status, otherStatus, summary, contentType = json, example } = operation;
  const success = {
    description: summary,
    headers: requestId,
    ...(answer === null
      ? {}
      : {
          content: {
            [contentType]: { schema: answer, example: example.answer },
            ...(lines === null ? {} : ofLines(lines.answer, operation.lines!.example.answer.at(-1))),
          },
        }),
  };
  return {
    [status]: success,
    ...Object.fromEntries(
      groupProblems(operation).map((codes) => [
        errorKinds[codes[0]!].status,
        { $ref: `#/components/responses/${problemName(codes)}` },
      ]),
    ),
    ...(otherStatus === undefined ? {} : { [otherStatus]: success }),
  };
}

function operationSecurity({ scope }: Operation): Json[] {
  if (scope === 'none') return [];
  // None is needed unless the server has a key for metrics.
  if (scope === 'metrics') return [{}, { key: [] }];
  const scopes = scope === 'any' ? [] : [scope];
  return [{ key: scopes }, { session: scopes }];
}

function operationFrom(id: string, operation: Operation, schemas: Schemas): Json {
  const { tag, summary, description, body, example } = operation;
  const parameters = operationParameters(operation, schemas);
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    security: operationSecurity(operation),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: !body.safeParse({}).success,
            content: {
              [json]: { schema: schemas.body, example: example.body ?? {} },
              ...(schemas.lines === null
                ? {}
                : ofLines(schemas.lines.line, operation.lines!.example.body[0])),
            },
          },
        }),
    responses: operationResponses(operation, schemas),
  };
}

/** OpenAPI 3.1 of the operations, and of nothing else. */
export function openApiFrom(table: Readonly<Record<string, Operation>>, version: string): Json {
  const operations = Object.entries(table);
  const { schemas, components } = convertAll(operations.map(([, operation]) => operation));
  const paths: Record<string, Record<string, Json>> = {};
  for (const [at, [id, operation]] of operations.entries())
    (paths[operation.path] ??= {})[operation.method.toLowerCase()] = operationFrom(
      id,
      operation,
      schemas[at]!,
    );
  const problems = operations.flatMap(([, operation]) => groupProblems(operation));
  const used = new Set(operations.map(([, { tag }]) => tag));
  return {
    openapi: '3.1.1',
    info: {
      title: 'Posthorn',
      version,
      description:
        'Delivers payment webhooks and accounts for every one of them. Later versions of `/v1` only add: ignore fields that you do not know.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This server' }],
    tags: Object.entries(tags)
      .filter(([name]) => used.has(name as keyof typeof tags))
      .map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: components,
      responses: Object.fromEntries(problems.map((codes) => [problemName(codes), problemResponse(codes)])),
      parameters: {
        IdempotencyKey: {
          name: 'idempotency-key',
          in: 'header',
          required: false,
          description:
            'Makes the request safe to repeat for 24 hours: the same key and request get the same answer, and the request is carried out once.',
          schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
        },
      },
      headers: {
        RequestId: {
          description: 'Identifies the request in logs and problems.',
          schema: { type: 'string' },
        },
        RetryAfter: { description: 'When to try again, in seconds.', schema: { type: 'integer' } },
      },
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key, `phk_…`, or the token of a portal link, `phl_…`.',
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-posthorn',
          description:
            "A browser session; over plain HTTP on the server's own machine the cookie is named `posthorn`.",
        },
      },
    },
  };
}
