import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import type { Postgres } from '../../test/postgres.ts';
import type { QueueName } from './queues.ts';

export interface Publishing {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: (type: string, data: string) => string;
}

/** A sender that delivers to the sink. */
export interface Sender {
  readonly publishing: Publishing;
  /** Whose processor time and memory counts; none of a sender that runs elsewhere. */
  pids(): readonly number[];
  /** SIGKILL, and a start two seconds later; null: it is not ours to kill. */
  readonly restart: ((whileDown: () => void) => Promise<void>) | null;
  stop(): Promise<void>;
}

interface Surroundings {
  readonly sinkUrl: string;
  readonly postgres: Postgres;
  readonly postgresPid: number;
}

const key = 'phk_peers_0123456789abcdef';
const inRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Resolves once the process has ended. */
async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}

/** A sender whose one process `start` begins, and resolves with when it serves. */
async function oneProcess(
  start: () => Promise<ChildProcess>,
  publishing: Publishing,
  others: readonly number[],
): Promise<Sender> {
  let child = await start();
  return {
    publishing,
    pids: () => [child.pid!, ...others],
    restart: async (whileDown) => {
      await kill(child, 'SIGKILL');
      await pause(2000);
      whileDown();
      child = await start();
    },
    stop: () => kill(child, 'SIGTERM'),
  };
}

async function posthorn(
  store: readonly string[],
  others: readonly number[],
  sinkUrl: string,
): Promise<Sender> {
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const serve = [
    'bin/posthorn.js',
    'serve',
    '--port',
    String(port),
    '--allow-private-networks',
    '--plaintext-secrets',
  ];
  const start = async (): Promise<ChildProcess> => {
    const env = { ...process.env, POSTHORN_API_KEY: key, POSTHORN_LOG_LEVEL: 'error' };
    const child = spawn(process.execPath, [...serve, ...store], { cwd: inRoot('.'), env, stdio: 'ignore' });
    while (
      !(await fetch(`${base}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ))
    )
      await pause(20);
    return child;
  };
  const body = (type: string, data: string): string => `{"type":"${type}","data":${data}}`;
  const sender = await oneProcess(start, { url: `${base}/v1/events`, headers, body }, others);
  const endpoint = JSON.stringify({ url: sinkUrl, timeout_ms: 5000 });
  await fetch(`${base}/v1/endpoints`, { method: 'POST', headers, body: endpoint });
  return sender;
}

async function queue(
  name: QueueName,
  storeUrl: string,
  others: readonly number[],
  sinkUrl: string,
): Promise<Sender> {
  const port = await freePort();
  const start = async (): Promise<ChildProcess> => {
    const script = fileURLToPath(new URL('service.ts', import.meta.url));
    const child = spawn(process.execPath, [script, name, String(port), sinkUrl, storeUrl], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    await new Promise((resolve, reject) => child.once('message', resolve).once('exit', reject));
    return child;
  };
  const body = (type: string, data: string): string => `{"type":"${type}","data":${data}}`;
  return await oneProcess(start, { url: `http://127.0.0.1:${port}/`, headers: {}, body }, others);
}

/** One that runs already, as `PEER_…='<url> <header: value> <body with {type} and {data}>'` describes it. */
function remote(described: string): Sender {
  const [, url, name, value, template] = /^(\S+) (?:([\w-]+): (.+?) )?(\{.*\})$/.exec(described) ?? [];
  if (url === undefined || template === undefined) throw new Error(`cannot be read: ${described}`);
  return {
    publishing: {
      url,
      headers: name === undefined ? {} : { [name]: value! },
      body: (type, data) => template.replace('{type}', type).replace('{data}', () => data),
    },
    pids: () => [],
    restart: null,
    stop: async () => {},
  };
}

const environment = process.env;
export const senders: Readonly<Record<string, (around: Surroundings) => Promise<Sender>>> = {
  'posthorn-sqlite': async ({ sinkUrl }) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'posthorn-peers-'));
    const sender = await posthorn(['--data-dir', dataDir], [], sinkUrl);
    const stop = async (): Promise<void> => {
      await sender.stop();
      rmSync(dataDir, { recursive: true });
    };
    return { ...sender, stop };
  },
  'posthorn-pg': async ({ sinkUrl, postgres, postgresPid }) =>
    await posthorn(['--database-url', await postgres.createDatabase()], [postgresPid], sinkUrl),
  'pg-boss': async ({ sinkUrl, postgres, postgresPid }) =>
    await queue('pg-boss', await postgres.createDatabase(), [postgresPid], sinkUrl),
  'graphile-worker': async ({ sinkUrl, postgres, postgresPid }) =>
    await queue('graphile-worker', await postgres.createDatabase(), [postgresPid], sinkUrl),
  ...(environment['PEER_REDIS'] === undefined
    ? {}
    : {
        bullmq: async ({ sinkUrl }) => await queue('bullmq', environment['PEER_REDIS']!, redisPid(), sinkUrl),
      }),
  ...Object.fromEntries(
    ['outpost', 'svix', 'convoy'].flatMap((name) => {
      const described = environment[`PEER_${name.toUpperCase()}`];
      return described === undefined ? [] : [[name, async () => remote(described)]];
    }),
  ),
};

/** Where Redis runs on this machine, its own processor time counts too. */
function redisPid(): number[] {
  const pid = Number(environment['PEER_REDIS_PID']);
  return Number.isInteger(pid) && pid > 0 ? [pid] : [];
}
