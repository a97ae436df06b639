import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createClient } from '../packages/client/src/index.ts';
import { fromWire, operations, toWire } from '../packages/client/src/operations.ts';
import type { Operation } from '../packages/posthorn/src/contract/operation.ts';
import { type OperationId, table } from '../packages/posthorn/src/contract/table.ts';
import { createLocalApi } from '../packages/posthorn/src/library/local-api.ts';
import { type Handlers, Lines, Reply, Stream } from '../packages/posthorn/src/service/handler.ts';
import { generatedFiles } from '../scripts/generate/files.ts';

test('the generated files are those of the operations table: npm run generate', async () => {
  const files = Object.entries(await generatedFiles());
  expect(files.length).toBeGreaterThan(0);
  for (const [path, text] of files) expect(readFileSync(path, 'utf8'), path).toBe(text);
});

const isStream = (id: OperationId): boolean => operations[id].messages !== undefined;
const ids = (Object.keys(table) as OperationId[]).filter((id) => !isStream(id));
const streams = (Object.keys(table) as OperationId[]).filter(isStream);
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

type Open = (...args: unknown[]) => AsyncIterable<unknown>;
const openOf = (api: object, id: OperationId, suffix = ''): Open => {
  const [resource, name] = id.split('.') as [string, string];
  return (api as Record<string, Record<string, Open>>)[resource]![name + suffix]!;
};
async function firstOf(answers: AsyncIterable<unknown>, count = 1): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const answer of answers) if (found.push(answer) === count) break;
  return found;
}

describe.each(streams)('%s', (id) => {
  const operation: Operation = table[id];
  const example = operation.example.answer as { event: string; id: string; data: unknown };
  const expected = fromWire(operations[id].messages![example.event]!, example);
  const input = fromWire(operations[id].query!, operation.example.query);

  test('the client reads its messages, and leaves out those that it does not know', async () => {
    const text = `event: of-tomorrow\ndata: {}\n\n:\n\nid: ${example.id}\nevent: ${example.event}\ndata: ${JSON.stringify(example.data)}\n\n`;
    const client = createClient('http://posthorn.test', 'phk_key', {
      fetch: async () => new Response(text, { headers: { 'content-type': operation.contentType! } }),
    });
    expect(await firstOf(openOf(client, id)(input))).toEqual([expected]);
    await expect(firstOf(openOf(client, id)(input), 2)).rejects.toMatchObject({ code: 'cut' });
  });

  test('the library has the same messages', async () => {
    const handlers = {
      [id]: async () =>
        new Stream((to) => {
          to.send(example);
          return () => {};
        }),
    } as unknown as Handlers;
    const api = createLocalApi(handlers, () => null);
    expect(await firstOf(openOf(api, id)(input))).toEqual([expected]);
  });
});

const withLines = ids.filter((id) => operations[id].lines !== undefined);
describe.each(withLines)('%s in its form of lines', (id) => {
  const { example } = (table[id] as Operation).lines!;
  const shapes = operations[id].lines!;
  const input = fromWire(shapes.query, example.query);
  const expected = example.answer.map((line) => fromWire(shapes.answer, line));

  test('the client sends its lines and reads those of the answer', async () => {
    let sent: { url: URL; body: string } | null = null;
    const client = createClient('http://posthorn.test', 'phk_key', {
      fetch: async (url, { body, headers }) => {
        expect(headers).toMatchObject({
          accept: 'application/x-ndjson',
          'content-type': 'application/x-ndjson',
        });
        sent = { url: new URL(url), body: await new Response(body as ReadableStream).text() };
        const text = example.answer.map((line) => JSON.stringify(line)).join('\n');
        return new Response(text, { headers: { 'content-type': 'application/x-ndjson' } });
      },
    });
    expect(await firstOf(openOf(client, id, 'Lines')(example.body, input), 99)).toEqual(expected);
    const { url, body } = sent!;
    expect(Object.fromEntries(url.searchParams)).toEqual(example.query);
    expect(body).toBe(example.body.map((line) => `${JSON.stringify(line)}\n`).join(''));
  });

  test('the library takes the same lines, and answers the same', async () => {
    const handlers = {
      [id]: async ({ lines }: { lines: AsyncIterable<unknown> }) =>
        new Lines(
          (async function* () {
            expect((await firstOf(lines, 99)).flat()).toEqual(example.body);
            yield example.answer;
          })(),
        ),
    } as unknown as Handlers;
    const api = createLocalApi(handlers, () => null);
    expect(await firstOf(openOf(api, id, 'Lines')(example.body, input), 99)).toEqual(expected);
  });
});
