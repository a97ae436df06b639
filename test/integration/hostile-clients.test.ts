import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support.ts';
import { apiKey, serve } from './serving.ts';

let posthorn: Awaited<ReturnType<typeof serve>>;
let port: number;
beforeAll(async () => {
  posthorn = await serve();
  port = Number(new URL(posthorn.url).port);
});
afterAll(async () => await posthorn.stop());

/** A connection that keeps what it hears. */
function open(): { socket: Socket; heard: () => string; isClosed: () => boolean } {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let closed = false;
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('close', () => (closed = true));
  socket.on('error', () => {});
  return { socket, heard: () => text, isClosed: () => closed };
}

const authorized = `authorization: Bearer ${apiKey}\r\n`;
const head = (line: string, ...headers: string[]): string =>
  `${line} HTTP/1.1\r\nhost: x\r\n${headers.join('')}\r\n`;
const json = 'content-type: application/json\r\n';
const chunk = Buffer.alloc(64 * 1024, 32);

/** Sends a body without end until the connection is closed; answers how many bytes were taken. */
async function flood(request: string, framed = false): Promise<{ heard: string; sent: number }> {
  const { socket, heard, isClosed } = open();
  socket.write(request);
  const piece = framed ? Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')]) : chunk;
  let sent = 0;
  while (!isClosed() && sent < 256 * 1024 * 1024) {
    sent += piece.length;
    if (!socket.write(piece))
      await new Promise<void>((resolve) => {
        socket.once('drain', resolve);
        socket.once('close', () => resolve());
      });
  }
  socket.destroy();
  return { heard: heard(), sent };
}

const gib = 'content-length: 1073741824\r\n';
describe('G8: a body that is not wanted is not read', () => {
  test.each([
    ['without a key', head('POST /v1/events/batch', json, gib), 401],
    ['with a wrong key', head('POST /v1/events', json, gib, 'authorization: Bearer phk_wrong\r\n'), 401],
    ['of a GET', head('GET /healthz', gib), 200],
    ['to an unknown path', head('POST /v1/nothing', json, gib, authorized), 404],
    ['by an unknown method', head('DELETE /v1/events', json, gib, authorized), 405],
    ['of another type', head('POST /v1/events', 'content-type: text/plain\r\n', gib, authorized), 415],
    ['declared too large', head('POST /v1/events', json, gib, authorized), 413],
  ])('%s', async (_, request, status) => {
    const { heard, sent } = await flood(request);
    expect(heard.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    expect(heard.toLowerCase()).toContain('connection: close');
    // What the kernel's buffers take, and what is read to let the answer through.
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  test('nor beyond the limit if its length is unknown', async () => {
    const request = head('POST /v1/events/batch', json, 'transfer-encoding: chunked\r\n', authorized);
    const { heard, sent } = await flood(request, true);
    expect(heard.slice(0, 12)).toBe('HTTP/1.1 413');
    expect(sent).toBeLessThan(48 * 1024 * 1024);
  });

  test('a client that asks first gets its answer first', async () => {
    const expecting = [json, 'content-length: 21\r\n', 'expect: 100-continue\r\n'];
    const refused = open();
    refused.socket.write(head('POST /v1/events', ...expecting));
    await until('it is refused', refused.isClosed);
    expect(refused.heard().slice(0, 12)).toBe('HTTP/1.1 401');
    const accepted = open();
    accepted.socket.write(head('POST /v1/events', ...expecting, authorized));
    await until('the body is asked for', () => accepted.heard().startsWith('HTTP/1.1 100'));
    accepted.socket.write('{"type":"a","data":1}');
    await until('the event is accepted', () => accepted.heard().includes('HTTP/1.1 202'));
    accepted.socket.destroy();
  });

  test('small bodies of refused requests cost no connection', async () => {
    const { socket, heard } = open();
    socket.write(`${head('POST /v1/nothing', json, 'content-length: 2\r\n', authorized)}{}`);
    await until('it is answered', () => heard().includes('HTTP/1.1 404'));
    socket.write(head('GET /healthz'));
    await until('the next one too', () => heard().includes('HTTP/1.1 200'));
    socket.destroy();
  });

  test('what is not HTTP is answered with a problem', async () => {
    for (const [request, status] of [
      ['NONSENSE\r\n\r\n', 400],
      [head('GET /healthz', `x: ${'a'.repeat(64 * 1024)}\r\n`), 431],
    ] as const) {
      const { socket, heard, isClosed } = open();
      socket.write(request);
      await until('it is answered and closed', isClosed);
      expect(heard().slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
      expect(heard()).toContain('application/problem+json');
    }
  });
});

describe('G8: requests that are sent ahead', () => {
  test('are answered in order', async () => {
    const { socket, heard } = open();
    socket.write(Array.from({ length: 30 }, (_, n) => head(`GET /v1/nothing/${n}`, authorized)).join(''));
    const asked = (): number[] =>
      [...heard().matchAll(/GET \/v1\/nothing\/(\d+)/g)].map(([, n]) => Number(n));
    await until('all are answered', () => asked().length === 30);
    expect(asked()).toEqual(Array.from({ length: 30 }, (_, n) => n));
    socket.destroy();
  });

  test('take no memory from a client that does not read, and no time from the others', async () => {
    const before = process.memoryUsage.rss();
    const hostile = Array.from({ length: 8 }, () => {
      const client = open();
      client.socket.pause();
      client.socket.write(head('GET /openapi.json').repeat(90));
      return client;
    });
    const many = open();
    many.socket.write(head('GET /openapi.json').repeat(1400));
    for (let n = 0; n < 20; n++) expect((await fetch(`${posthorn.url}/healthz`)).status).toBe(200);
    await until('too many are closed', many.isClosed);
    // Answered without bound these would be 8 × 90 × 100 KB and more.
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
    for (const { socket } of hostile) socket.destroy();
  });
});

test('G8: many large bodies at once are refused or accepted, in bounded memory, and the others are answered', async () => {
  const data = 'x'.repeat(8000);
  const body = JSON.stringify({ events: Array.from({ length: 1000 }, () => ({ type: 'a', data })) });
  const before = process.memoryUsage.rss();
  let open = 40;
  const answers = Promise.all(
    Array.from({ length: open }, async () => {
      const response = await fetch(`${posthorn.url}/v1/events/batch`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body,
      }).catch(() => null);
      open--;
      return response === null ? 0 : response.status;
    }),
  );
  let asked = 0;
  while (open > 0) {
    expect((await fetch(`${posthorn.url}/healthz`)).status).toBe(200);
    asked++;
  }
  const statuses = await answers;
  expect(asked).toBeGreaterThan(5);
  expect(statuses.filter((status) => status === 202).length).toBeGreaterThan(0);
  // A client that is still sending may see the connection end before it reads why.
  expect(statuses.filter((status) => ![202, 503, 0].includes(status))).toEqual([]);
  expect(statuses).toContain(503);
  expect(process.memoryUsage.rss() - before).toBeLessThan(1024 * 1024 * 1024);
});

test('G8: what clients that hang up had in memory is free again', async () => {
  const length = 8 * 1024 * 1024 - 1;
  const request = head('POST /v1/events/batch', json, `content-length: ${length}\r\n`, authorized);
  // Eight times what fits at once: some while the body is read, some before.
  for (let round = 0; round < 16; round++) {
    const clients = Array.from({ length: 3 }, () => open());
    for (const { socket } of clients) socket.write(`${request}{`);
    if (round % 2 === 0)
      await until('one is connected', () => clients.every(({ socket }) => !socket.connecting));
    for (const { socket } of clients) socket.destroy();
  }
  const body = JSON.stringify({ events: [{ type: 'a', data: 'x'.repeat(200_000) }] }).padEnd(length - 1);
  await until('a large body has room', async () => {
    const response = await fetch(`${posthorn.url}/v1/events/batch`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body,
    }).catch(() => null);
    return response?.status === 202;
  });
});

test('G8: clients that publish and hang up hold no turn of those that share their key', async () => {
  const tenantKeys = await Promise.all(
    ['hangs-up', 'shares'].map(async (tenant) => {
      const fields = { name: tenant, scopes: ['publish'], tenant };
      const { key } = await posthorn.client.request<{ key: string }>('POST', '/v1/keys', fields);
      return `authorization: Bearer ${key}\r\n`;
    }),
  );
  const event = JSON.stringify({ type: 'a', data: 'x'.repeat(5000) });
  const publish = (key: string): string =>
    head('POST /v1/events', json, `content-length: ${event.length}\r\n`, key) + event;
  const isAnswered = async (key: string): Promise<void> => {
    const { socket, heard } = open();
    socket.write(publish(key));
    await until('it is answered', () => heard().includes('HTTP/1.1 202'));
    socket.destroy();
  };
  // Turns exist only while several tenants publish.
  for (const key of tenantKeys) await isAnswered(key);
  for (let round = 0; round < 20; round++) {
    const clients = Array.from({ length: 10 }, () => open());
    for (const { socket } of clients) socket.write(publish(tenantKeys[0]!));
    // Some while their turn comes, some before their body is read.
    if (round % 2 === 0) await until('one is answered', () => clients.some(({ heard }) => heard() !== ''));
    for (const { socket } of clients)
      if (round % 4 < 2) socket.resetAndDestroy();
      else socket.destroy();
    for (const key of tenantKeys) await isAnswered(key);
  }
});

test('static answers are made once and revalidate; scrapes within a second get one text', async () => {
  const first = await fetch(`${posthorn.url}/openapi.json`);
  const etag = first.headers.get('etag')!;
  expect(await first.json()).toMatchObject({ openapi: '3.1.1' });
  const again = await fetch(`${posthorn.url}/openapi.json`, { headers: { 'if-none-match': etag } });
  expect(again.status).toBe(304);
});

test('G2: a server stops although clients send halves of requests and keep their connections', async () => {
  const other = await serve();
  const sockets = ['', 'GET /hea', head('POST /v1/events', json, 'content-length: 9\r\n', authorized)].map(
    (text) => {
      const socket = connect(Number(new URL(other.url).port), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(text);
      return socket;
    },
  );
  await fetch(`${other.url}/healthz`);
  await other.stop();
  for (const socket of sockets) socket.destroy();
  await expect(fetch(`${other.url}/healthz`)).rejects.toThrow('fetch failed');
});
