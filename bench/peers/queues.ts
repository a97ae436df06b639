import { Queue, Worker } from 'bullmq';
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { PgBoss } from 'pg-boss';

// The three queues, as their documentation sets them up, with as many jobs at a time as an endpoint of Posthorn begins with.

export interface Job {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
}
export type Deliver = (job: Job) => Promise<void>;
/** Adds a job; resolves when it is stored. */
export type Add = (job: Job) => Promise<unknown>;

const concurrency = 64;
const attempts = 10;

/** Retries after 5 s at first. Finished jobs are removed, as its documentation advises. */
async function bullmq(url: string, deliver: Deliver): Promise<Add> {
  const { hostname: host, port } = new URL(url);
  const connection = { host, port: Number(port), maxRetriesPerRequest: null };
  const queue = new Queue<Job>('webhooks', { connection });
  const worker = new Worker<Job>('webhooks', ({ data }) => deliver(data), { connection, concurrency });
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  const options = { attempts, backoff: { type: 'exponential', delay: 5000 }, removeOnComplete: true };
  return (job) => queue.add('webhook', job, options);
}

/** Four workers of batches of 16. Polls every 0.5 s, its least, and at once while batches are full; a job is active for 60 s at most (default 15 min). */
async function pgBoss(url: string, deliver: Deliver): Promise<Add> {
  const boss = new PgBoss({ connectionString: url, max: 30 });
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue('webhooks', {
    retryLimit: attempts,
    retryDelay: 5,
    retryBackoff: true,
    expireInSeconds: 60,
  });
  const workers = 4;
  const options = {
    batchSize: concurrency / workers,
    localConcurrency: workers,
    pollingIntervalSeconds: 0.5,
    burstWhenBatchFull: true,
  };
  await boss.work<Job>('webhooks', options, async (jobs) => {
    await Promise.all(jobs.map(({ data }) => deliver(data)));
  });
  return (job) => boss.send('webhooks', job);
}

async function graphileWorker(url: string, deliver: Deliver): Promise<Add> {
  const utils = await makeWorkerUtils({ connectionString: url, maxPoolSize: 30 });
  await utils.migrate();
  await run({
    connectionString: url,
    concurrency,
    maxPoolSize: 30,
    logger: new Logger(() => () => {}),
    taskList: { webhook: (job) => deliver(job as Job) },
  });
  return (job) => utils.addJob('webhook', job, { maxAttempts: attempts });
}

export const queues = { bullmq, 'pg-boss': pgBoss, 'graphile-worker': graphileWorker };
export type QueueName = keyof typeof queues;
