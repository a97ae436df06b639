import type { ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { until } from '../../../../test/support.ts';
import { type Sink, Stream } from '../service/handler.ts';
import { sendStream } from './streams.ts';

interface Message {
  readonly event: string;
  readonly id: string | null;
  readonly data: unknown;
}

let app: FastifyInstance;
let clock: ReturnType<typeof aClock>;
let socket: Socket;
let heard = '';
let sink: Sink<Message> | null = null;
let mayRead = true;
let hasStopped = false;
let raw: ServerResponse | null = null;

beforeEach(async () => {
  clock = aClock();
  heard = '';
  sink = null;
  mayRead = true;
  hasStopped = false;
  app = Fastify({ exposeHeadRoutes: false, forceCloseConnections: true });
  const stream = new Stream<Message>((to) => {
    sink = to;
    return () => (hasStopped = true);
  });
  app.get('/', (_, reply) => {
    raw = reply.raw;
    return sendStream(reply, stream, { clock, mayRead: async () => mayRead });
  });
  await app.listen({ port: 0 });
  socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await until('it has begun', () => sink !== null);
});
afterEach(async () => {
  socket.destroy();
  await app.close();
});

test('messages are server-sent events, and silence is broken by comments', async () => {
  sink!.send({ event: 'now', id: 'a.1', data: { text: 'two\nlines' } });
  await until('it has come', () => heard.includes('id: a.1\nevent: now\ndata: {"text":"two\\nlines"}\n\n'));
  expect(heard).toContain('text/event-stream');
  await until('a comment comes', () => {
    clock.pass(5000);
    return heard.includes(':\n\n');
  });
});

test('G8: a reader that does not read is cut off, and what waits for it is bounded', async () => {
  socket.pause();
  const data = 'x'.repeat(100_000);
  let sent = 0;
  await until('it is cut off', () => {
    sent++;
    return !sink!.send({ event: 'now', id: null, data });
  });
  // What the system's own buffers take, and half a megabyte.
  expect(sent).toBeLessThan(200);
  await until('what it watched is let go', () => hasStopped);
  expect(sink!.send({ event: 'now', id: null, data })).toBe(false);
});

test('G8: a reader that takes nothing for two looks is cut off too, however little waits', async () => {
  socket.pause();
  // Until it waits here, and not in the buffers of the system.
  const data = 'x'.repeat(20_000);
  await until('something waits', () => {
    sink!.send({ event: 'now', id: null, data });
    return raw!.writableNeedDrain;
  });
  await until('it is cut off', () => {
    clock.pass(5000);
    return hasStopped;
  });
});

test('G9: who may not read any more is cut off', async () => {
  mayRead = false;
  await until('it has ended', () => {
    clock.pass(5000);
    return hasStopped;
  });
});
