import { Worker } from 'node:worker_threads';
import { UnavailableError } from '../../domain/errors.ts';
import { workerScript } from '../../runtime/worker-script.ts';
import type { Store } from '../store.ts';
import type { OpenOptions } from './open-here.ts';
import { revivedError, type ThreadError } from './thread-errors.ts';

/** What goes to the thread: [call, method of the port, its arguments]. */
export type Call = readonly [number, keyof Store, readonly unknown[]];
/** What comes back: [call, answer] or [call, undefined, error]. Call 0 is the opening itself. */
export type Reply = readonly [number, unknown] | readonly [number, undefined, ThreadError];

/**
 * The store in a thread of its own. The port is asynchronous and speaks in plain data, so every method is
 * carried over by the same few lines; calls run one after the other, in the order of `CallOrder`.
 */
export async function openInThread(options: OpenOptions): Promise<Store> {
  const worker = new Worker(workerScript('thread-worker', import.meta.url), { workerData: options });
  const open = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let calls = 0;
  let ended: Error | null = null;

  const call = async (method: keyof Store | null, args: readonly unknown[]): Promise<unknown> => {
    if (ended !== null) throw ended;
    const id = method === null ? 0 : ++calls;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    open.set(id, { resolve, reject });
    if (method !== null) worker.postMessage([id, method, args] satisfies Call);
    return await promise;
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

  await call(null, []);
  return new Proxy({} as Store, {
    get: (_, method) => {
      // A store is awaited on its way out of an async function; it must not look like a promise.
      if (method === 'then' || typeof method === 'symbol') return undefined;
      if (method === 'close') {
        return async () => {
          await call('close', []);
          await worker.terminate();
        };
      }
      return (...args: unknown[]) => call(method as keyof Store, args);
    },
  });
}
