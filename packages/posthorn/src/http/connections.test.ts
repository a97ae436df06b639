import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { until } from '../../../../test/support.ts';
import { systemClock } from '../runtime/clock.ts';
import { createHttpServer, type HttpServer } from './connections.ts';

let http: HttpServer;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  http.closing();
  await new Promise((resolve) => http.server.close(resolve));
});

async function start(maxConnections?: number): Promise<number> {
  http = createHttpServer(
    (_, response) => response.end('ok'),
    systemClock,
    () => 'req_1',
    maxConnections,
  );
  await new Promise<void>((resolve) => http.server.listen(0, '127.0.0.1', resolve));
  return (http.server.address() as AddressInfo).port;
}

function open(port: number, text: string): { socket: Socket; heard: () => string; isClosed: () => boolean } {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let heard = '';
  let closed = false;
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  socket.on('close', () => (closed = true));
  socket.write(text);
  return { socket, heard: () => heard, isClosed: () => closed };
}
const request = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';

test('G2: a server that never listened has nothing to wait for when it closes', () => {
  const waits: number[] = [];
  const clock = { ...systemClock, after: (ms: number) => (waits.push(ms), () => {}) };
  http = createHttpServer(
    (_, response) => response.end('ok'),
    clock,
    () => 'req_1',
  );
  http.closing();
  expect(waits).toEqual([]);
});

test('G8: connections that never finish a request give way, and those that did stay', async () => {
  const port = await start(60);
  const served = open(port, request);
  await until('the first is answered', () => served.heard().includes('200'));
  const halves = Array.from({ length: 70 }, () => open(port, 'GET / HTTP/1.1\r\nhost'));
  await until('some gave way', () => halves.some(({ isClosed }) => isClosed()));
  await until('another is answered', async () => {
    const next = open(port, request);
    await until('it is answered or closed', () => next.isClosed() || next.heard() !== '');
    return next.heard().includes('200');
  });
  served.socket.write(request);
  await until('the first is answered again', () => served.heard().split('200').length === 3);
});

test('a connection that asked for nothing is closed without an answer; one that asked for half gets a 408', async () => {
  const port = await start();
  const taken: Socket[] = [];
  http.server.on('connection', (socket: Socket) => taken.push(socket));
  const unused = open(port, '');
  const half = open(port, 'GET / HTTP/1.1\r\nhost');
  await until('both arrived', () => taken.length === 2 && taken.some(({ bytesRead }) => bytesRead > 0));
  const late = Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
  for (const socket of taken) http.refuse(late, socket);
  await until('both are closed', () => unused.isClosed() && half.isClosed());
  expect(unused.heard()).toBe('');
  expect(half.heard()).toContain('408');
});

test('G8: a client that does not read has one answer in memory, whatever it sent ahead', async () => {
  let answers = 0;
  const large = Buffer.alloc(8 * 1024 * 1024);
  http = createHttpServer(
    (_, response) => {
      answers++;
      response.end(large);
    },
    systemClock,
    () => 'req_1',
  );
  await new Promise<void>((resolve) => http.server.listen(0, '127.0.0.1', resolve));
  const port = (http.server.address() as AddressInfo).port;
  const { socket } = open(port, '');
  socket.pause();
  socket.write(request.repeat(50));
  await until('the first is answered', () => answers > 0);
  // What the kernel takes of 8 MiB is a part: the second waits until the first is on its way.
  for (let n = 0; n < 20; n++) await (await fetch(`http://127.0.0.1:${port}/`)).arrayBuffer();
  expect(answers).toBe(21);
  socket.resume();
  await until('all are answered once it reads', () => answers === 70);
});

test.each([
  ['ERR_HTTP_REQUEST_TIMEOUT', 408, 'request_timeout'],
  ['HPE_HEADER_OVERFLOW', 431, 'headers_too_large'],
  ['HPE_INVALID_TRANSFER_ENCODING', 501, 'not_implemented'],
  ['HPE_INVALID_METHOD', 400, 'bad_request'],
])('what ends before it is a request (%s) is answered with a problem', async (fault, status, code) => {
  const port = await start();
  const accepted = new Promise<Socket>((resolve) => http.server.once('connection', resolve));
  const { heard, isClosed } = open(port, 'GET / HT');
  const socket = await accepted;
  await until('something arrived', () => socket.bytesRead > 0);
  http.refuse(Object.assign(new Error('from the parser'), { code: fault }), socket);
  await until('it is closed', isClosed);
  const [head, body] = heard().split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(head).toContain('content-type: application/problem+json');
  expect(head).toContain('request-id: req_1');
  expect(JSON.parse(body!)).toMatchObject({ status, code, request_id: 'req_1', type: `/errors/${code}` });
});
