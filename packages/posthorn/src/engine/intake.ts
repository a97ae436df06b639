import { EventConflictError, UnavailableError } from '../domain/errors.ts';
import type { NewEvent, Receipt } from '../domain/event.ts';
import type { TraceContext } from '../domain/trace.ts';
import type { Clock } from '../runtime/clock.ts';
import { defaultMaxDirect } from '../store/plan.ts';
import type { AcceptAnswer, AcceptOptions, DeliveryPath } from '../store/store.ts';
import { CommitSize } from './commit-size.ts';
import type { Sharing } from '../runtime/sharing.ts';
import { FairBudget, type Share } from './fair-budget.ts';
import { type AcceptTrace, traceAccept, type Tracing } from './tracing.ts';
import { CostTurns } from '../runtime/turns.ts';

/** Events in one commit. */
const maxCommit = 2000;
/** And their bytes, about, unless one request alone has more: 8 MiB take a disk 0.2 s. */
const maxCommitCost = 4 * 1024 * 1024;
/** Of an event beside its data, in the same bytes. */
const eventCost = 1024;
/** Events that wait for a commit, a part for each tenant: whoever is beyond its part is answered 503, and no other. */
const maxWaiting = 50_000;
/** Weight of the newest commit in the mean of deliveries an event. */
const newest = 0.2;

/** Commits at a time while several tenants publish; a tenant is in one of them at most. */
const maxSharedCommits = 4;

interface Waiting {
  readonly tenant: string;
  readonly share: Share;
  readonly events: readonly NewEvent[];
  readonly cost: number;
  readonly trace: AcceptTrace | null;
  resolve(receipts: readonly Receipt[]): void;
  reject(error: Error): void;
}

/**
 * Group commit of events (G1): one transaction at a time, each taking all that came in while the one before
 * was going to disk. A lone event is committed at once; under load hundreds share one fsync. While several tenants publish,
 * the events of a tenant that is in no commit begin another one, so that they do not wait for the flood of another (G8).
 */
export class Intake {
  readonly #store: Pick<DeliveryPath, 'accept'>;
  readonly #clock: Clock;
  readonly #options: (now: number, groups: readonly (readonly NewEvent[])[]) => AcceptOptions;
  readonly #accepted: (
    groups: readonly (readonly NewEvent[])[],
    answer: AcceptAnswer,
    options: AcceptOptions,
    traces: readonly (AcceptTrace | null)[],
  ) => void;
  readonly #tracing: Tracing | undefined;
  readonly #onHealth: (healthy: boolean, error?: Error) => void;
  readonly #waiting = new CostTurns<Waiting>();
  readonly #budget = new FairBudget(maxWaiting);
  readonly #shares = new Map<string, Share>();
  readonly #sharing: Sharing;
  readonly #size: CommitSize;
  /** Mean over the last commits; requests that get their deliveries in steps by themselves are left out. */
  #deliveriesAnEvent = 1;
  #running = 0;
  #idle: (() => void)[] = [];
  /** Tenants of the commits under way. */
  readonly #committing = new Set<string>();
  #closed = false;

  constructor(options: {
    store: Pick<DeliveryPath, 'accept'>;
    clock: Clock;
    sharing: Sharing;
    options: (now: number, groups: readonly (readonly NewEvent[])[]) => AcceptOptions;
    accepted: (
      groups: readonly (readonly NewEvent[])[],
      answer: AcceptAnswer,
      options: AcceptOptions,
      traces: readonly (AcceptTrace | null)[],
    ) => void;
    tracing?: Tracing | undefined;
    onHealth: (healthy: boolean, error?: Error) => void;
  }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#options = options.options;
    this.#accepted = options.accepted;
    this.#tracing = options.tracing;
    this.#onHealth = options.onHealth;
    this.#sharing = options.sharing;
    this.#size = new CommitSize(options.sharing, maxCommit);
  }

  async publish(
    events: readonly NewEvent[],
    parent: TraceContext | null = null,
  ): Promise<readonly Receipt[]> {
    if (this.#closed) throw new UnavailableError('the server is shutting down');
    // A batch waits in the queue of its first event's tenant.
    const tenant = events[0]?.tenant ?? '';
    const share = this.#share(tenant);
    if (!share.isOpen) throw new UnavailableError('too many events are waiting to be stored');
    const { promise, resolve, reject } = Promise.withResolvers<readonly Receipt[]>();
    share.take(events.length);
    this.#sharing.note(tenant);
    const trace = traceAccept(this.#tracing, events, parent);
    const cost = events.reduce((sum, { data }) => sum + data.length + eventCost, 0);
    this.#waiting.add(tenant, { tenant, share, events, cost, trace, resolve, reject }, cost);
    if (this.#running < this.#maxCommits && !this.#committing.has(tenant)) void this.#run();
    return await promise;
  }

  /** Refuses what comes from now on; resolves when what came before is committed. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  get #maxCommits(): number {
    return this.#sharing.isShared ? maxSharedCommits : 1;
  }

  /** Ends without what is left, because its time is over: nothing of it was stored. */
  abandon(): void {
    this.#closed = true;
    for (let next = this.#waiting.take(); next !== undefined; next = this.#waiting.take()) {
      const error = new UnavailableError('the server is shutting down');
      next.trace?.end(error);
      next.reject(error);
    }
  }

  #share(tenant: string): Share {
    let share = this.#shares.get(tenant);
    if (share === undefined) this.#shares.set(tenant, (share = this.#budget.share(tenant)));
    return share;
  }

  /**
   * The next commit's requests: tenants take turns, so that none waits behind the flood or the large batches of another. As many as can get their
   * deliveries in the same commit: what is beyond that would get them in steps, which costs more.
   */
  #next(): Waiting[] {
    const most = Math.min(maxCommit, defaultMaxDirect / this.#deliveriesAnEvent);
    const shared = this.#size.events;
    const batch: Waiting[] = [];
    const taken = new Map<Share, number>();
    /** Who was passed over since the last request was taken: once all that wait were, the commit is complete. */
    const passed = new Set<Share>();
    let events = 0;
    let cost = 0;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      const own = taken.get(next.share) ?? 0;
      const isBusy = this.#committing.has(next.tenant);
      // Who has had its part lets the others go first: they have theirs, however large its requests are.
      if (isBusy || (own > 0 && own + next.events.length > shared)) {
        if (passed.has(next.share)) break;
        passed.add(next.share);
        this.#waiting.pass();
        continue;
      }
      events += next.events.length;
      cost += next.cost;
      if (batch.length > 0 && (events > most || cost > maxCommitCost)) break;
      taken.set(next.share, own + next.events.length);
      passed.clear();
      this.#waiting.take();
      batch.push(next);
      next.share.give(next.events.length);
    }
    if (this.#waiting.size === 0) this.#forgetShares();
    return batch;
  }

  /** Nobody waits, so no tenant's part needs to be remembered. */
  #forgetShares(): void {
    for (const share of this.#shares.values()) share.close();
    this.#shares.clear();
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
    this.#running++;
    // Requests that were read in the same turn of the event loop come together.
    await Promise.resolve();
    for (let batch = this.#next(); batch.length > 0; batch = this.#next()) {
      const tenants = new Set(batch.map(({ tenant }) => tenant));
      for (const tenant of tenants) this.#committing.add(tenant);
      const groups = batch.map(({ events }) => events);
      const options = this.#options(this.#clock.now(), groups);
      try {
        const began = this.#clock.monotonic();
        const answer = await this.#store.accept(groups, options);
        const ms = this.#clock.monotonic() - began;
        // Beside another commit its time would be the time of both.
        if (this.#running === 1)
          this.#size.measured(
            groups.reduce((sum, events) => sum + events.length, 0),
            ms,
          );
        for (const tenant of tenants) this.#committing.delete(tenant);
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
        for (const tenant of tenants) this.#committing.delete(tenant);
        this.#onHealth(!(error instanceof UnavailableError), error as Error);
        for (const { reject, trace } of batch) {
          trace?.end(error as Error);
          reject(error as Error);
        }
      }
    }
    if (--this.#running > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
