import { randomBytes } from 'node:crypto';
import { Pool } from 'undici';
import { sign } from '../packages/posthorn/src/signing/standard-webhooks.ts';
import { payments } from './payments.ts';

// The bare loop that every figure is compared with: sign and POST with undici over 64 connections, nothing else.
// `bare.ts <port> <count> [dispatch]`; prints requests a second. `request` is how undici is commonly used;
// `dispatch` is the call below it, which Posthorn's transport uses.

const [port, count, mode] = process.argv.slice(2);
const total = Number(count);
const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 64, pipelining: 1 });
const key = randomBytes(32);
let begun = 0;

function next(): { path: string; method: 'POST'; headers: Record<string, string>; body: Buffer } {
  const n = begun++;
  const { type, data } = payments[n % payments.length]!;
  const id = `evt_${n}`;
  const seconds = Math.floor(Date.now() / 1000);
  const body = Buffer.from(
    `{"id":"${id}","type":"${type}","timestamp":"2026-01-01T00:00:00.000Z","data":${data}}`,
  );
  return {
    path: '/hook',
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': sign([key], id, seconds, body),
    },
  };
}

async function one(): Promise<void> {
  if (mode === 'dispatch') {
    await new Promise<void>((resolve, reject) => {
      pool.dispatch(next(), {
        onRequestStart: () => {},
        onResponseStart: () => {},
        onResponseData: () => {},
        onResponseEnd: () => resolve(),
        onResponseError: (_, error) => reject(error),
      });
    });
  } else await (await pool.request(next())).body.dump();
}

const began = performance.now();
await Promise.all(
  Array.from({ length: 64 }, async () => {
    while (begun < total) await one();
  }),
);
process.stdout.write(`${(total / (performance.now() - began)) * 1000}\n`);
await pool.close();
