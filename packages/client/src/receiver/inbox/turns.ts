import type { ClientRuntime } from '../../runtime/system.ts';
import { InboxBusyError } from './inbox.ts';

/** Calls that wait in one process: each holds a request of the sender. */
const maxWaiting = 10_000;

/** Lets one at a time through for each key, in the order of arrival; who waits longer than `waitMs` is busy. */
export class Turns<Key> {
  readonly #runtime: Pick<ClientRuntime, 'wait'>;
  /** Those that wait for a key, without the one that has its turn. */
  readonly #queues = new Map<Key, (() => void)[]>();
  #waiting = 0;

  constructor(runtime: Pick<ClientRuntime, 'wait'>) {
    this.#runtime = runtime;
  }

  get waiting(): number {
    return this.#waiting;
  }

  async take<Result>(key: Key, waitMs: number, run: () => Promise<Result>): Promise<Result> {
    const queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, []);
    else await this.#wait(queue, waitMs);
    try {
      return await run();
    } finally {
      this.#next(key);
    }
  }

  async #wait(queue: (() => void)[], waitMs: number): Promise<void> {
    if (this.#waiting >= maxWaiting)
      throw new InboxBusyError(`Already ${maxWaiting} webhooks wait in this process`);
    this.#waiting++;
    const timer = new AbortController();
    const isMine = await new Promise<boolean>((resolve) => {
      const proceed = (): void => resolve(true);
      queue.push(proceed);
      this.#runtime.wait(waitMs, timer.signal).then(
        () => {
          const at = queue.indexOf(proceed);
          // Not there any more: the turn has just been given.
          if (at < 0) return;
          queue.splice(at, 1);
          resolve(false);
        },
        () => {},
      );
    });
    timer.abort();
    this.#waiting--;
    if (!isMine) throw new InboxBusyError(`Another attempt has not ended within ${waitMs} ms`);
  }

  #next(key: Key): void {
    const proceed = this.#queues.get(key)?.shift();
    if (proceed === undefined) this.#queues.delete(key);
    else proceed();
  }
}
