import { shardCount } from '../domain/shard.ts';
import { Turns } from '../runtime/turns.ts';
import type { Attempts } from './attempts.ts';
import { type ClaimListener, Claims, type ClaimsOptions } from './claims.ts';
import type { Lane } from './lane.ts';
import type { LaneTable } from './lane-table.ts';
import { type TurnBounds, TurnLimit } from './turn-limit.ts';

/** This node's clock is behind its store's by as long as the answer to a heartbeat took to come; and no more than this. */
const clockLagMs = 5000;
/** Lanes that wait for their part are tried again this often, and so many at a time. */
const starvedRetryMs = 50;
const maxStarvedTried = 256;
/** The same after each commit. */
const maxResumed = 8;
/** Attempts that begin in one turn of the event loop: about 5 ms of work on an idle machine. */
const maxATurn: TurnBounds = { count: 100, ms: 10, share: 1 };
/** The same while several tenants are active: what was just accepted of one does not wait for a turn that another has used up. */
const maxSharedTurn: TurnBounds = { count: 25, ms: 1, share: 0.5 };

export interface SchedulerOptions extends ClaimsOptions {
  readonly lanes: LaneTable;
  readonly attempts: Pick<Attempts, 'begin' | 'giveUp' | 'isTooLate' | 'refuseCorrupt'>;
}

/**
 * Decides when each lane begins an attempt, claims more, or waits: for its rate, its receiver, its part of what all lanes
 * share (G8), or the time when its next delivery is due.
 */
export class Scheduler implements ClaimListener {
  readonly #o: SchedulerOptions;
  readonly claims: Claims;
  /** Lanes that wait for their part of what all share. */
  readonly #starved = new Turns<Lane>();
  readonly #turn: TurnLimit;
  /** This node's part of every endpoint's limits. */
  #share = 1;
  #begun = false;
  #stopping = false;
  #cancelStarved: (() => void) | null = null;

  constructor(options: SchedulerOptions) {
    this.#o = options;
    this.claims = new Claims(options, this);
    this.#turn = new TurnLimit(
      options.clock,
      () => (options.sharing.isShared ? maxSharedTurn : maxATurn),
      () => this.#feedStarved(maxStarvedTried),
    );
  }

  /** Whether anything is sent now. */
  get isOpen(): boolean {
    return this.#begun && !this.#stopping;
  }

  /** From now on this node claims from these shards, and takes its part of every endpoint's limits. */
  own(shards: readonly number[]): void {
    this.claims.own(shards);
    this.#share = shards.length / shardCount;
    for (const lane of this.#o.lanes) this.shareOut(lane);
  }

  shareOut(lane: Lane): void {
    lane.share = this.#share;
  }

  /** From now on work is claimed. Before the first heartbeat the clock may be wrong, and leases with it. */
  begin(): void {
    this.#begun = true;
    for (const lane of this.#o.lanes) this.pump(lane);
  }

  /** Begins nothing new, and gives unused claims back. */
  stop(): void {
    this.#stopping = true;
    this.claims.stop();
    this.#cancelStarved?.();
    this.#turn.stop();
    for (const lane of this.#o.lanes) {
      lane.cancelTimer?.();
      this.claims.giveBack(lane);
    }
  }

  /** Work for this endpoint is due at `time`. */
  dueBy(endpointId: string, time: number): void {
    const lane = this.#o.lanes.get(endpointId);
    if (lane === undefined) return;
    lane.dueBy(time);
    this.pump(lane);
  }

  /** After a commit: lanes that waited for their part go on. */
  resume(): void {
    if (this.#starved.size > 0 && !this.#turn.isFull) this.#feedStarved(maxResumed);
  }

  claimed(lane: Lane): void {
    this.pump(lane);
  }

  givenBack(endpointId: string, dueAt: number): void {
    this.dueBy(endpointId, dueAt);
  }

  /** The lane has changed: goes on with it as far as it may. What was accepted meanwhile is given back if it may not. */
  goOn(lane: Lane): void {
    // It was paused, or everything stops, while its events were being stored.
    if (this.#stopping || !lane.endpoint.enabled) this.claims.giveBack(lane);
    else this.pump(lane);
  }

  pump(lane: Lane): void {
    if (!this.isOpen || !lane.endpoint.enabled) return;
    const { clock, sharing, attempts } = this.#o;
    const { tenant } = lane.endpoint;
    const mono = clock.monotonic();
    if (lane.throttledUntil > mono) {
      this.#checkAfter(lane, lane.throttledUntil - mono, mono);
      return;
    }
    const now = clock.now();
    const lastMoment = now + lane.endpoint.timeoutMs + clockLagMs;
    while (lane.waiting > 0 && lane.inFlight < lane.atOnce) {
      // What cannot end within its lease is claimed again: else another attempt could overlap it (G3).
      if (lane.peek()!.leaseUntil < lastMoment) break;
      if (this.#turn.isFullFor(tenant) || !lane.shares.attempts.isOpen || !lane.shares.outcomes.isOpen) {
        this.starved(lane);
        break;
      }
      if (attempts.isTooLate(lane, lane.peek()!, now)) {
        this.#turn.count(tenant);
        attempts.giveUp(lane, lane.shift(mono)!);
        continue;
      }
      const wait = lane.takeToken(mono);
      if (wait > 0) {
        this.#checkAfter(lane, wait, mono);
        break;
      }
      this.#turn.count(tenant);
      sharing.note(tenant);
      attempts.begin(lane, lane.shift(mono)!, now);
    }
    const head = lane.peek();
    if (head !== undefined) {
      const patience = lane.patience(mono);
      if (patience <= 0 || head.leaseUntil < lastMoment) this.claims.giveBack(lane);
      else this.#checkAfter(lane, patience, mono);
    }
    this.#claimMore(lane, now, mono);
  }

  #claimMore(lane: Lane, now: number, mono: number): void {
    if (lane.claiming || lane.nextDueAt === null) return;
    if (lane.nextDueAt > now) {
      this.#checkAfter(lane, lane.nextDueAt - now, mono);
      return;
    }
    // Half a prefetch left is the time to fetch: the next claim comes back before the lane runs dry.
    if (lane.waiting > lane.prefetch / 2) return;
    if (lane.capacity(mono) === 0) {
      const wait = lane.msUntilCapacity(mono);
      if (wait > 0) this.#checkAfter(lane, wait, mono);
      return;
    }
    const { payload, attempts } = lane.shares;
    if (!payload.isOpen || !attempts.isOpen) {
      this.starved(lane);
      return;
    }
    this.claims.want(lane);
  }

  #checkAfter(lane: Lane, ms: number, mono: number): void {
    const at = mono + ms;
    if (lane.timerAt <= at) return;
    lane.cancelTimer?.();
    lane.timerAt = at;
    lane.cancelTimer = this.#o.clock.after(Math.max(1, ms), () => {
      lane.timerAt = Number.POSITIVE_INFINITY;
      lane.cancelTimer = null;
      this.pump(lane);
    });
  }

  /** The lane waits for its part of what all lanes share, or for the time; tenants take turns. */
  starved(lane: Lane): void {
    this.#starved.add(lane.endpoint.tenant, lane);
    this.#cancelStarved ??= this.#o.clock.after(starvedRetryMs, () => {
      this.#cancelStarved = null;
      this.#feedStarved(maxStarvedTried);
    });
  }

  #feedStarved(limit: number): void {
    for (let tries = Math.min(limit, this.#starved.size); tries > 0 && !this.#turn.isFull; tries--) {
      const lane = this.#starved.take()!;
      const isFull = this.#turn.isFullFor(lane.endpoint.tenant);
      this.pump(lane);
      // Tenants take turns: all others that wait had theirs before.
      if (isFull) return;
    }
  }
}
