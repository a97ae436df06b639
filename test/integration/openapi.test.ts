import { createConfig, lintFromString } from '@redocly/openapi-core';
import { describe, expect, test } from 'vitest';
import { openApiFrom } from '../../packages/posthorn/src/contract/openapi-document.ts';
import { table } from '../../packages/posthorn/src/contract/table.ts';

const document = openApiFrom(table, '0.1.0');

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

  test('answers of JSON are named components that may get more fields, with an example', () => {
    const { components, paths } = document as {
      components: { schemas: Record<string, Record<string, unknown>> };
      paths: Record<string, Record<string, { responses: Record<string, Response> }>>;
    };
    interface Response {
      readonly content?: Record<string, { schema: Record<string, unknown>; example?: unknown }>;
    }
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
