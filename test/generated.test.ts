import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createClient } from '../packages/client/src/index.ts';
import { fromWire, operations, toWire } from '../packages/client/src/operations.ts';
import type { Operation } from '../packages/posthorn/src/contract/operation.ts';
import { type OperationId, table } from '../packages/posthorn/src/contract/table.ts';
import { createLocalApi } from '../packages/posthorn/src/library/local-api.ts';
import { type Handlers, Reply } from '../packages/posthorn/src/service/handler.ts';
import { generatedFiles } from '../scripts/generate/files.ts';

test('the generated files are those of the operations table: npm run generate', async () => {
  const files = Object.entries(await generatedFiles());
  expect(files.length).toBeGreaterThan(0);
  for (const [path, text] of files) expect(readFileSync(path, 'utf8'), path).toBe(text);
});

const ids = Object.keys(table) as OperationId[];
type Method = (...args: unknown[]) => PromiseLike<unknown>;

/** Calls the method of an operation with its example, in the names of TypeScript. */
async function callExample(api: object, id: OperationId): Promise<unknown> {
  const { path, example }: Operation = table[id];
  const { query, body } = operations[id];
  const [resource, name] = id.split('.') as [string, string];
  const method = (api as Record<string, Record<string, Method>>)[resource]![name]!;
  const input = {
    ...(query === undefined ? {} : (fromWire(query, example.query ?? {}) as object)),
    ...(body === undefined ? {} : (fromWire(body, example.body ?? {}) as object)),
  };
  const params = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => example.params![parameter!]);
  const takesInput = query !== undefined || body !== undefined;
  return await method(...params, ...(takesInput ? [input] : []));
}

/** What its caller gets, as the wire has it. */
function wireOf(id: OperationId, answer: unknown): unknown {
  const { answer: shape } = operations[id];
  return shape === undefined || shape === 'text' ? answer : toWire(shape, { ...(answer as object) });
}

const isJson = ({ contentType = 'application/json' }: Operation): boolean => contentType.includes('json');

describe.each(ids)('%s', (id) => {
  const operation: Operation = table[id];
  const { example } = operation;

  test('the client sends its example and reads the answer', async () => {
    let sent: { url: URL; init: RequestInit } | null = null;
    const client = createClient('http://posthorn.test', 'phk_key', {
      fetch: async (url, init) => {
        sent = { url: new URL(url), init };
        const text = isJson(operation) ? JSON.stringify(example.answer) : (example.answer as string);
        return new Response(operation.answer === null ? null : text, { status: operation.status });
      },
    });
    const answer = await callExample(client, id);
    expect(wireOf(id, answer)).toEqual(example.answer);
    const { url, init } = sent!;
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(example.params![name]!),
    );
    expect(`${init.method} ${url.pathname}`).toBe(`${operation.method} ${path}`);
    expect(Object.fromEntries(url.searchParams)).toEqual(example.query ?? {});
    const body = init.body === null ? undefined : (JSON.parse(init.body as string) as unknown);
    expect(body).toEqual(operation.body === undefined ? undefined : (example.body ?? {}));
  });

  test('the library takes the same, and answers the same', async () => {
    let asked = false;
    const handlers = {
      [id]: async () => {
        asked = true;
        return new Reply(isJson(operation) ? JSON.stringify(example.answer) : (example.answer as string));
      },
    } as unknown as Handlers;
    const answer = await callExample(
      createLocalApi(handlers, () => null),
      id,
    );
    expect(asked).toBe(true);
    expect(wireOf(id, answer)).toEqual(example.answer);
  });
});
