import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Store } from '../store.ts';
import { openHere, type OpenOptions } from './open-here.ts';
import type { Call, Reply } from './thread.ts';
import { CallOrder } from './call-order.ts';
import { plainError } from './thread-errors.ts';

const port = parentPort!;
const reply = (message: Reply): void => port.postMessage(message);

try {
  const store: Store = openHere(workerData as OpenOptions);
  const order = new CallOrder();
  const run = async ([id, method, args]: Call): Promise<void> => {
    const call = store[method] as (...values: readonly unknown[]) => Promise<unknown>;
    try {
      reply([id, await call(...args)]);
    } catch (error) {
      reply([id, undefined, plainError(error)]);
    }
  };
  let isRunning = false;
  const work = async (): Promise<void> => {
    isRunning = true;
    for (;;) {
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
        order.add(next.message as Call);
      const call = order.take();
      if (call === undefined) break;
      await run(call);
    }
    isRunning = false;
  };
  port.on('message', (first: Call) => {
    order.add(first);
    if (!isRunning) void work();
  });
  reply([0, null]);
} catch (error) {
  reply([0, undefined, plainError(error)]);
}
