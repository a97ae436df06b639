import { Pool } from 'undici';

// Publishes one event a request at a steady rate: `publisher.ts <url> <key> <events a second> <bytes> <types> <count>`.
// Event n has the type `growth.<n modulo types>`; each says when it was sent.

const [url, key, rate, bytes, types, count] = process.argv.slice(2);
const pool = new Pool(url!, { connections: 64, pipelining: 1 });
const padding = 'x'.repeat(Math.max(0, Number(bytes) - 60));
const total = Number(count);
let begun = 0;
let failed = 0;
const running = new Set<Promise<void>>();

async function post(n: number): Promise<void> {
  const sentAt = performance.timeOrigin + performance.now();
  const { statusCode, body } = await pool.request({
    path: '/v1/events',
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: `{"type":"growth.${n % Number(types)}","data":{"sent_at":${sentAt},"padding":"${padding}"}}`,
  });
  await body.dump();
  if (statusCode !== 202) failed++;
}

const began = performance.now();
while (begun < total) {
  const due = Math.min(total, ((performance.now() - began) / 1000) * Number(rate));
  while (begun < due) {
    const one = post(begun++).catch(() => void failed++);
    running.add(one);
    void one.finally(() => running.delete(one));
  }
  await new Promise((resolve) => setTimeout(resolve, 1));
}
await Promise.all(running);
await pool.close();
if (failed > 0) process.stderr.write(`${failed} of ${total} events were refused\n`);
process.exitCode = failed > 0 ? 1 : 0;
