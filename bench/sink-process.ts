import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Sink {
  readonly process: ChildProcess;
  readonly port: number;
}

/** Takes the latencies that a sink has measured since the last time, in ms; it was started with `--latency`. */
export const takeLatencies = (sink: Sink): Promise<number[]> => ask(sink, 'latencies');

/** How many requests a sink has answered. */
export const countAnswered = (sink: Sink): Promise<number> => ask(sink, 'count');

async function ask<T>({ process: child }: Sink, what: 'latencies' | 'count'): Promise<T> {
  const answer = once(child, 'message') as Promise<[T]>;
  child.send(what);
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
