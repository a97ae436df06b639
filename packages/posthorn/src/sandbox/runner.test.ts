import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { expect, test } from 'vitest';
import { systemClock } from '../runtime/clock.ts';
import type { ThreadAnswer } from './protocol.ts';
import type { Verdict } from '../validation/verdict.ts';
import { type Excess, Runner } from './runner.ts';

const script = new URL('../validation/thread-worker.ts', import.meta.url);

/** Has a thread validate a text; answers what it said, or why it ended. */
function outcome(schema: unknown, text: string, heapMb: number, budgetMs: number): Promise<string> {
  return new Promise((resolve) => {
    const thread: Runner<Verdict> = new Runner<Verdict>({
      clock: systemClock,
      host: 'thread',
      script,
      heapMb,
      lowPriority: true,
      onEnd: (excess: Excess) => resolve(excess),
      onReady: () =>
        thread.run(
          { kind: 'prepare', program: { hash: 'a', text: JSON.stringify(schema), isSimple: false } },
          60_000,
          () =>
            thread.run(
              { kind: 'run', parts: [{ hash: 'a', texts: [text] }], limitMs: budgetMs },
              budgetMs,
              (answer: ThreadAnswer<Verdict>) => {
                resolve(answer.kind);
                thread.close();
              },
            ),
        ),
    });
  });
}

/** Each of 8,000 items fails in 300 ways, and each way is an error to keep. */
const manyErrors = { items: { anyOf: Array.from({ length: 300 }, () => ({ type: 'string' })) } };
const items = JSON.stringify(Array.from({ length: 8000 }, () => 1));

test('G8: a thread ends at its heap or its time, and the process goes on', async () => {
  expect(await outcome(manyErrors, '[1]', 64, 60_000)).toBe('ran');
  expect(await outcome(manyErrors, items, 16, 60_000)).toBe('memory');
  expect(await outcome(manyErrors, items, 1024, 20)).toBe('time');
});

test.skipIf(process.platform !== 'linux')(
  'G8: what may hang has a lower priority than the thread that delivers',
  async () => {
    const before = getPriority(process.pid);
    const priorities = await new Promise<readonly number[]>((resolve) => {
      const thread = new Runner<Verdict>({
        clock: systemClock,
        host: 'thread',
        script,
        heapMb: 64,
        lowPriority: true,
        onEnd: () => resolve([]),
        onReady: () => {
          resolve(readdirSync('/proc/self/task').map((id) => getPriority(Number(id))));
          thread.close();
        },
      });
    });
    expect(Math.max(...priorities)).toBeGreaterThan(before);
    expect(getPriority(process.pid)).toBe(before);
  },
);
