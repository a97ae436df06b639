import { EventConflictError, UnavailableError } from '../domain/errors.ts';
import type { NewEvent, Receipt } from '../domain/event.ts';
import type { TraceContext } from '../domain/trace.ts';
import type { Clock } from '../runtime/clock.ts';
import { defaultMaxDirect } from '../store/plan.ts';
import type { AcceptAnswer, AcceptOptions, DeliveryPath } from '../store/store.ts';
import { type AcceptTrace, traceAccept, type Tracing } from './tracing.ts';

/** Events in one commit, and waiting for one: beyond the second, publishing answers 503. */
const commitMost = 2000;
const waitingMost = 50_000;
/** Weight of the newest commit in the mean of deliveries an event. */
const newest = 0.2;

interface Waiting {
  readonly events: readonly NewEvent[];
  readonly trace: AcceptTrace | null;
  resolve(receipts: readonly Receipt[]): void;
  reject(error: Error): void;
}

/**
 * Group commit of events (G1): one transaction at a time, each taking all that came in while the one before
 * was going to disk. A lone event is committed at once; under load hundreds share one fsync.
 */
export class Intake {
  readonly #store: Pick<DeliveryPath, 'accept'>;
  readonly #clock: Clock;
  readonly #options: (now: number) => AcceptOptions;
  readonly #accepted: (
    groups: readonly (readonly NewEvent[])[],
    answer: AcceptAnswer,
    options: AcceptOptions,
    traces: readonly (AcceptTrace | null)[],
  ) => void;
  readonly #tracing: Tracing | undefined;
  readonly #onHealth: (healthy: boolean) => void;
  #waiting: Waiting[] = [];
  #waitingEvents = 0;
  /** Mean over the last commits; requests that get their deliveries in steps by themselves are left out. */
  #deliveriesAnEvent = 1;
  #running: Promise<void> | null = null;
  #closed = false;

  constructor(options: {
    store: Pick<DeliveryPath, 'accept'>;
    clock: Clock;
    options: (now: number) => AcceptOptions;
    accepted: (
      groups: readonly (readonly NewEvent[])[],
      answer: AcceptAnswer,
      options: AcceptOptions,
      traces: readonly (AcceptTrace | null)[],
    ) => void;
    tracing?: Tracing | undefined;
    onHealth: (healthy: boolean) => void;
  }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#options = options.options;
    this.#accepted = options.accepted;
    this.#tracing = options.tracing;
    this.#onHealth = options.onHealth;
  }

  async publish(
    events: readonly NewEvent[],
    parent: TraceContext | null = null,
  ): Promise<readonly Receipt[]> {
    if (this.#closed) throw new UnavailableError('the server is shutting down');
    if (this.#waitingEvents + events.length > waitingMost)
      throw new UnavailableError('too many events are waiting to be stored');
    const { promise, resolve, reject } = Promise.withResolvers<readonly Receipt[]>();
    this.#waiting.push({ events, trace: traceAccept(this.#tracing, events, parent), resolve, reject });
    this.#waitingEvents += events.length;
    this.#running ??= this.#run();
    return await promise;
  }

  /** Refuses what comes from now on; resolves when what came before is committed. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  /** As many as can get their deliveries in the same commit: what is beyond that would get them in steps, which costs more. */
  #next(): Waiting[] {
    const most = Math.min(commitMost, defaultMaxDirect / this.#deliveriesAnEvent);
    let events = 0;
    let count = 0;
    while (
      count < this.#waiting.length &&
      (count === 0 || events + this.#waiting[count]!.events.length <= most)
    ) {
      events += this.#waiting[count]!.events.length;
      count++;
    }
    this.#waitingEvents -= events;
    return this.#waiting.splice(0, count);
  }

  #observe({ groups }: AcceptAnswer): void {
    let events = 0;
    let deliveries = 0;
    for (const group of groups) {
      if (!('receipts' in group)) continue;
      const ofGroup = group.receipts.reduce((sum, receipt) => sum + receipt.deliveries, 0);
      if (ofGroup > defaultMaxDirect) continue;
      events += group.receipts.length;
      deliveries += ofGroup;
    }
    if (events > 0) this.#deliveriesAnEvent += newest * (deliveries / events - this.#deliveriesAnEvent);
  }

  async #run(): Promise<void> {
    // Requests that were read in the same turn of the event loop come together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#next();
      const groups = batch.map(({ events }) => events);
      const options = this.#options(this.#clock.now());
      try {
        const answer = await this.#store.accept(groups, options);
        this.#onHealth(true);
        this.#observe(answer);
        for (const [index, waiting] of batch.entries()) {
          const group = answer.groups[index]!;
          if ('receipts' in group) {
            waiting.trace?.end(null);
            waiting.resolve(group.receipts);
          } else {
            const error = new EventConflictError(group.conflict, waiting.events[group.conflict]!.id);
            waiting.trace?.end(error);
            waiting.reject(error);
          }
        }
        this.#accepted(
          groups,
          answer,
          options,
          batch.map(({ trace }) => trace),
        );
      } catch (error) {
        this.#onHealth(!(error instanceof UnavailableError));
        for (const { reject, trace } of batch) {
          trace?.end(error as Error);
          reject(error as Error);
        }
      }
    }
    this.#running = null;
  }
}
