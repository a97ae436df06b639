import type { Clock } from '../../runtime/clock.ts';
import { type InputLine, isBlank } from '../../logs/lines.ts';
import { type EventLine, LineError } from './event-line.ts';
import { LineRefused, type Refusal } from './batch-sender.ts';

export interface PublisherOptions {
  readonly input: AsyncIterable<readonly InputLine[]>;
  /** Converts a line to an event, or throws `LineError`. */
  readonly toEvent: (text: string, number: number) => EventLine;
  /** Sends a batch; rejects if it could not be sent, or with `LineRefused`. */
  readonly send: (lines: readonly EventLine[]) => Promise<void>;
  readonly refused: (refusal: Refusal) => void;
  readonly skipRefused: boolean;
  readonly clock: Clock;
  /** Ends reading: aborted by the caller, or by the first failure. */
  readonly stop: AbortController;
}

/** How the work ended: with the input, at a refused line, by `stop`, or with an error. */
export type PublishEnd =
  | { readonly kind: 'finished' | 'refused' | 'stopped' }
  | { readonly kind: 'failed'; readonly error: unknown };

const maxBatchEvents = 500;
/** Below the 1 MB that proxies commonly allow per request; a larger event is sent alone. */
const maxBatchBytes = 900_000;
const maxConcurrent = 4;
/** What has been read is sent if nothing more arrives for this long: a producer may pause for hours. */
const idleMs = 200;

/**
 * Reads lines and sends them in batches, several at once. No promise in here rejects unnoticed: the first failure ends
 * reading at once, however long the producer pauses, and `run` returns it (G5).
 */
export class Publisher {
  readonly #o: PublisherOptions;
  readonly #running = new Map<Promise<void>, ReadonlySet<string>>();
  #batch: EventLine[] = [];
  #bytes = 0;
  #end: PublishEnd | null = null;

  constructor(options: PublisherOptions) {
    this.#o = options;
  }

  async run(): Promise<PublishEnd> {
    try {
      await this.#read();
      await this.#flush();
    } catch (error) {
      this.#finish({ kind: 'failed', error });
    }
    await Promise.all(this.#running.keys());
    return this.#end ?? { kind: this.#o.stop.signal.aborted ? 'stopped' : 'finished' };
  }

  async #read(): Promise<void> {
    const lines = this.#o.input[Symbol.asyncIterator]();
    for (let next = lines.next(); ;) {
      const step = await this.#first(next);
      if (step === 'stopped') return;
      if (step === 'idle') {
        await this.#flush();
        continue;
      }
      if (step.done === true) return;
      for (const line of step.value) {
        if (this.#o.stop.signal.aborted) return;
        await this.#take(line);
      }
      next = lines.next();
    }
  }

  /** Whichever comes first: the next lines, a pause while a batch waits, or the end of the work. */
  async #first(
    next: Promise<IteratorResult<readonly InputLine[]>>,
  ): Promise<IteratorResult<readonly InputLine[]> | 'idle' | 'stopped'> {
    const { clock, stop } = this.#o;
    let forget = (): void => {};
    const interruption = new Promise<'idle' | 'stopped'>((resolve) => {
      const onStop = (): void => resolve('stopped');
      const cancelIdle = this.#batch.length === 0 ? () => {} : clock.after(idleMs, () => resolve('idle'));
      stop.signal.addEventListener('abort', onStop);
      if (stop.signal.aborted) onStop();
      forget = () => {
        cancelIdle();
        stop.signal.removeEventListener('abort', onStop);
      };
    });
    try {
      // `next` loses the race only to be awaited again, or because the work ends.
      return await Promise.race([next, interruption]);
    } finally {
      forget();
    }
  }

  async #take(line: InputLine): Promise<void> {
    if ('text' in line && isBlank(line.text)) return;
    let event: EventLine;
    try {
      if ('fault' in line) throw new LineError('unreadable', line.fault);
      event = this.#o.toEvent(line.text, line.number);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      this.#o.refused({ line: line.number, code: error.code, message: error.message });
      if (this.#o.skipRefused) return;
      // What comes before the line is sent, so that it is clear where the work stopped.
      await this.#flush();
      this.#finish({ kind: 'refused' });
      return;
    }
    if (this.#bytes + event.bytes > maxBatchBytes) await this.#flush();
    this.#batch.push(event);
    this.#bytes += event.bytes + 1;
    if (this.#batch.length >= maxBatchEvents) await this.#flush();
  }

  /** Starts sending the batch, once there is capacity and no earlier batch with one of its ordering keys is in progress. */
  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    if (batch.length === 0) return;
    const keys = batch.flatMap(({ orderingKey }) => orderingKey ?? []);
    while (
      this.#running.size >= maxConcurrent ||
      [...this.#running.values()].some((others) => keys.some((key) => others.has(key)))
    )
      await Promise.race(this.#running.keys());
    // A failed batch ends the work; only a requested stop lets what was read be sent.
    if (this.#end !== null) return;
    const sending: Promise<void> = this.#o
      .send(batch)
      .catch((error: unknown) =>
        this.#finish(error instanceof LineRefused ? { kind: 'refused' } : { kind: 'failed', error }),
      )
      .finally(() => this.#running.delete(sending));
    this.#running.set(sending, new Set(keys));
  }

  #finish(end: PublishEnd): void {
    this.#end ??= end;
    this.#o.stop.abort();
  }
}
