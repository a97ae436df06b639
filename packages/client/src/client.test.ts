import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from './client.ts';

describe('the client (G5: no answer passes for another)', () => {
  let answer: (response: ServerResponse) => void;
  const server = createServer((request, response) => {
    request.resume();
    answer(response);
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
  const ask = (method = 'GET') => createClient(url, 'k', { timeoutMs: 300 }).request(method, '/v1/x');
  const json = (response: ServerResponse, status: number, body: object, headers = {}): void =>
    void response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body));

  test('parses answers; an empty one is null', async () => {
    answer = (response) => json(response, 200, { a: 1 });
    expect(await ask()).toEqual({ a: 1 });
    answer = (response) => void response.writeHead(204).end();
    expect(await ask('DELETE')).toBeNull();
  });

  test('a problem has its code, its faults and Retry-After', async () => {
    answer = (response) =>
      json(
        response,
        422,
        { code: 'invalid_request', detail: 'no', errors: [{ path: '/a', message: 'bad' }, 7] },
        { 'retry-after': '3' },
      );
    await expect(ask()).rejects.toMatchObject({
      status: 422,
      code: 'invalid_request',
      message: 'no (422 invalid_request)',
      errors: [{ path: '/a', message: 'bad' }],
      retryAfter: '3',
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

  test('a redirect is not followed: it would leave the key with another host', async () => {
    answer = (response) => void response.writeHead(301, { location: 'http://other.example/' }).end();
    await expect(ask('POST')).rejects.toMatchObject({ status: 301, code: 'redirect' });
  });

  test('no answer, and an answer that is cut or never ends, are told apart from a server that is away', async () => {
    answer = () => {};
    await expect(ask()).rejects.toMatchObject({
      status: 0,
      code: 'timeout',
      message: expect.stringContaining('did not answer within 0.3 s') as string,
    });
    await expect(ask('POST')).rejects.toThrow(/whether it did what was asked is not known/);
    answer = (response) => void response.writeHead(200).write('{');
    await expect(ask()).rejects.toMatchObject({ status: 0, code: 'timeout' });
    answer = (response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{');
      setImmediate(() => response.destroy());
    };
    await expect(ask()).rejects.toMatchObject({ status: 0, code: 'cut' });
    await expect(createClient('http://127.0.0.1:1', 'k').request('GET', '/')).rejects.toMatchObject({
      status: 0,
      code: 'unreachable',
      message: expect.stringContaining('a port that fetch refuses') as string,
    });
  });

  test.each(['localhost:8400', 'ftp://a.example', 'http://u:secret@a.example', 'http://a.example/?k=1', ''])(
    'the URL %j is refused at once',
    (bad) => {
      expect(() => createClient(bad, 'k')).toThrow(TypeError);
      expect(() => createClient(bad, 'k')).not.toThrow(/secret/);
    },
  );

  test.each(['', 'with space', 'new\nline', 'ü'])('the key %j is refused at once', (key) => {
    expect(() => createClient(url, key)).toThrow(/API key/);
  });
});
