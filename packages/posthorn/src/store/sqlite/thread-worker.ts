import { parentPort, workerData } from 'node:worker_threads';
import type { Store } from '../store.ts';
import { openHere, type OpenOptions } from './open-here.ts';
import type { Call, Reply } from './thread.ts';
import { plainError } from './thread-errors.ts';

const port = parentPort!;
const reply = (message: Reply): void => port.postMessage(message);

try {
  const store: Store = openHere(workerData as OpenOptions);
  port.on('message', ([id, method, args]: Call) => {
    const run = store[method] as (...values: readonly unknown[]) => Promise<unknown>;
    run(...args).then(
      (answer) => reply([id, answer]),
      (error: unknown) => reply([id, undefined, plainError(error)]),
    );
  });
  reply([0, null]);
} catch (error) {
  reply([0, undefined, plainError(error)]);
}
