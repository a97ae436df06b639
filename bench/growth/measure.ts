import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Sink, takeLatencies } from '../sink-process.ts';
import { apiKey, type Ground, type Served } from './place.ts';

/** What an event cost, and how long it took. */
export interface Cost {
  readonly serverUs: number;
  readonly databaseUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Load {
  readonly perS: number;
  readonly seconds: number;
  readonly bytes: number;
  /** Event types, one after the other. */
  readonly types: number;
  /** Deliveries of an event. */
  readonly fanOut: number;
}

const publisher = fileURLToPath(new URL('./publisher.ts', import.meta.url));
/** Nothing takes longer: what is missing then is an error. */
const maxWaitMs = 60_000;

/** Spent in a second by a server that has nothing to do, with some room. */
const idleS = 0.35;
const idleSeconds = 3;
const maxIdleWaitS = 300;

/** Waits until a server has done what it does once after its start: with many rows it reads for a while. */
export async function idle(served: Served): Promise<void> {
  let quiet = 0;
  for (let waited = 0; quiet < idleSeconds; waited++) {
    if (waited > maxIdleWaitS) throw new Error('the server is not idle');
    const before = await served.spentS();
    await pause(1000);
    quiet = (await served.spentS()) - before < idleS ? quiet + 1 : 0;
  }
}

/** Waits until the sink has so many more; answers their latencies. */
async function arrived(sink: Sink, count: number): Promise<number[]> {
  const end = performance.now() + maxWaitMs;
  const all: number[] = [];
  while (all.length < count) {
    all.push(...(await takeLatencies(sink)));
    if (performance.now() > end) throw new Error(`only ${all.length} of ${count} deliveries arrived`);
    await pause(20);
  }
  // The last outcomes are committed within a few milliseconds.
  await pause(200);
  return all;
}

async function publish(served: Served, load: Load, count: number): Promise<void> {
  const args = [served.url, apiKey, load.perS, load.bytes, load.types, count].map(String);
  const child = spawn(process.execPath, [publisher, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  await once(child, 'exit');
}

/** Publishes and waits until everything is delivered. */
export async function publishing(ground: Ground, served: Served, sink: Sink, load: Load): Promise<Cost> {
  const count = Math.max(1, Math.round(load.perS * load.seconds));
  await takeLatencies(sink);
  const before = [await served.spentS(), ground.spentS()] as const;
  await publish(served, load, count);
  const latencies = (await arrived(sink, count * load.fanOut)).toSorted((a, b) => a - b);
  const database = ground.spentS() - before[1];
  const server = (await served.spentS()) - before[0];
  const quantile = (q: number): number => latencies[Math.floor(latencies.length * q)]!;
  return {
    serverUs: (server / count) * 1e6,
    databaseUs: (database / count) * 1e6,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

/** Lets a paused endpoint deliver for so long. */
export async function draining(
  ground: Ground,
  served: Served,
  sink: Sink,
  { endpoint, seconds }: { readonly endpoint: string; readonly seconds: number },
): Promise<Cost> {
  const delivered = async (): Promise<number> =>
    (await served.client.request<{ delivered: number }>('GET', `/v1/accounting?endpoint_id=${endpoint}`))
      .delivered;
  await takeLatencies(sink);
  const from = await delivered();
  const before = [await served.spentS(), ground.spentS()] as const;
  await served.client.request('POST', `/v1/endpoints/${endpoint}/resume`, {});
  await pause(seconds * 1000);
  await served.client.request('POST', `/v1/endpoints/${endpoint}/pause`, {});
  await pause(300);
  const database = ground.spentS() - before[1];
  const server = (await served.spentS()) - before[0];
  const count = (await delivered()) - from;
  return {
    serverUs: (server / count) * 1e6,
    databaseUs: (database / count) * 1e6,
    p50Ms: Number.NaN,
    p99Ms: Number.NaN,
  };
}
