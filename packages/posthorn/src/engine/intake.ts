import { EventConflictError, UnavailableError } from '../domain/errors.ts';
import type { NewEvent, Receipt } from '../domain/event.ts';
import type { TraceContext } from '../domain/trace.ts';
import type { Clock } from '../runtime/clock.ts';
import { defaultMaxDirect } from '../store/plan.ts';
import type { AcceptAnswer, AcceptOptions, StoreWrite } from '../store/store.ts';
import type { Sharing } from '../runtime/sharing.ts';
import { CostTurns } from '../runtime/turns.ts';
import type { AcceptedCommit, Admission } from './admission.ts';
import { CommitSize } from './commit-size.ts';
import { FairBudget, type Share } from './fair-budget.ts';
import type { FanOut } from './fan-out.ts';
import type { EngineObserver } from './port.ts';
import type { StoreHealth } from './store-health.ts';
import { type AcceptTrace, traceAccept, type Tracing } from './tracing.ts';

/** Events in one commit. */
const maxCommit = 2000;
/** And their bytes, about, unless one request alone has more: 8 MiB take a disk 0.2 s. */
const maxCommitCost = 4 * 1024 * 1024;
/** Cost of an event besides its data, in the same bytes. */
const eventCost = 1024;
/** Events that wait for a commit, a part for each tenant: only a tenant that is beyond its part is answered 503. */
const maxWaiting = 50_000;
/** Weight of the newest commit in the mean of deliveries an event. */
const newest = 0.2;

/** Commits at a time while several tenants publish; a tenant is in one of them at most. */
const maxSharedCommits = 4;

export interface IntakeOptions {
  readonly store: Pick<StoreWrite, 'accept'>;
  readonly clock: Clock;
  readonly sharing: Sharing;
  readonly admission: Pick<Admission, 'reserve' | 'admit'>;
  readonly fanOut: Pick<FanOut, 'wake'>;
  readonly health: Pick<StoreHealth, 'report'>;
  readonly observer: EngineObserver | undefined;
  readonly tracing: Tracing | undefined;
}

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
  readonly #o: IntakeOptions;
  readonly #waiting = new CostTurns<Waiting>();
  readonly #budget = new FairBudget(maxWaiting);
  readonly #shares = new Map<string, Share>();
  readonly #size: CommitSize;
  /** Mean over the last commits; requests that get their deliveries in steps by themselves are left out. */
  #deliveriesAnEvent = 1;
  #running = 0;
  #idle: (() => void)[] = [];
  /** Tenants of the commits under way. */
  readonly #committing = new Set<string>();
  #closed = false;

  constructor(options: IntakeOptions) {
    this.#o = options;
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
    this.#o.sharing.note(tenant);
    const trace = traceAccept(this.#o.tracing, events, parent);
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
    return this.#o.sharing.isShared ? maxSharedCommits : 1;
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
    /** Tenants that were passed over since the last request was taken: once all that wait were, the commit is complete. */
    const passed = new Set<Share>();
    let events = 0;
    let cost = 0;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      const own = taken.get(next.share) ?? 0;
      const isBusy = this.#committing.has(next.tenant);
      // A tenant that has had its part lets the others go first: they get theirs, however large its requests are.
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

  /** Nothing waits, so no tenant's part needs to be remembered. */
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
      try {
        const groups = batch.map(({ events }) => events);
        const options = this.#o.admission.reserve(this.#o.clock.now(), groups);
        const answer = await this.#commit(groups, options);
        for (const tenant of tenants) this.#committing.delete(tenant);
        this.#o.health.report('events', true);
        this.#accepted(batch, { groups, options, answer, traces: batch.map(({ trace }) => trace) });
      } catch (error) {
        for (const tenant of tenants) this.#committing.delete(tenant);
        this.#o.health.report('events', !(error instanceof UnavailableError), error as Error);
        for (const { reject, trace } of batch) {
          trace?.end(error as Error);
          reject(error as Error);
        }
      }
    }
    if (--this.#running > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #commit(groups: readonly (readonly NewEvent[])[], options: AcceptOptions): Promise<AcceptAnswer> {
    const { clock, store } = this.#o;
    const began = clock.monotonic();
    const answer = await store.accept(groups, options);
    const ms = clock.monotonic() - began;
    // Beside another commit its time would be the time of both.
    if (this.#running === 1)
      this.#size.measured(
        groups.reduce((sum, events) => sum + events.length, 0),
        ms,
      );
    return answer;
  }

  /** The commit is on disk: publishers get their receipts (G1), and the dispatcher what it can send at once. */
  #accepted(batch: readonly Waiting[], commit: AcceptedCommit): void {
    const { answer } = commit;
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
    this.#o.admission.admit(commit);
    if (answer.fanOuts > 0) this.#o.fanOut.wake();
    if (this.#o.observer !== undefined) observeAccepted(this.#o.observer, answer);
  }
}

function observeAccepted(observer: EngineObserver, { groups }: AcceptAnswer): void {
  let events = 0;
  let deliveries = 0;
  for (const group of groups) {
    if (!('receipts' in group)) continue;
    for (const receipt of group.receipts) {
      if (receipt.duplicate) continue;
      events++;
      deliveries += receipt.deliveries;
    }
  }
  observer.accepted(events, deliveries);
}
