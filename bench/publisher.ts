import { Pool } from 'undici';
import { payments } from './payments.ts';

// Publishes over HTTP: `publisher.ts <url> <key> <count> <events a request> <connections> [events a second, 0: as fast as can be] [tenant]`;
// prints events a second that were accepted. Each payload says when it was sent.

const [url, key, count, size, connections, rate = '0', tenant = 'default'] = process.argv.slice(2);
const total = Number(count);
const perRequest = Number(size);
const pool = new Pool(url!, { connections: Number(connections), pipelining: 1 });
let begun = 0;

function event(n: number): string {
  const { type, data } = payments[n % payments.length]!;
  return `{"tenant":"${tenant}","type":"${type}","data":{"sent_at":${performance.timeOrigin + performance.now()},"payment":${data}}}`;
}

async function post(): Promise<void> {
  const from = begun;
  begun += perRequest;
  const body =
    perRequest === 1
      ? event(from)
      : `{"events":[${Array.from({ length: perRequest }, (_, n) => event(from + n)).join(',')}]}`;
  await new Promise<void>((resolve, reject) => {
    pool.dispatch(
      {
        path: perRequest === 1 ? '/v1/events' : '/v1/events/batch',
        method: 'POST',
        body,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      },
      {
        onRequestStart: () => {},
        onResponseStart: (_, status) => status !== 202 && reject(new Error(`publishing answered ${status}`)),
        onResponseData: () => {},
        onResponseEnd: () => resolve(),
        onResponseError: (_, error) => reject(error),
      },
    );
  });
}

const began = performance.now();
if (rate === '0') {
  await Promise.all(
    Array.from({ length: Number(connections) }, async () => {
      while (begun < total) await post();
    }),
  );
} else {
  const running: Promise<void>[] = [];
  while (begun < total) {
    const due = ((performance.now() - began) / 1000) * Number(rate);
    while (begun < Math.min(total, due)) running.push(post());
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(running);
}
process.stdout.write(`${(total / (performance.now() - began)) * 1000}\n`);
await pool.close();
