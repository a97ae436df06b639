import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Sink {
  readonly process: ChildProcess;
  readonly port: number;
}

/** Takes the latencies that a sink has measured since the last time, in ms; it was started with `--latency`. */
export async function takeLatencies({ process: child }: Sink): Promise<number[]> {
  const answer = once(child, 'message') as Promise<[number[]]>;
  child.send('latencies');
  return (await answer)[0];
}

/** How many requests a sink has answered. */
export async function countAnswered({ process: child }: Sink): Promise<number> {
  const answer = once(child, 'message') as Promise<[number]>;
  child.send('count');
  return (await answer)[0];
}

/** A receiver in a process of its own; resolves when it listens. */
export async function startSink(...args: string[]): Promise<Sink> {
  const child = fork(fileURLToPath(new URL('./sink.ts', import.meta.url)), args, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const port = await new Promise<number>((resolve) =>
    child.stdout!.once('data', (data: Buffer) => resolve(Number(data.toString()))),
  );
  return { process: child, port };
}
