import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { CallOrder } from './call-order.ts';
import { type OpenOptions, openParts } from './open-here.ts';
import type { PartName, SqliteParts } from './parts.ts';
import { plainError } from './thread-errors.ts';
import type { Call, Methods, Reply } from './thread.ts';

const port = parentPort!;
const reply = (message: Reply): void => port.postMessage(message);

const methodsOf = <Part extends PartName>(
  parts: SqliteParts,
  part: Part,
): readonly (keyof SqliteParts[Part])[] => Object.keys(parts[part]) as (keyof SqliteParts[Part])[];

try {
  const parts = openParts(workerData as OpenOptions);
  const order = new CallOrder();
  const answer = async (call: Call): Promise<unknown> => {
    if (call.length === 1) return await parts.close();
    const [, part, method, args] = call;
    const methods = parts[part] as unknown as Record<
      PropertyKey,
      (...values: readonly unknown[]) => Promise<unknown>
    >;
    return await methods[method]!(...args);
  };
  const run = async (call: Call): Promise<void> => {
    try {
      reply([call[0], await answer(call)]);
    } catch (error) {
      reply([call[0], undefined, plainError(error)]);
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
  reply([
    0,
    {
      write: methodsOf(parts, 'write'),
      lookups: methodsOf(parts, 'lookups'),
      listings: methodsOf(parts, 'listings'),
    } satisfies Methods,
  ]);
} catch (error) {
  reply([0, undefined, plainError(error)]);
}
