import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Sink {
  readonly process: ChildProcess;
  readonly port: number;
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
