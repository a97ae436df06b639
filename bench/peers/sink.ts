import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// The receiver, in a process of its own. It counts each event by the `bench_id` in its body, and does as its parent says.

export interface Orders {
  readonly answer: 'ok' | 'hang';
  readonly delayMs: number;
  /** Also forgets what has arrived. */
  readonly isFresh: boolean;
}

export interface Arrivals {
  readonly requests: number;
  readonly events: number;
  /** Percentiles of the time from publishing to arrival, in ms. */
  readonly p50: number;
  readonly p99: number;
}

// Each by itself: jsonb does not keep the order of members.
const idMark = /"bench_id":"(\w+)"/;
const timeMark = /"sent_at":([\d.]+)/;
let orders: Orders = { answer: 'ok', delayMs: 0, isFresh: true };
let requests = 0;
const events = new Map<string, number>();

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('latin1').on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    requests++;
    const now = performance.timeOrigin + performance.now();
    // What is never answered has not arrived: its sender has to send it again.
    if (orders.answer === 'hang') return;
    const id = idMark.exec(body)?.[1];
    if (id !== undefined && !events.has(id)) events.set(id, now - Number(timeMark.exec(body)?.[1]));
    if (orders.delayMs === 0) response.end('ok');
    else setTimeout(() => response.end('ok'), orders.delayMs);
  });
});

function arrivals(): Arrivals {
  const latencies = [...events.values()].toSorted((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN;
  return { requests, events: events.size, p50: at(0.5), p99: at(0.99) };
}

server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  process.send!({ port: (server.address() as AddressInfo).port });
});
process.on('message', (message: Orders | 'arrivals') => {
  if (message === 'arrivals') {
    process.send!(arrivals());
    return;
  }
  orders = message;
  if (orders.isFresh) {
    requests = 0;
    events.clear();
  }
});
process.on('disconnect', () => process.exit());
