import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command } from '../bundles.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { apiKey, serve } from './serving.ts';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** `posthorn publish` in a process of its own, whose standard input stays open until it is ended. */
function publishing(
  url: string,
  ...args: string[]
): { child: ChildProcessWithoutNullStreams; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [command, 'publish', ...args], {
    env: { ...process.env, POSTHORN_URL: url, POSTHORN_API_KEY: apiKey },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.on('error', () => {});
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }));
  return { child, ended };
}

function publish(url: string, input: string | Buffer, ...args: string[]): Promise<Ended> {
  const { child, ended } = publishing(url, '-', ...args);
  child.stdin.end(input);
  return ended;
}

const lines = (from: number, to: number, fields: object = {}): string =>
  Array.from({ length: to - from }, (_, n) =>
    JSON.stringify({ type: 'a.b', id: `e${from + n}`, data: { n: from + n }, ...fields }),
  ).join('\n') + '\n';

type Behavior = (
  n: number,
  request: IncomingMessage,
  response: ServerResponse,
  forward: () => Promise<Response>,
) => void | Promise<void>;

/** A proxy in front of the server with a scripted action for each request; `pass` forwards it. */
async function aProxy(
  to: string,
  behave: Behavior,
): Promise<{ url: string; requests: () => number; close(): void }> {
  let n = 0;
  const proxy = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const forward = (): Promise<Response> =>
        fetch(to + request.url!, {
          method: request.method!,
          headers: { authorization: request.headers.authorization!, 'content-type': 'application/json' },
          body: Buffer.concat(chunks),
        });
      void behave(++n, request, response, forward);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    requests: () => n,
    close: () => {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}

const pass = async (response: ServerResponse, forward: () => Promise<Response>): Promise<void> => {
  const answer = await forward();
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type')! });
  response.end(await answer.text());
};

describe('publish', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  const isThere = async (id: string, tenant: string): Promise<boolean> =>
    await server.client.request('GET', `/v1/events/${id}?tenant=${tenant}`).then(
      () => true,
      () => false,
    );

  beforeAll(async () => {
    server = await serve();
    receiver = await aReceiver();
  });
  afterAll(async () => {
    await server.stop();
    await receiver.close();
  });

  test('G5: a refused batch ends the command with 1, also while the producer pauses', async () => {
    const tenant = 'pausing';
    await server.client.request('POST', '/v1/events', { tenant, id: 'e250', type: 'a.b', data: 'other' });
    const { child, ended } = publishing(server.url, '-');
    child.stdin.write(lines(0, 1000, { tenant }));
    const { code, out, err } = await ended;
    expect(code).toBe(1);
    expect(err).toContain('line 251: /id was used before');
    expect(out).toMatch(/1 rejected/);
    expect(await isThere('e251', tenant)).toBe(false);
  });

  test('G5: --skip-invalid accepts all other lines, names each bad one, and ends with 1', async () => {
    const tenant = 'skipping';
    await server.client.request('POST', '/v1/events', { tenant, id: 'e40', type: 'a.b', data: 'other' });
    const texts = lines(0, 700, { tenant }).trimEnd().split('\n');
    texts[10] = texts[10]!.replace('"a.b"', '"has space"');
    texts[20] = '{broken';
    texts[30] =
      `${'['.repeat(80)}${']'.repeat(80)}`.replace(/^/, `{"type":"a.b","tenant":"${tenant}","data":`) + '}';
    texts[600] = JSON.stringify({ type: 'a.b', tenant, data: 'x'.repeat(300_000) });
    const { code, out, err } = await publish(server.url, texts.join('\n'), '--skip-invalid', '--json');
    expect(code).toBe(1);
    const summary = JSON.parse(out) as {
      accepted: number;
      rejected: number;
      unconfirmed: number;
      rejections: { line: number }[];
    };
    expect(summary).toMatchObject({ accepted: 695, rejected: 5, unconfirmed: 0 });
    expect(summary.rejections.map(({ line }) => line).toSorted((a, b) => a - b)).toEqual([
      11, 21, 31, 41, 601,
    ]);
    for (const line of [11, 21, 31, 41, 601]) expect(err).toMatch(new RegExp(`^line ${line}: `, 'm'));
    expect(await isThere('e699', tenant)).toBe(true);
  });

  test('G1: the same file again publishes nothing twice; --new-ids does', async () => {
    const tenant = 'again';
    await server.client.request('POST', '/v1/endpoints', { tenant, url: receiver.url });
    const file = join(tempDir(), 'events.jsonl');
    const texts = Array.from({ length: 400 }, (_, n) => JSON.stringify({ type: 'a.b', tenant, data: { n } }));
    writeFileSync(file, [...texts.slice(0, 349), '{broken', ...texts.slice(350)].join('\r\n'));
    const first = await publishing(server.url, file).ended;
    expect(first).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^349 accepted, 1 rejected/) as string,
    });
    writeFileSync(file, texts.join('\n'));
    const second = await publishing(server.url, file).ended;
    expect(second).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^400 accepted \(349 duplicates\), 0 rejected/) as string,
    });
    await until('all is delivered', () => receiver.requests.length >= 400);
    expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(400);
    const third = await publishing(server.url, file, '--new-ids').ended;
    expect(third).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^400 accepted, 0 rejected/) as string,
    });
  });

  test('U+2028 inside a line, a byte order mark, CRLF, gzip, and no newline at the end', async () => {
    const tenant = 'odd';
    const text = `\ufeff${JSON.stringify({ type: 'a.b', tenant, id: 'o1', data: 'a\u2028b' })}\r\n\r\n${JSON.stringify({ type: 'a.b', tenant, id: 'o2', data: 'é' })}`;
    for (const input of [text, gzipSync(text)])
      expect(await publish(server.url, input)).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^2 accepted/) as string,
      });
    expect(await server.client.request('GET', `/v1/events/o1?tenant=${tenant}`)).toMatchObject({
      data: 'a\u2028b',
    });
  });

  test('large lines go in batches that a proxy with a limit of 1 MB lets pass', async () => {
    const proxy = await aProxy(server.url, async (_, request, response, forward) => {
      if (Number(request.headers['content-length']) > 1_048_576) response.writeHead(413).end('<html>');
      else await pass(response, forward);
    });
    const input = lines(0, 60, { tenant: 'large', data: 'x'.repeat(200_000) });
    expect(await publish(proxy.url, input)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^60 accepted/) as string,
    });
    proxy.close();
  });

  const faults: readonly (readonly [string, Behavior])[] = [
    [
      '502 with HTML',
      (_, __, response) => void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>'),
    ],
    [
      '429 with Retry-After',
      (_, __, response) => void response.writeHead(429, { 'retry-after': '1' }).end('{}'),
    ],
    [
      '200 with HTML',
      (_, __, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>'),
    ],
    ['a connection that is cut', (_, request) => void request.socket.destroy()],
    [
      'an answer that is cut after the events were accepted',
      async (_, __, response, forward) => {
        await forward();
        response.writeHead(202, { 'content-length': '500' });
        response.write('{"accepted":[');
        setImmediate(() => response.destroy());
      },
    ],
  ];
  test.each(faults)('G1: %s is tried again, and no event is published twice', async (name, fault) => {
    const proxy = await aProxy(server.url, async (n, request, response, forward) => {
      if (n === 1) await fault(n, request, response, forward);
      else await pass(response, forward);
    });
    const tenant = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
    const ended = await publish(proxy.url, lines(0, 5, { tenant }));
    expect(ended).toMatchObject({ code: 0, out: expect.stringMatching(/^5 accepted/) as string });
    expect(proxy.requests()).toBe(2);
    proxy.close();
  });

  test('a server that never answers: ends with 1 within its limits, and says what to do', async () => {
    const silent = await aProxy(server.url, () => {});
    const ended = await publish(silent.url, lines(0, 5), '--timeout', '0.3', '--retry-for', '0.5');
    expect(ended).toMatchObject({
      code: 1,
      out: expect.stringContaining('5 unconfirmed') as string,
      err: expect.stringMatching(/did not answer within 0.3 s.*publish the same input again/s) as string,
    });
    silent.close();
  });

  test('a directory as standard input ends with 2', () => {
    const { status, stderr } = spawnSync(
      '/bin/sh',
      ['-c', '"$0" "$1" publish - < /', process.execPath, command],
      {
        env: { ...process.env, POSTHORN_URL: server.url, POSTHORN_API_KEY: apiKey },
        encoding: 'utf8',
      },
    );
    expect(stderr).toMatch(/standard input is a directory/);
    expect(status).toBe(2);
  });

  test('what a producer has written is sent while it pauses; SIGINT ends with 130', async () => {
    const tenant = 'live';
    const { child, ended } = publishing(server.url, '-');
    child.stdin.write(lines(0, 3, { tenant }));
    await until('the lines are there', () => isThere('e2', tenant));
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 130, out: expect.stringMatching(/^3 accepted/) as string });
  });

  test.each([
    [['/nonexistent/events.jsonl'], /cannot read \/nonexistent/],
    [[tempDir()], /is a directory/],
    [['-', '--timeout', '-1'], /takes a number/],
    [['-', '--retry-for', 'long'], /takes a number/],
    [['-', '--value-pointer', 'amount'], /JSON Pointer/],
    [['-', '--currency-pointer', '/c'], /needs --value-pointer/],
    [['-', '--url', 'http://user:secret@127.0.0.1:1'], /must not contain a user name/],
    [['-', '--url', 'localhost:8400'], /must begin with http/],
    [['-', 'second'], /too many arguments/],
  ])('wrong usage ends with 2 before anything is sent: %j', async (args, message) => {
    const proxy = await aProxy(server.url, (_, __, response) => void response.end());
    const { child, ended } = publishing(proxy.url, ...args);
    child.stdin.end(lines(0, 1));
    const { code, err } = await ended;
    expect(err).toMatch(message);
    expect(err).not.toContain('secret');
    expect({ code, requests: proxy.requests() }).toEqual({ code: 2, requests: 0 });
    proxy.close();
  });
});
