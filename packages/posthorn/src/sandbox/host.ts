import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { lowerHelpers } from './low-priority.ts';
import type { ThreadMessage, ThreadRequest } from './protocol.ts';

// Where programs run. A thread is cheap, but an allocation that is larger than what is left of its heap ends the whole
// process, whatever its limits say: languages whose programs can allocate at will run in processes.

export interface HostOptions {
  readonly script: URL;
  readonly heapMb: number;
  /** Whether everything else goes first where processors are short. */
  readonly lowPriority: boolean;
}

export interface HostEvents<R> {
  readonly message: (message: ThreadMessage<R>) => void;
  readonly ended: (why: 'memory' | 'failed') => void;
}

export interface Host {
  send(request: ThreadRequest): void;
  /** The processor time that it has used since its start, in ms; undefined if the platform does not say. */
  cpuMs(): Promise<number | undefined>;
  end(): void;
}

export type HostKind = 'thread' | 'process';

export function startHost<R>(kind: HostKind, options: HostOptions, events: HostEvents<R>): Host {
  return kind === 'thread' ? threadHost(options, events) : processHost(options, events);
}

const youngMb = 16;
let loweredHelpers = false;

function threadHost<R>({ script, heapMb, lowPriority }: HostOptions, events: HostEvents<R>): Host {
  if (lowPriority && !loweredHelpers) {
    loweredHelpers = true;
    lowerHelpers();
  }
  const worker = new Worker(script, {
    // What runs here is declared by users: it sees nothing of the environment.
    env: {},
    workerData: { lowPriority },
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: youngMb },
  });
  worker.on('message', events.message);
  worker.on('error', (error: NodeJS.ErrnoException) =>
    events.ended(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'failed'),
  );
  worker.on('exit', () => events.ended('failed'));
  return {
    send: (request) => worker.postMessage(request),
    cpuMs: async () => {
      // Node before 24.6 cannot say it.
      const usage = await worker.cpuUsage?.().catch(() => undefined);
      return usage === undefined ? undefined : (usage.user + usage.system) / 1000;
    },
    end: () => void worker.terminate(),
  };
}

function processHost<R>({ script, heapMb, lowPriority }: HostOptions, events: HostEvents<R>): Host {
  const child = fork(script, lowPriority ? ['--low-priority'] : [], {
    env: {},
    execArgv: [
      `--max-old-space-size=${heapMb}`,
      `--max-semi-space-size=${youngMb / 2}`,
      '--disallow-code-generation-from-strings',
    ],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  let hasBegun = false;
  child.on('message', (message) => {
    hasBegun = true;
    events.message(message as ThreadMessage<R>);
  });
  child.on('error', () => events.ended('failed'));
  // One that has begun ends by what it runs, which takes its memory: V8 aborts, or the kernel kills.
  child.on('exit', () => events.ended(hasBegun ? 'memory' : 'failed'));
  // An idle one does not keep this process alive.
  child.unref();
  child.channel?.unref();
  return {
    send: (request) => {
      // A process that has just ended says so by its own event.
      if (child.connected) child.send(request, () => {});
    },
    cpuMs: async () => processCpuMs(child.pid),
    end: () => void child.kill('SIGKILL'),
  };
}

/** Linux counts in hundredths of a second. */
const msPerTick = 10;

function processCpuMs(pid: number | undefined): number | undefined {
  if (process.platform !== 'linux' || pid === undefined) return undefined;
  try {
    // Behind the name, which may hold anything but ends with the last bracket: user and system time are the 12th and 13th.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * msPerTick;
  } catch {
    return undefined;
  }
}
