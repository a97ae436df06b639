import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { command } from '../bundles.ts';
import { type Broker, brokers } from '../brokers.ts';
import { tempDir, until } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

// `posthorn ingest` with real brokers. PostgreSQL comes with the tests; the others where a variable names one.

let posthorn: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  posthorn = await serve();
});
afterAll(async () => {
  await posthorn.stop();
});

const counts = async (tenant: string): Promise<{ events: number }> =>
  await posthorn.client.request('GET', `/v1/accounting?tenant=${tenant}`);
const asPublisher = (url: string): string[] => ['--url', url, '--api-key', apiKey];

/** The whole body of a request or an answer. */
async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A proxy in front of Posthorn that calls `accepted` when a batch is on its disk and its publisher does not know it yet. */
async function aProxy(accepted: () => void): Promise<{ url: string; close(): void }> {
  const server = createServer((incoming, outgoing) => {
    void bodyOf(incoming).then((body) => {
      const { method, url, headers } = incoming;
      request(`${posthorn.url}${url!}`, { method, headers }, (answer) => {
        void bodyOf(answer).then((text) => {
          if (url === '/v1/events/batch' && answer.statusCode === 202) accepted();
          outgoing.writeHead(answer.statusCode!, answer.headers).end(text);
        });
      }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const ended = async (child: ChildProcess): Promise<NodeJS.Signals | number | null> =>
  await new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));

describe.each(brokers)('$name', (open) => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await open.start();
  });
  afterAll(async () => {
    await broker.stop();
  });

  test('G1: killed between the accept and the commit: exactly one event for each message', async () => {
    const { args, tenant } = await broker.filled(
      Array.from({ length: 60 }, (_, n) => JSON.stringify({ n, amount: 1.5 })),
    );
    let batches = 0;
    let child: ChildProcess | null = null;
    const proxy = await aProxy(() => {
      // The second batch: the first one is accepted and committed.
      if (++batches === 2) child!.kill('SIGKILL');
    });
    const asked = [command, 'ingest', ...args, '--batch', '20', '--until-idle', '1', '--json'];
    try {
      for (let code: unknown = 'SIGKILL'; code === 'SIGKILL';) {
        child = spawn(process.execPath, [...asked, ...asPublisher(proxy.url)], {
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let text = '';
        child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()));
        child.stderr!.on('data', (chunk: Buffer) => (text += chunk.toString()));
        code = await ended(child);
        if (code !== 'SIGKILL') expect(code, text).toBe(0);
      }
    } finally {
      proxy.close();
    }
    // Three batches, and the second once more; SQS gives fewer messages than it is asked for.
    expect(batches).toBeGreaterThanOrEqual(4);
    expect((await counts(tenant)).events).toBe(60);
    expect(await broker.waiting()).toBe(0);
  });

  test('G5: what Posthorn refuses is set aside with its reason; without a place it ends the command, and names the message', async () => {
    const { args, tenant } = await broker.filled(['{"n":1}', 'not JSON', '{"n":2}']);
    const options = ['--until-idle', '1', ...asPublisher(posthorn.url)];
    const stopped = await runHere('ingest', ...args, ...options);
    expect(stopped.code).toBe(1);
    expect(stopped.err).toMatch(/stopped at \w+ \S+: the body is not JSON \(not_json\)/);
    const file = join(tempDir(), 'refused.jsonl');
    await until('the broker delivers it again', async () => {
      const { code, err } = await runHere('ingest', ...args, ...options, '--refused-to', file);
      return code === 1 && err.includes('set aside');
    });
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ code: 'not_json', body: 'not JSON' }),
    ]);
    expect((await counts(tenant)).events).toBe(2);
    expect(await broker.waiting()).toBe(0);
  });

  test.runIf(open.hasOwnPlace)('G5: the place of the refused may be one of the broker', async () => {
    const { args, tenant } = await broker.filled(['not JSON', '{"n":1}']);
    const place = await broker.place!();
    const { code, err } = await runHere(
      'ingest',
      ...args,
      ...place.args,
      '--until-idle',
      '1',
      ...asPublisher(posthorn.url),
    );
    expect(code).toBe(1);
    expect(err).toContain('set aside');
    expect(await place.bodies()).toEqual(['not JSON']);
    expect((await counts(tenant)).events).toBe(1);
    expect(await broker.waiting()).toBe(0);
  });

  test.runIf(open.hasPassword)(
    'a wrong password ends the command with what to do, is not printed, and commits nothing',
    async () => {
      const { args, tenant } = await broker.filled(['{"n":1}']);
      vi.stubEnv('POSTHORN_INGEST_PASSWORD', 'not-the-password');
      const run = await runHere('ingest', ...args, ...asPublisher(posthorn.url)).finally(() =>
        vi.unstubAllEnvs(),
      );
      expect(run).toMatchObject({
        code: 1,
        err: expect.stringMatching(/refused the user: .*check --.*POSTHORN_INGEST_PASSWORD/),
      });
      expect(run.out + run.err).not.toContain('not-the-password');
      expect((await counts(tenant)).events).toBe(0);
      expect(await broker.waiting()).toBe(1);
    },
  );
});
