import { parentPort, workerData } from 'node:worker_threads';
import { ConflictError } from '../../domain/errors.ts';
import type { Store } from '../store.ts';
import { openHere, type OpenOptions } from './open-here.ts';
import type { Call, Reply, ThreadError } from './thread.ts';

const port = parentPort!;
const reply = (message: Reply): void => port.postMessage(message);

function plain(error: unknown): ThreadError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return error instanceof ConflictError ? { name, message, code: error.code } : { name, message };
}

try {
  const store: Store = openHere(workerData as OpenOptions);
  port.on('message', ([id, method, args]: Call) => {
    const run = store[method] as (...values: readonly unknown[]) => Promise<unknown>;
    run(...args).then(
      (answer) => reply([id, answer]),
      (error: unknown) => reply([id, undefined, plain(error)]),
    );
  });
  reply([0, null]);
} catch (error) {
  reply([0, undefined, plain(error)]);
}
