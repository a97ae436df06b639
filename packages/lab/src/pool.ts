import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { SeedResult } from './run.ts';
import type { Scenario } from './scenario.ts';

/** One world to run, as data that a thread understands. */
export interface Job {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly keep: readonly string[] | null;
  readonly traced: boolean;
  /** The name of a mutant, or null for the code that ships. */
  readonly mutant: string | null;
  /** Where the naive sender's delivery log goes; null: nowhere. */
  readonly log: { readonly path: string; readonly prefix: string } | null;
  /** The same for Posthorn's own log. */
  readonly posthornLog: { readonly path: string; readonly prefix: string } | null;
}

/** The code that ships on one seed; `fields` for anything else. */
export function createJob(scenario: Scenario, seed: number, fields: Partial<Job> = {}): Job {
  return { scenario, seed, keep: null, traced: false, mutant: null, log: null, posthornLog: null, ...fields };
}

export type FromWorker =
  | { readonly progress: number }
  | { readonly result: SeedResult }
  | { readonly error: string };

const isSource = import.meta.url.endsWith('.ts');
const workerUrl = new URL(isSource ? './worker.ts' : './worker.js', import.meta.url);
/** A thread does not inherit how the packages of a checkout find each other's source. */
const workerOptions = isSource
  ? { execArgv: ['--import', new URL('../../../bin/source.js', import.meta.url).href] }
  : {};

interface RunOptions {
  readonly onProgress?: (done: number) => void;
  readonly onResult?: (result: SeedResult | Error, job: Job) => void;
}

/** Threads that run worlds; they are started as they are needed, and stay until the pool is closed. */
export interface Pool {
  /**
   * The answers come in the order of the jobs, whatever thread was faster. A world that throws is an answer too. One call
   * at a time.
   */
  run(jobs: readonly Job[], options?: RunOptions): Promise<(SeedResult | Error)[]>;
  close(): Promise<void>;
}

/** A pool of at most so many threads, or of as many as there are processors. */
export function openPool(most = availableParallelism()): Pool {
  const idle: Worker[] = [];
  return {
    run: async (jobs, options = {}) => {
      const answers = new Map<number, SeedResult | Error>();
      const shares = new Map<number, number>();
      let next = 0;
      const report = (): void => {
        let done = answers.size;
        for (const [index, share] of shares) if (!answers.has(index)) done += share;
        options.onProgress?.(done);
      };
      const work = async (): Promise<void> => {
        while (next < jobs.length) {
          const index = next++;
          const job = jobs[index]!;
          const worker = idle.pop() ?? new Worker(workerUrl, workerOptions);
          const answer = await runOn(worker, job, (share) => {
            shares.set(index, share);
            report();
          });
          // Who knows what a world that threw has left behind.
          if (answer instanceof Error) await worker.terminate();
          else idle.push(worker);
          answers.set(index, answer);
          options.onResult?.(answer, job);
          report();
        }
      };
      await Promise.all(Array.from({ length: Math.max(1, Math.min(most, jobs.length)) }, work));
      return jobs.flatMap((_, index) => answers.get(index) ?? []);
    },
    close: async () => void (await Promise.all(idle.splice(0).map((worker) => worker.terminate()))),
  };
}

function runOn(worker: Worker, job: Job, onProgress: (share: number) => void): Promise<SeedResult | Error> {
  return new Promise((resolve) => {
    const onMessage = (message: FromWorker): void => {
      if ('progress' in message) onProgress(message.progress);
      else end('result' in message ? message.result : new Error(message.error));
    };
    const onError = (error: unknown): void => end(error as Error);
    const end = (value: SeedResult | Error): void => {
      worker.off('message', onMessage);
      worker.off('error', onError);
      resolve(value);
    };
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.postMessage(job);
  });
}

/** Runs jobs in a pool of their own. */
export async function runJobs(
  jobs: readonly Job[],
  { workers, ...options }: RunOptions & { readonly workers?: number } = {},
): Promise<(SeedResult | Error)[]> {
  const pool = openPool(workers);
  try {
    return await pool.run(jobs, options);
  } finally {
    await pool.close();
  }
}
