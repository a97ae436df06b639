import { expect, test } from 'vitest';
import { startReceiver, freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { kill, startServer } from '../../packages/posthorn/src/cli/demo/server-process.ts';
import { runDemo } from '../../packages/posthorn/src/cli/demo/run.ts';
import { verifyDataDirectory } from '../../packages/posthorn/src/cli/commands/verify.ts';
import { surviveKills } from './kills.ts';
import { tempDir, until } from '../support.ts';
import { createWireClient } from '../wire-client.ts';

const apiKey = 'phk_crash_0123456789abcdef';

test('G1, G2: an event accepted with 202 in the millisecond of a SIGKILL is delivered after the restart', async () => {
  const dataDir = tempDir();
  const port = await freePort();
  const client = createWireClient(`http://127.0.0.1:${port}`, apiKey);
  const receiver = await startReceiver({ delayMs: 0 });
  let server = await startServer({ port, dataDir, apiKey });
  try {
    await client.request('POST', '/v1/endpoints', { url: receiver.url, secret: receiver.secret });
    const accepted: string[] = [];
    for (let round = 0; round < 5; round++) {
      const burst = Array.from({ length: 20 }, async (_, n) => {
        try {
          const { id } = await client.request<{ id: string }>('POST', '/v1/events', {
            type: 'a.b',
            data: { round, n },
          });
          accepted.push(id);
          // The first 202 of each round pulls the trigger.
          if (accepted.length % 20 === 1 || server.signalCode === null) server.kill('SIGKILL');
        } catch {
          // Not acknowledged: nothing is promised.
        }
      });
      await Promise.all(burst);
      await kill(server, 'SIGKILL');
      server = await startServer({ port, dataDir, apiKey });
    }
    expect(accepted.length).toBeGreaterThanOrEqual(5);
    await until('all that was acknowledged has arrived', () =>
      accepted.every((id) => receiver.counts().ids.has(id)),
    );
    expect(receiver.counts().unverified).toBe(0);
    await until(
      'nothing is pending',
      async () => (await client.request<{ pending: number }>('GET', '/v1/accounting')).pending === 0,
    );
    expect(await verifyDataDirectory(dataDir)).toMatchObject({ balanced: true, unaccounted: 0 });
  } finally {
    await kill(server, 'SIGKILL');
    await receiver.close();
  }
});

test('G6: the demo, with its kill in the middle, balances and agrees with its receivers', async () => {
  const result = await runDemo({ events: 600, dataDir: tempDir() });
  expect(result).toMatchObject({ agrees: true, kills: 1, unaccounted: 0, disagreements: [] });
});

test('G1, G2, G6: real events survive kills at random; what repeats was in flight at a kill', async () => {
  const result = await surviveKills({ events: 1500, kills: 2, draw: Math.random });
  const clean = { unique: 1500, lost: 0, unexpected: 0, unexplained: [], unverified: 0 };
  expect(result).toMatchObject({
    accepted: 1500,
    kills: 2,
    unaccounted: 0,
    endpoints: [clean, clean, clean],
  });
});

test('SIGTERM drains: nothing is left claimed, and the process ends by itself', async () => {
  const dataDir = tempDir();
  const port = await freePort();
  const client = createWireClient(`http://127.0.0.1:${port}`, apiKey);
  const receiver = await startReceiver({ delayMs: 100 });
  const server = await startServer({ port, dataDir, apiKey });
  try {
    await client.request('POST', '/v1/endpoints', {
      url: receiver.url,
      secret: receiver.secret,
      max_in_flight: 4,
    });
    await client.request('POST', '/v1/events/batch', {
      events: Array.from({ length: 100 }, (_, n) => ({ type: 'a.b', data: n })),
    });
    await kill(server, 'SIGTERM');
    expect(server.exitCode).toBe(0);
    const { rows } = await verifyDataDirectory(dataDir);
    // Every started attempt was settled: the receiver has exactly what the ledger counts as delivered.
    expect(rows[0]!.delivered).toBe(receiver.counts().ids.size);
    expect(receiver.counts().requests).toBe(receiver.counts().ids.size);
  } finally {
    await kill(server, 'SIGKILL');
    await receiver.close();
  }
});
