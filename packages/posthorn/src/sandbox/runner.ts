import type { Clock } from '../runtime/clock.ts';
import { type Host, type HostKind, startHost } from './host.ts';
import type { ThreadAnswer, ThreadMessage, ThreadRequest } from './protocol.ts';

/** Why it ended: a request took more than its time or the heap, it was closed, or it failed by itself. */
export type Excess = 'time' | 'memory' | 'closed' | 'failed';

/** On a machine with too much to do it gets its processor time later, but not as late as this many budgets. */
const maxWallFactor = 4;
const maxStartMs = 30_000;

export interface RunnerOptions {
  readonly clock: Clock;
  readonly host: HostKind;
  /** The file that it runs. */
  readonly script: URL;
  readonly heapMb: number;
  /** Whether everything else goes first where processors are short (Linux only). */
  readonly lowPriority: boolean;
  /** It takes requests. */
  readonly onReady: () => void;
  /** It has ended, whatever was under way. */
  readonly onEnd: (excess: Excess) => void;
}

/** One thread or process that runs programs; ended when a request exceeds its budget of processor time or the heap. */
export class Runner<R> {
  /** Hashes of the programs that it was sent. */
  readonly sent = new Set<string>();
  readonly #clock: Clock;
  readonly #options: RunnerOptions;
  readonly #host: Host;
  #answer: ((answer: ThreadAnswer<R>, usedMs: number) => void) | null = null;
  #cpuMs = 0;
  #cancel = (): void => {};
  #ended = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#host = startHost<R>(options.host, options, {
      message: (message) => this.#received(message),
      ended: (why) => this.#end(why),
    });
    this.#cancel = this.#clock.after(maxStartMs, () => this.#end('failed'));
  }

  /** Sends a request; `answer` is called once, unless it ends before. One at a time. */
  run(
    request: ThreadRequest,
    budgetMs: number,
    answer: (answer: ThreadAnswer<R>, usedMs: number) => void,
  ): void {
    this.#answer = answer;
    const beganAt = this.#clock.monotonic();
    this.#cancel = this.#clock.after(budgetMs, () => void this.#expired(budgetMs, beganAt));
    this.#host.send(request);
  }

  close(): void {
    this.#end('closed');
  }

  #received({ answer, cpuMs }: ThreadMessage<R>): void {
    if (this.#ended) return;
    this.#cancel();
    const usedMs = cpuMs - this.#cpuMs;
    this.#cpuMs = cpuMs;
    if (answer.kind === 'ready') return this.#options.onReady();
    const waiting = this.#answer;
    this.#answer = null;
    waiting?.(answer, usedMs);
  }

  /** The budget is processor time: one that had to wait for a processor has not used it. */
  async #expired(budgetMs: number, beganAt: number): Promise<void> {
    const running = this.#answer;
    const cpuMs = await this.#host.cpuMs();
    if (this.#ended || running === null || this.#answer !== running) return;
    const usedMs = cpuMs === undefined ? Number.POSITIVE_INFINITY : cpuMs - this.#cpuMs;
    const passedMs = this.#clock.monotonic() - beganAt;
    if (usedMs >= budgetMs || passedMs >= budgetMs * maxWallFactor) return this.#end('time');
    this.#cancel = this.#clock.after(
      Math.max(10, budgetMs - usedMs),
      () => void this.#expired(budgetMs, beganAt),
    );
  }

  #end(excess: Excess): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancel();
    this.#answer = null;
    this.#host.end();
    this.#options.onEnd(excess);
  }
}
