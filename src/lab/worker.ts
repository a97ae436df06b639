import { closeSync, openSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { naiveLogLine } from './delivery-log.ts';
import { mutants } from './mutants.ts';
import type { FromWorker, Job } from './pool.ts';
import { runSeed } from './run.ts';

// A thread that runs one world after another.

const port = parentPort!;
const say = (message: FromWorker): void => port.postMessage(message);

async function run(job: Job): Promise<void> {
  const { scenario, seed, keep, traced, log } = job;
  const mutant = mutants.find(({ name }) => name === job.mutant);
  const file = log === null ? null : openSync(log.path, 'w');
  let lines: string[] = [];
  const flush = (): void => {
    if (file !== null && lines.length > 0) writeSync(file, `${lines.join('\n')}\n`);
    lines = [];
  };
  try {
    const result = await runSeed(scenario, seed, {
      keep: keep === null ? null : new Set(keep),
      traced,
      ...(mutant === undefined ? {} : { mutant: mutant.make }),
      ...(log === null
        ? {}
        : {
            naiveLog: (line, plan) => {
              lines.push(naiveLogLine(line, plan, scenario, log.prefix));
              if (lines.length >= 1000) flush();
            },
          }),
      onProgress: (progress) => say({ progress }),
    });
    flush();
    say({ result });
  } catch (error) {
    say({ error: (error as Error).stack ?? String(error) });
  } finally {
    if (file !== null) closeSync(file);
  }
}

port.on('message', (job: Job) => void run(job));
