import { Agent, request } from 'node:http';
import { payments } from '../payments.ts';
import type { Publishing } from './senders.ts';

/** Publishes events one a request; resolves with how many were acknowledged when the last has its answer. */
export async function publish(
  { url, headers, body }: Publishing,
  { count, connections, perS }: { count: number; connections: number; perS: number | null },
): Promise<{ acknowledged: number; seconds: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const began = performance.now();
  let begun = 0;
  let acknowledged = 0;
  const one = (): Promise<void> => {
    const n = begun++;
    const { type, data } = payments[n % payments.length]!;
    const sentAt = performance.timeOrigin + performance.now();
    const text = body(type, `{"bench_id":"e${n}","sent_at":${sentAt},"payment":${data}}`);
    return new Promise((resolve) => {
      const sent = request(
        url,
        { method: 'POST', agent, headers: { 'content-type': 'application/json', ...headers } },
        (response) => {
          if (response.statusCode! < 300) acknowledged++;
          response.resume().on('end', resolve).on('error', resolve);
        },
      );
      // A server that was killed acknowledges nothing.
      sent.on('error', () => resolve());
      sent.end(text);
    });
  };
  const worker = async (): Promise<void> => {
    while (begun < count) {
      const dueMs = perS === null ? 0 : (begun / perS) * 1000 - (performance.now() - began);
      if (dueMs > 1) await new Promise((resolve) => setTimeout(resolve, dueMs));
      if (begun < count) await one();
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  agent.destroy();
  return { acknowledged, seconds: (performance.now() - began) / 1000 };
}
