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
export function jobOf(scenario: Scenario, seed: number, fields: Partial<Job> = {}): Job {
  return { scenario, seed, keep: null, traced: false, mutant: null, log: null, posthornLog: null, ...fields };
}

export type FromWorker =
  | { readonly progress: number }
  | { readonly result: SeedResult }
  | { readonly error: string };

const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/**
 * Runs jobs on as many threads as there are processors. The answers come in the order of the jobs, whatever thread
 * was faster. A world that throws is an answer too.
 */
export async function runJobs(
  jobs: readonly Job[],
  options: {
    readonly workers?: number;
    readonly onProgress?: (done: number) => void;
    readonly onResult?: (result: SeedResult | Error, job: Job) => void;
  } = {},
): Promise<(SeedResult | Error)[]> {
  const answers = new Map<number, SeedResult | Error>();
  const shares = new Map<number, number>();
  let next = 0;
  const report = (): void => {
    let done = answers.size;
    for (const [index, share] of shares) if (!answers.has(index)) done += share;
    options.onProgress?.(done);
  };
  const work = async (): Promise<void> => {
    if (next >= jobs.length) return;
    let worker = new Worker(workerUrl);
    while (next < jobs.length) {
      const index = next++;
      const job = jobs[index]!;
      const answer = await new Promise<SeedResult | Error>((resolve) => {
        const onMessage = (message: FromWorker): void => {
          if ('progress' in message) {
            shares.set(index, message.progress);
            report();
          } else end('result' in message ? message.result : new Error(message.error));
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
      answers.set(index, answer);
      options.onResult?.(answer, job);
      report();
      if (answer instanceof Error) {
        await worker.terminate();
        worker = new Worker(workerUrl);
      }
    }
    await worker.terminate();
  };
  const threads = Math.max(1, Math.min(options.workers ?? availableParallelism(), jobs.length));
  await Promise.all(Array.from({ length: threads }, work));
  return jobs.flatMap((_, index) => answers.get(index) ?? []);
}
