import { Worker } from 'node:worker_threads';
import { UnavailableError } from '../../domain/errors.ts';
import { workerScript } from '../../runtime/worker-script.ts';
import type { OpenOptions } from './open-here.ts';
import type { PartName, SqliteParts } from './parts.ts';
import { revivedError, type ThreadError } from './thread-errors.ts';

/** What goes to the thread: [call, part of the port, its method, its arguments], or a call alone: to close. */
export type Call = { [Part in PartName]: PartCall<Part> }[PartName] | readonly [number];
type PartCall<Part extends PartName> = readonly [number, Part, keyof SqliteParts[Part], readonly unknown[]];
/** What comes back: [call, answer] or [call, undefined, error]. Call 0 is the opening itself: it answers with `Methods`. */
export type Reply = readonly [number, unknown] | readonly [number, undefined, ThreadError];

/** The methods of each part, as the thread has them. */
export type Methods = { readonly [Part in PartName]: readonly (keyof SqliteParts[Part])[] };

/**
 * The store in a thread of its own. The port is asynchronous and speaks in plain data, so every method is
 * carried over by the same few lines; calls run one after the other, in the order of `CallOrder`.
 */
export async function openInThread(options: OpenOptions): Promise<SqliteParts> {
  const worker = new Worker(workerScript('thread-worker', import.meta.url), { workerData: options });
  const open = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let calls = 0;
  let ended: Error | null = null;

  const answerTo = async (id: number): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    open.set(id, { resolve, reject });
    return await promise;
  };
  const call = async <Part extends PartName>(
    part: Part,
    method: keyof SqliteParts[Part],
    args: readonly unknown[],
  ): Promise<unknown> => {
    if (ended !== null) throw ended;
    const id = ++calls;
    const answer = answerTo(id);
    worker.postMessage([id, part, method, args] satisfies PartCall<Part>);
    return await answer;
  };
  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of open.values()) reject(error);
    open.clear();
  };

  worker.on('message', ([id, answer, error]: Reply) => {
    const waiting = open.get(id);
    open.delete(id);
    if (error === undefined) waiting?.resolve(answer);
    else waiting?.reject(revivedError(error));
  });
  worker.on('error', (error: Error) =>
    end(new UnavailableError(`the store's thread failed: ${error.message}`)),
  );
  worker.on('exit', () => end(new UnavailableError('the store is closed')));

  const methods = (await answerTo(0)) as Methods;
  const part = <Part extends PartName>(name: Part): SqliteParts[Part] =>
    Object.fromEntries(
      methods[name].map((method) => [method, (...args: unknown[]) => call(name, method, args)]),
    ) as unknown as SqliteParts[Part];
  return {
    write: part('write'),
    lookups: part('lookups'),
    listings: part('listings'),
    close: async () => {
      if (ended !== null) throw ended;
      const id = ++calls;
      const answer = answerTo(id);
      worker.postMessage([id] satisfies Call);
      await answer;
      await worker.terminate();
    },
  };
}
