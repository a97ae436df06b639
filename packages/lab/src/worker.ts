import { closeSync, openSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { naiveLogLine } from './delivery-log.ts';
import { mutants } from './mutants.ts';
import type { FromWorker, Job } from './pool.ts';
import { runSeed } from './run.ts';

// A thread that runs one world after another.

const port = parentPort!;
const say = (message: FromWorker): void => port.postMessage(message);

interface LineFile {
  write(line: string): void;
  close(): void;
}

/** A file of lines, written a thousand at a time. */
function lineFile(path: string): LineFile {
  const file = openSync(path, 'w');
  let lines: string[] = [];
  const flush = (): void => {
    if (lines.length > 0) writeSync(file, `${lines.join('\n')}\n`);
    lines = [];
  };
  return {
    write: (line) => {
      lines.push(line);
      if (lines.length >= 1000) flush();
    },
    close: () => {
      flush();
      closeSync(file);
    },
  };
}

async function run(job: Job): Promise<void> {
  const { scenario, seed, keep, traced, log, posthornLog } = job;
  const mutant = mutants.find(({ name }) => name === job.mutant);
  const naiveFile = log === null ? null : lineFile(log.path);
  const posthornFile = posthornLog === null ? null : lineFile(posthornLog.path);
  try {
    const result = await runSeed(scenario, seed, {
      keep: keep === null ? null : new Set(keep),
      traced,
      ...(mutant === undefined ? {} : { mutant: mutant.make }),
      ...(log === null || naiveFile === null
        ? {}
        : { naiveLog: (line, plan) => naiveFile.write(naiveLogLine(line, plan, scenario, log.prefix)) }),
      ...(posthornLog === null || posthornFile === null
        ? {}
        : { posthornLog: { prefix: posthornLog.prefix, write: posthornFile.write } }),
      onProgress: (progress) => say({ progress }),
    });
    naiveFile?.close();
    posthornFile?.close();
    say({ result });
  } catch (error) {
    say({ error: (error as Error).stack ?? String(error) });
  }
}

port.on('message', (job: Job) => void run(job));
