import { Worker } from 'node:worker_threads';
import type { Clock } from '../runtime/clock.ts';
import { workerScript } from '../runtime/worker-script.ts';
import type { ThreadAnswer, ThreadMessage, ThreadRequest } from './protocol.ts';

/** Why a thread ended: a request took more than its time or the heap, it was closed, or it failed by itself. */
export type Excess = 'time' | 'memory' | 'closed' | 'failed';

/** On a machine with too much to do a thread gets its processor time later, but not as late as this many budgets. */
const maxWallFactor = 4;
const maxStartMs = 30_000;

export interface ThreadOptions {
  readonly clock: Clock;
  readonly heapMb: number;
  /** Whether everything else goes first where processors are short (Linux only). */
  readonly lowPriority: boolean;
  /** The thread takes requests. */
  readonly onReady: () => void;
  /** The thread has ended, whatever was under way. */
  readonly onEnd: (excess: Excess) => void;
}

/** One worker thread that validates; ended when a request exceeds its budget of processor time or the heap. */
export class ValidationThread {
  /** Hashes of the schemas that it was sent. */
  readonly sent = new Set<string>();
  readonly #clock: Clock;
  readonly #options: ThreadOptions;
  readonly #worker: Worker;
  #answer: ((answer: ThreadAnswer, usedMs: number) => void) | null = null;
  #cpuMs = 0;
  #cancel = (): void => {};
  #ended = false;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#worker = new Worker(workerScript('thread-worker', import.meta.url), {
      // What runs here is declared by users: it sees nothing of the environment.
      env: {},
      workerData: { lowPriority: options.lowPriority },
      resourceLimits: { maxOldGenerationSizeMb: options.heapMb, maxYoungGenerationSizeMb: 16 },
    });
    this.#worker.on('message', (message: ThreadMessage) => this.#received(message));
    this.#worker.on('error', (error: NodeJS.ErrnoException) =>
      this.#end(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'failed'),
    );
    this.#worker.on('exit', () => this.#end('failed'));
    this.#cancel = this.#clock.after(maxStartMs, () => this.#end('failed'));
  }

  /** Sends a request; `answer` is called once, unless the thread ends before. One at a time. */
  run(
    request: ThreadRequest,
    budgetMs: number,
    answer: (answer: ThreadAnswer, usedMs: number) => void,
  ): void {
    this.#answer = answer;
    const beganAt = this.#clock.monotonic();
    this.#cancel = this.#clock.after(budgetMs, () => void this.#expired(budgetMs, beganAt));
    this.#worker.postMessage(request);
  }

  close(): void {
    this.#end('closed');
  }

  #received({ answer, cpuMs }: ThreadMessage): void {
    if (this.#ended) return;
    this.#cancel();
    const usedMs = cpuMs - this.#cpuMs;
    this.#cpuMs = cpuMs;
    if (answer.kind === 'ready') return this.#options.onReady();
    const waiting = this.#answer;
    this.#answer = null;
    waiting?.(answer, usedMs);
  }

  /** The budget is processor time: a thread that had to wait for a processor has not used it. */
  async #expired(budgetMs: number, beganAt: number): Promise<void> {
    const running = this.#answer;
    // Node before 24.6 cannot say it.
    const usage = await this.#worker.cpuUsage?.().catch(() => undefined);
    if (this.#ended || running === null || this.#answer !== running) return;
    const usedMs =
      usage === undefined ? Number.POSITIVE_INFINITY : (usage.user + usage.system) / 1000 - this.#cpuMs;
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
    void this.#worker.terminate();
    this.#options.onEnd(excess);
  }
}
