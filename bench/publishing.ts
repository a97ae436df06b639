import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../packages/posthorn/src/cli/demo/receivers.ts';
import { kill, startServer } from '../packages/posthorn/src/cli/demo/server-process.ts';
import { apiKey, endNode, startNode } from '../test/crash/nemesis.ts';
import { createWireClient } from '../test/wire-client.ts';
import { countAnswered, type Sink } from './sink-process.ts';

const run = promisify(execFile);

const beside = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** Runs a script beside this one; answers the number in its last line. */
export async function figure(file: string, ...args: (string | number)[]): Promise<number> {
  const { stdout, stderr } = await run(process.execPath, [beside(file), ...args.map(String)]);
  process.stderr.write(stderr);
  return Number(stdout.trim().split('\n').at(-1));
}

/** A server on a database, or on a data directory of its own; answers how to end it. */
async function startOn(port: number, databaseUrl: string | undefined): Promise<() => Promise<void>> {
  if (databaseUrl !== undefined) {
    const node = await startNode('bench', port, databaseUrl);
    return () => endNode(node, 'SIGKILL');
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'posthorn-bench-'));
  const server = await startServer({ port, dataDir, apiKey });
  return async () => {
    await kill(server, 'SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  };
}

interface PublishingOptions {
  readonly sink: Sink;
  /** Events before the measurement, and in it. */
  readonly events: readonly [number, number];
  /** What the publisher takes behind the number of events: events a request, connections, events a second. */
  readonly args: readonly number[];
  /** A migrated database; without it a data directory is made. */
  readonly databaseUrl?: string;
  readonly onWarm?: () => Promise<void>;
}

/**
 * A server with one endpoint; publishes to it, and waits until all is delivered. Answers events a second, end to end.
 * Events of the warm-up come before, and are not counted.
 */
export async function publishing(options: PublishingOptions): Promise<number> {
  const { sink, events, args, databaseUrl, onWarm } = options;
  const port = await freePort();
  const end = await startOn(port, databaseUrl);
  try {
    const url = `http://127.0.0.1:${port}`;
    const client = createWireClient(url, apiKey);
    const { id } = await client.request<{ id: string }>('POST', '/v1/endpoints', {
      url: `http://127.0.0.1:${sink.port}/hook`,
    });
    const before = await countAnswered(sink);
    // By endpoint: a database may have delivered before. `/metrics` would do less, but is up to a second old.
    const delivered = async (): Promise<number> =>
      (await client.request<{ delivered: number }>('GET', `/v1/accounting?endpoint_id=${id}`)).delivered;
    const deliver = async (count: number, inAll: number): Promise<void> => {
      await figure('./publisher.ts', url, apiKey, count, ...args);
      // The sink is asked first: on a cluster a count of what is delivered takes every node's time.
      while ((await countAnswered(sink)) < before + inAll) await pause(20);
      while ((await delivered()) < inAll) await pause(20);
    };
    const [warmUp, measured] = events;
    if (warmUp > 0) await deliver(warmUp, warmUp);
    await onWarm?.();
    const began = performance.now();
    // The publisher's own start is part of it.
    await deliver(measured, warmUp + measured);
    const tookMs = performance.now() - began;
    // The database may be used again: nothing is delivered to this sink from now on.
    await client.request('DELETE', `/v1/endpoints/${id}`);
    return (measured / tookMs) * 1000;
  } finally {
    await end();
  }
}
