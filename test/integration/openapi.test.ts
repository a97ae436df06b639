import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { table } from '../../packages/posthorn/src/contract/table.ts';
import { aReceiver, until } from '../support.ts';
import { apiKey, serve } from './serving.ts';

const run = promisify(execFile);
const client = fileURLToPath(new URL('../openapi-client/', import.meta.url));

let server: Awaited<ReturnType<typeof serve>>;
let document: OpenApi;
beforeAll(async () => {
  server = await serve();
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApi;
});
afterAll(async () => {
  await server.stop();
});

interface Answer {
  readonly content?: Record<string, { schema: Record<string, unknown>; example?: unknown }>;
}

interface RoundTrip {
  roundTrip(url: string, key: string, receiver: string): Promise<readonly unknown[]>;
}

interface OpenApi {
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
  readonly paths: Record<string, Record<string, { operationId: string; responses: Record<string, Answer> }>>;
}

async function lint(of: object): Promise<string[]> {
  const config = await createConfig({ extends: ['recommended'] });
  const found = await lintFromString({ source: JSON.stringify(of), absoluteRef: '/openapi.json', config });
  return found.map(({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer ?? ''}: ${message}`);
}

describe('the OpenAPI document', () => {
  test("Redocly's recommended rules report nothing", async () => {
    expect(await lint(document)).toEqual([]);
    expect(await lint({ ...document, servers: [] })).toContainEqual(
      expect.stringMatching(/^no-empty-servers/),
    );
  });

  test('it has every operation, and no other', () => {
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(ids.toSorted()).toEqual(Object.keys(table).toSorted());
  });

  test('answers of JSON are named components that may get more fields, with an example', () => {
    const { components, paths } = document;
    for (const [path, methods] of Object.entries(paths))
      for (const [method, { responses }] of Object.entries(methods)) {
        const success = Object.entries(responses).find(([status]) => status.startsWith('2'))![1];
        const { schema, example } = success.content?.['application/json'] ?? {};
        if (schema === undefined) continue;
        expect(schema, `${method} ${path}`).toEqual({
          $ref: expect.stringMatching(/^#\/components\/schemas\//),
        });
        expect(example).toBeDefined();
        const answer = components.schemas[String(schema['$ref']).split('/').at(-1)!]!;
        expect(answer['additionalProperties'], `${method} ${path}`).not.toBe(false);
      }
  });
});

test('a client that openapi-typescript generates compiles strictly and makes a round trip by openapi-fetch', async () => {
  const bin = `${client}node_modules/.bin/openapi-typescript`;
  await run(process.execPath, [bin, `${server.url}/openapi.json`, '-o', `${client}generated/api.ts`]);
  // By a URL: without the generated types it does not compile, so the compiler must not follow it from here.
  const { roundTrip } = (await import(new URL('round-trip.ts', `file://${client}`).href)) as RoundTrip;
  const receiver = await aReceiver();
  try {
    // Its exit code is not 0 where anything does not compile: its output says what.
    const tsc = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url));
    const { stdout } = await run(process.execPath, [tsc, '-p', client]).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe('');
    const deliveries = await roundTrip(server.url, apiKey, receiver.url);
    expect(deliveries).toMatchObject([{ event_type: 'payment.succeeded', tenant: 'default' }]);
    await until('it is delivered', () => receiver.requests.length === 1);
  } finally {
    await receiver.close();
    rmSync(`${client}generated`, { recursive: true });
  }
});
