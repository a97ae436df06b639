import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { table } from '../../posthorn/src/contract/table.ts';
import { type Client, type ClientOptions, createClient } from './client.ts';
import type { ClientRuntime } from './runtime/system.ts';

const redrive = table['redrives.get'].example.answer;

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let answer: (response: ServerResponse, sent: Sent) => void;
let requests: Sent[] = [];
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    const sent = { method: request.method!, url: request.url!, headers: request.headers, body };
    requests.push(sent);
    answer(response, sent);
  });
});
let url: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests = [];
});

/** Time that passes at once, and says how much it was. */
function aRuntime(): ClientRuntime & { waits: number[] } {
  const waits: number[] = [];
  let keys = 0;
  return {
    waits,
    now: () => 0,
    random: () => 1,
    newKey: () => `key-${++keys}`,
    wait: async (ms, signal) => {
      waits.push(ms);
      signal?.throwIfAborted();
    },
  };
}
const client = (options: ClientOptions = {}): Client =>
  createClient(url, 'k', { timeoutMs: 5000, runtime: aRuntime(), ...options });
const once = (options: ClientOptions = {}): Client => client({ maxTries: 1, ...options });
const json = (response: ServerResponse, status: number, body: unknown, headers = {}): void =>
  void response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify(body));
const problem = (response: ServerResponse, status: number, code: string, more = {}, headers = {}): void =>
  json(response, status, { code, detail: 'no', ...more }, { 'request-id': 'fake_1', ...headers });

describe('calls', () => {
  test('one object for query and body, camelCase in and out', async () => {
    answer = (response) => json(response, 202, redrive);
    const made = await once().redrives.create(
      { filter: { endpointId: 'ep_1', since: new Date(0) }, ratePerS: 50, name: undefined },
      { idempotencyKey: 'mine' },
    );
    expect(requests[0]).toMatchObject({
      method: 'POST',
      url: '/v1/redrives',
      headers: {
        authorization: 'Bearer k',
        'content-type': 'application/json',
        'idempotency-key': 'mine',
        'user-agent': expect.stringMatching(/^posthorn-client\/\d/) as string,
      },
    });
    expect(JSON.parse(requests[0]!.body)).toEqual({
      filter: { endpoint_id: 'ep_1', since: '1970-01-01T00:00:00.000Z' },
      rate_per_s: 50,
    });
    expect(made).toMatchObject({ ratePerS: 50, createdAt: redrive.created_at, dryRun: false });
  });

  test('path parameters come first, and are encoded', async () => {
    answer = (response) => json(response, 200, redrive);
    await once({ userAgent: 'shop/1' }).redrives.get('a/b ü?');
    expect(requests[0]).toMatchObject({
      url: '/v1/redrives/a%2Fb%20%C3%BC%3F',
      headers: { 'user-agent': expect.stringMatching(/^shop\/1 posthorn-client/) as string },
    });
    // These would be another path.
    for (const id of ['', '.', '..', undefined as unknown as string])
      await expect(once().redrives.get(id)).rejects.toMatchObject({
        status: 0,
        code: 'invalid_request',
      });
  });

  test('a status that is a failure elsewhere can be an answer: a node that is not ready', async () => {
    answer = (response) => json(response, 503, table['service.ready'].example.answer);
    await expect(once().service.ready()).resolves.toMatchObject({
      status: 'ready',
      inFlight: 12,
    });
    answer = (response) => json(response, 503, { error: 'of a proxy' });
    await expect(once().service.ready()).rejects.toMatchObject({ code: 'garbled' });
  });

  test('a request in the words of the wire is sent once, as it is', async () => {
    answer = (response) => json(response, 200, { a_b: 1 });
    expect(await client().request('POST', '/v1/x?y=1', '{"a":1.0}')).toEqual({ a_b: 1 });
    expect(requests[0]).toMatchObject({ url: '/v1/x?y=1', body: '{"a":1.0}' });
    expect(requests[0]!.headers['idempotency-key']).toBeUndefined();
    answer = (response) => problem(response, 503, 'unavailable');
    await expect(client().request('GET', '/v1/x')).rejects.toMatchObject({ status: 503 });
    expect(requests).toHaveLength(2);
  });

  test('a list is a page, and every item of all pages', async () => {
    answer = (response, { url: asked }) => {
      const cursor = new URL(asked, url).searchParams.get('cursor');
      const at = cursor === null ? 1 : Number(cursor);
      json(response, 200, {
        items: [{ ...redrive, id: `r${at}` }],
        next_cursor: at < 3 ? String(at + 1) : null,
      });
    };
    const page = await once().redrives.list({ limit: 1 });
    expect(page.items.map(({ id }) => id)).toEqual(['r1']);
    expect(page.nextCursor).toBe('2');
    expect(Object.keys(page)).toEqual(['items', 'nextCursor']);
    const ids = async (redrives: AsyncIterable<{ id: string }>): Promise<string[]> => {
      const found: string[] = [];
      for await (const { id } of redrives) found.push(id);
      return found;
    };
    expect(await ids(once().redrives.list())).toEqual(['r1', 'r2', 'r3']);
    expect(await ids(page)).toEqual(['r1', 'r2', 'r3']);
    let pages = 0;
    for await (const { items } of once().redrives.list().pages()) pages += items.length;
    expect(pages).toBe(3);
    expect(requests.filter(({ url: asked }) => asked === '/v1/redrives?limit=1&cursor=2')).toHaveLength(1);
  });

  test('a list whose pages lead in a circle ends with an error (G5)', async () => {
    answer = (response) => json(response, 200, { items: [], next_cursor: 'again' });
    const read = async (): Promise<void> => {
      for await (const _ of once().redrives.list());
    };
    await expect(read()).rejects.toMatchObject({ code: 'garbled' });
  });
});

describe('no answer passes for another (G5)', () => {
  const ask = () => once({ timeoutMs: 300 }).redrives.get('x');
  const change = () => once({ timeoutMs: 300 }).redrives.stop('x');

  test('a problem has its code, request id, Retry-After and every fault, by the names that the caller wrote', async () => {
    answer = (response) =>
      problem(
        response,
        422,
        'invalid_request',
        {
          detail: '/rate_per_s: bad',
          errors: [
            { path: '/rate_per_s', message: 'bad' },
            { path: '/filter/error_class', message: 'no' },
            7,
          ],
        },
        { 'retry-after': '3' },
      );
    await expect(once().redrives.create({ filter: {} })).rejects.toMatchObject({
      status: 422,
      code: 'invalid_request',
      message: '/ratePerS: bad (422 invalid_request)',
      errors: [
        { path: '/ratePerS', message: 'bad' },
        { path: '/filter/errorClass', message: 'no' },
      ],
      requestId: 'fake_1',
      retryAfterS: 3,
    });
  });

  test.each([
    [200, '<html>'],
    [202, '{"accepted":['],
    [502, '<html>'],
    [503, '{"error":"busy"}'],
    [500, ''],
  ])('an answer %i with %j is not taken for one of Posthorn', async (status, body) => {
    answer = (response) => void response.writeHead(status, { 'content-type': 'text/html' }).end(body);
    await expect(ask()).rejects.toMatchObject({
      status,
      code: 'garbled',
      message: expect.stringContaining('text/html') as string,
    });
  });

  test.each([{}, [], null, 'ok', { ...redrive, matched: 'many' }, { ...redrive, created_at: undefined }])(
    'the answer %j is JSON, and not of this call',
    async (body) => {
      answer = (response) => json(response, 200, body);
      await expect(ask()).rejects.toMatchObject({
        code: 'garbled',
        message: expect.stringContaining('GET /v1/redrives/{id} is not from this version') as string,
      });
    },
  );

  test('a page is not the answer of a call that has none: nothing says that it was deleted', async () => {
    answer = (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    await expect(once().markers.delete('x')).rejects.toMatchObject({ code: 'garbled' });
    answer = (response) => void response.writeHead(204).end();
    await expect(once().markers.delete('x')).resolves.toBeUndefined();
  });

  test('an answer without a body is not one either', async () => {
    answer = (response) => void response.writeHead(204).end();
    await expect(ask()).rejects.toMatchObject({ code: 'garbled' });
  });

  test('a redirect is not followed: it would leave the key with another host', async () => {
    answer = (response) => void response.writeHead(301, { location: 'http://other.example/' }).end();
    await expect(change()).rejects.toMatchObject({ status: 301, code: 'redirect' });
  });

  test('no answer, and one that is cut or never ends, are distinguished from a server that is away', async () => {
    answer = () => {};
    await expect(ask()).rejects.toMatchObject({
      status: 0,
      code: 'timeout',
      message: expect.stringContaining('did not answer within 0.3 s') as string,
    });
    await expect(change()).rejects.toThrow(/it is not known whether the request was carried out/);
    answer = (response) => void response.writeHead(200).write('{');
    await expect(ask()).rejects.toMatchObject({ status: 0, code: 'timeout' });
    answer = (response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{');
      setImmediate(() => response.destroy());
    };
    await expect(ask()).rejects.toMatchObject({ status: 0, code: 'cut' });
    await expect(
      createClient('http://127.0.0.1:1', 'k', { maxTries: 1 }).redrives.get('x'),
    ).rejects.toMatchObject({
      status: 0,
      code: 'unreachable',
      message: expect.stringContaining('a port that fetch refuses') as string,
    });
  });

  test('a caller can give up', async () => {
    const given = new AbortController();
    answer = () => given.abort();
    const asked = client().redrives.get('x', { signal: given.signal });
    await expect(asked).rejects.toMatchObject({ status: 0, code: 'aborted' });
    await expect(client().redrives.get('x', { signal: given.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});

describe('what is sent again', () => {
  test('a POST is, with the same key each time, so that it has one effect', async () => {
    answer = (response) => (requests.length < 3 ? void response.destroy() : json(response, 202, redrive));
    const runtime = aRuntime();
    const its = client({ runtime });
    await its.redrives.create({ filter: {} });
    expect(requests.map(({ headers }) => headers['idempotency-key'])).toEqual(['key-1', 'key-1', 'key-1']);
    expect(runtime.waits).toEqual([250, 500]);
    await its.redrives.stop('x');
    expect(requests.at(-1)!.headers['idempotency-key']).toBe('key-2');
  });

  test('as often as it may be, and then the last failure is the answer', async () => {
    answer = (response) => problem(response, 503, 'unavailable', {}, { 'retry-after': '2' });
    const runtime = aRuntime();
    await expect(client({ runtime, maxTries: 4 }).redrives.get('x')).rejects.toMatchObject({
      status: 503,
      retryAfterS: 2,
    });
    expect(requests).toHaveLength(4);
    expect(Math.min(...runtime.waits)).toBeGreaterThanOrEqual(2000);
  });

  test('a PATCH is not, unless the caller gives it a key', async () => {
    answer = (response) => problem(response, 503, 'unavailable');
    await expect(client().redrives.update('x', { ratePerS: 1 })).rejects.toMatchObject({ status: 503 });
    expect(requests).toHaveLength(1);
    expect(requests[0]!.headers['idempotency-key']).toBeUndefined();
    await expect(
      client().redrives.update('x', { ratePerS: 1 }, { idempotencyKey: 'mine' }),
    ).rejects.toMatchObject({ status: 503 });
    expect(requests).toHaveLength(4);
  });

  test('a refusal is final', async () => {
    answer = (response) => problem(response, 404, 'not_found');
    await expect(client().redrives.get('x')).rejects.toMatchObject({ code: 'not_found' });
    expect(requests).toHaveLength(1);
  });

  test('nothing more is sent once the caller has given up while it waits', async () => {
    answer = (response) => problem(response, 503, 'unavailable');
    const given = new AbortController();
    const runtime = { ...aRuntime(), wait: async () => given.abort() };
    const asked = client({ runtime }).redrives.get('x', { signal: given.signal });
    await expect(asked).rejects.toMatchObject({ code: 'aborted' });
    expect(requests).toHaveLength(1);
  });
});

describe('what cannot be used is refused at once', () => {
  test.each(['localhost:8400', 'ftp://a.example', 'http://u:secret@a.example', 'http://a.example/?k=1', ''])(
    'the URL %j',
    (bad) => {
      expect(() => createClient(bad, 'k')).toThrow(TypeError);
      expect(() => createClient(bad, 'k')).not.toThrow(/secret/);
    },
  );

  test.each(['', 'with space', 'new\nline', 'ü'])('the key %j', (key) => {
    expect(() => createClient(url, key)).toThrow(/API key/);
  });

  test.each(['', ' a', 'new\nline', 'ü', 'x'.repeat(256)])(
    'the idempotency key %j',
    async (idempotencyKey) => {
      await expect(once().redrives.stop('x', { idempotencyKey })).rejects.toThrow(/idempotency key/);
    },
  );
});
