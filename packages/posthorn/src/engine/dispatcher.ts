import type { Endpoint } from '../domain/endpoint.ts';
import type { NewEvent } from '../domain/event.ts';
import { maxRetryAfterMs } from '../domain/retry-policy.ts';
import { shardCount } from '../domain/shard.ts';
import type { OpenBreaker, Throttle } from '../store/breakers.ts';
import type { FailingEndpoint } from '../store/failures.ts';
import type {
  AcceptAnswer,
  AcceptOptions,
  ClaimedDelivery,
  DeliveryPath,
  FanOutStep,
  ReleasedClaim,
} from '../store/store.ts';
import { acceptOptions, leaseMarginMs } from './accept-options.ts';
import { Attempts, type AttemptsOptions } from './attempts.ts';
import { firstClaim } from './first-claim.ts';
import { hearBreakers, hearFailing, type HealthListener } from './hearing.ts';
import { breakerFrom, failingFrom, type Lane, leastFirst, type SignerOf } from './lane.ts';
import { LaneTable } from './lane-table.ts';
import type { AcceptTrace } from './tracing.ts';
import type { Sharing } from '../runtime/sharing.ts';
import { TurnLimit } from './turn-limit.ts';
import { Turns } from '../runtime/turns.ts';

/** This node's clock is behind its store's by as long as the answer to a heartbeat took to come; and no more than this. */
const clockLagMs = 5000;
const maxPayloadPerClaim = 4 * 1024 * 1024;
/** Claims at a time: more would only wait in the store, before settling, accepting and heartbeats. */
const maxClaims = 4;
const claimRetryMs = 500;
/** Lanes that wait for their part are tried again this often, and so many at a time. */
const starvedRetryMs = 50;
const maxStarvedTried = 256;
/** Attempts that begin in one turn of the event loop: about 5 ms of work. */
const maxBegunATurn = 100;
/** The same while several tenants are active, and deliveries in one claim then: each takes 1 to 2 ms. */
const maxBegunShared = 25;
const maxClaimShared = 64;

export interface DispatcherOptions extends AttemptsOptions, HealthListener {
  readonly sharing: Sharing;
  readonly store: Pick<DeliveryPath, 'claim' | 'release'>;
  readonly signerOf: SignerOf;
  /** Whether this node knows what time it is: a claim by another one could take over leases that still run (G3). */
  readonly mayClaim: () => boolean;
}

/**
 * Keeps bounded work in memory, one lane an endpoint. Nothing here has to survive: whatever a lane forgets comes due again
 * in the store by itself (G2), and what lanes share has a part for each (G8).
 */
export class Dispatcher {
  readonly #o: DispatcherOptions;
  readonly #lanes: LaneTable;
  readonly #flights: Attempts;
  /** Lanes that want to claim, and those that wait for their part of what all share. */
  readonly #toClaim = new Turns<Lane>();
  readonly #starved = new Turns<Lane>();
  readonly #turn: TurnLimit;
  readonly #throttled = new Set<Lane>();
  #claims = 0;
  #shards: readonly number[] | null = null;
  #share = 1;
  #begun = false;
  #stopping = false;
  #cancelStarved: (() => void) | null = null;

  constructor(options: DispatcherOptions) {
    this.#o = options;
    this.#lanes = new LaneTable(options.signerOf, options.transport.capacity);
    this.#turn = new TurnLimit(
      options.clock,
      () => (options.sharing.isShared ? maxBegunShared : maxBegunATurn),
      () => this.#feedStarved(maxStarvedTried),
    );
    this.#flights = new Attempts(options, {
      breakerChanged: (lane, now) => options.onBreaker(breakerFrom(lane, now)),
      failing: (lane, now, isTooLong) => options.onFailing(failingFrom(lane, now), isTooLong),
      throttled: (lane, retryAfterMs, now) => this.#learnThrottle(lane, retryAfterMs, now),
      gone: options.onGone,
      postponed: (lane, dueAt) => this.dueBy(lane.endpoint.id, dueAt),
      ended: (lane) => {
        this.#pump(lane);
        this.resume();
      },
    });
  }

  get inFlight(): number {
    return this.#flights.inFlight;
  }

  /** Endpoints whose receivers have asked for no requests. */
  get throttled(): string[] {
    const now = this.#o.clock.monotonic();
    for (const lane of this.#throttled) if (lane.throttledUntil <= now) this.#throttled.delete(lane);
    return [...this.#throttled].map(({ endpoint }) => endpoint.id);
  }

  get lanes(): number {
    return this.#lanes.size;
  }

  get buffered(): number {
    let waiting = 0;
    for (const lane of this.#lanes) waiting += lane.waiting;
    return waiting;
  }

  get endpointIds(): Iterable<string> {
    return this.#lanes.ids;
  }

  /** From now on this node claims from these shards, and takes its part of every endpoint's limits. */
  own(shards: readonly number[]): void {
    this.#shards = shards;
    this.#share = shards.length / shardCount;
    for (const lane of this.#lanes) lane.share = this.#share;
  }

  /** Takes an endpoint as it is now, null if it was deleted. Returns whether its URL is another one than before. */
  setEndpoint(id: string, endpoint: Endpoint | null): boolean {
    const lane = this.#lanes.get(id);
    if (endpoint === null) {
      if (lane === undefined) return false;
      lane.endpoint = { ...lane.endpoint, enabled: false };
      this.#giveBack(lane, lane.takeWaiting());
      lane.cancelTimer?.();
      this.#lanes.remove(lane);
      this.#throttled.delete(lane);
      return false;
    }
    if (lane === undefined) {
      this.#lanes.add(endpoint).share = this.#share;
      return false;
    }
    const former = lane.endpoint;
    const moved = lane.change(endpoint, this.#o.clock.monotonic());
    if (moved) this.#throttled.delete(lane);
    // What was claimed under other limits is claimed anew: what is due first goes first, and no more than is of use.
    if (!endpoint.enabled || moved || former.rateLimitPerS !== endpoint.rateLimitPerS)
      this.#giveBack(lane, lane.takeWaiting());
    this.#pump(lane);
    return moved;
  }

  /** As this node knows it; undefined if there is no lane. */
  endpoint(id: string): Endpoint | undefined {
    return this.#lanes.get(id)?.endpoint;
  }

  /** Work for this endpoint is due at `time`. */
  dueBy(endpointId: string, time: number): void {
    const lane = this.#lanes.get(endpointId);
    if (lane === undefined) return;
    lane.dueBy(time);
    this.#pump(lane);
  }

  /** Takes what the endpoints' rows say: those whose breaker is open, and since when. */
  hearBreakers(open: readonly OpenBreaker[]): void {
    hearBreakers(this.#lanes, open, this.#o.onBreaker);
  }

  /** Takes what the endpoints' rows say: those that have only failed since their last success. */
  hearFailing(rows: readonly FailingEndpoint[], isUnsaved: (endpointId: string) => boolean): void {
    hearFailing(this.#lanes, rows, isUnsaved, (change) => this.#o.onFailing(change, false));
  }

  /**
   * Takes what the endpoints' rows say: those that are throttled, and until when. What is not among them was cleared;
   * what this node has learned since `readAt` (monotonic), or not yet written, it knows better.
   */
  hearThrottles(rows: readonly Throttle[], readAt: number, isUnsaved: (endpointId: string) => boolean): void {
    const now = this.#o.clock.now();
    const isNewer = (lane: Lane): boolean => lane.throttleSetAt >= readAt || isUnsaved(lane.endpoint.id);
    const heard = new Set<Lane>();
    for (const { endpointId, until } of rows) {
      const lane = this.#lanes.get(endpointId);
      if (lane === undefined || isNewer(lane)) continue;
      heard.add(lane);
      this.#throttle(lane, until - now);
    }
    for (const lane of this.#throttled) if (!heard.has(lane) && !isNewer(lane)) this.#unthrottle(lane);
  }

  /** Returns whether it was throttled. */
  clearThrottle(endpointId: string): boolean {
    const lane = this.#lanes.get(endpointId);
    const wasThrottled = lane !== undefined && lane.throttledUntil > this.#o.clock.monotonic();
    if (lane !== undefined) this.#unthrottle(lane);
    return wasThrottled;
  }

  #unthrottle(lane: Lane): void {
    lane.throttle(0, this.#o.clock.monotonic());
    this.#throttled.delete(lane);
    this.#pump(lane);
  }

  /** What may be accepted already claimed, for the endpoints that these events go to. */
  acceptOptions(now: number, groups: readonly (readonly NewEvent[])[]): AcceptOptions {
    return this.#optionsFor(this.#lanes.subscribed(groups), now);
  }

  /** The same for a step of a fan-out, whose endpoints only the store knows. */
  fanOutOptions(now: number): AcceptOptions {
    return this.#optionsFor(this.#lanes, now);
  }

  #optionsFor(lanes: Iterable<Lane>, now: number): AcceptOptions {
    const isOpen = this.#begun && !this.#stopping;
    return acceptOptions(lanes, { now, mono: this.#o.clock.monotonic(), node: this.#o.node, isOpen });
  }

  /** The fast path: deliveries that were accepted already claimed. */
  takeFresh(
    groups: readonly (readonly NewEvent[])[],
    answer: AcceptAnswer,
    options: AcceptOptions,
    traces: readonly (AcceptTrace | null)[],
  ): void {
    const claimed = answer.claimed.map((claim) => {
      const event = groups[claim.group]![claim.event]!;
      const trace = traces[claim.group]!;
      if (trace !== null) this.#flights.traces.remember(claim.number, trace.contextOf(claim.event));
      return firstClaim(claim, event, options.now);
    });
    this.#take(claimed, answer.waiting, options.now);
  }

  /** The same for what a step of a fan-out has created. */
  takeFanned({ claimed, events, waiting }: FanOutStep, now: number): void {
    const eventOf = ({ event }: { readonly event: number }) => events[event]!;
    const first = claimed.map((claim) => firstClaim(claim, eventOf(claim), eventOf(claim).acceptedAt));
    this.#take(first, waiting, now);
  }

  /** Goes on with what was created claimed, and with the lanes of what waits in the store. */
  #take(claimed: readonly ClaimedDelivery[], waiting: readonly string[], now: number): void {
    const touched = new Set<Lane>();
    const unknown: ReleasedClaim[] = [];
    const mono = this.#o.clock.monotonic();
    for (const delivery of claimed) {
      const lane = this.#lanes.get(delivery.endpointId);
      // Created on another node, which this one has not heard of yet, or deleted this moment: due again at once.
      if (lane === undefined) unknown.push({ number: delivery.number, claim: 1, dueAt: now });
      if (lane === undefined) continue;
      this.#admit(lane, delivery, mono);
      touched.add(lane);
    }
    for (const id of waiting) {
      const lane = this.#lanes.get(id);
      if (lane === undefined) continue;
      lane.dueBy(now);
      touched.add(lane);
    }
    for (const lane of leastFirst(touched)) {
      // It was paused, or everything stops, while its events were being stored.
      if (this.#stopping || !lane.endpoint.enabled) this.#giveBack(lane, lane.takeWaiting());
      else this.#pump(lane);
    }
    void this.#release(unknown);
  }

  #admit(lane: Lane, delivery: ClaimedDelivery, mono: number): void {
    lane.shares.payload.take(delivery.data.length);
    lane.push(delivery, mono);
  }

  /** After a commit: lanes that waited for their part go on. */
  resume(): void {
    if (this.#starved.size > 0 && !this.#turn.isFull) this.#feedStarved(8);
  }

  /** From now on work is claimed. Before the first heartbeat the clock may be wrong, and leases with it. */
  begin(): void {
    this.#begun = true;
    for (const lane of this.#lanes) this.#pump(lane);
  }

  /** The clock has jumped by so much. */
  move(byMs: number): void {
    for (const lane of this.#lanes) {
      lane.move(byMs);
      this.#pump(lane);
    }
  }

  /** Begins nothing new, gives unused claims back, and resolves when no attempt is in flight. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancelStarved?.();
    this.#turn.stop();
    for (const lane of this.#lanes) {
      lane.cancelTimer?.();
      this.#giveBack(lane, lane.takeWaiting());
    }
    await this.#flights.idle();
  }

  /** Ends what is still in flight, without an outcome, and gives its claims back. */
  async cut(): Promise<void> {
    await this.#flights.cut();
  }

  #pump(lane: Lane): void {
    if (!this.#begun || this.#stopping || !lane.endpoint.enabled) return;
    const mono = this.#o.clock.monotonic();
    if (lane.throttledUntil > mono) {
      this.#checkAfter(lane, lane.throttledUntil - mono, mono);
      return;
    }
    const now = this.#o.clock.now();
    const lastMoment = now + lane.endpoint.timeoutMs + clockLagMs;
    while (lane.waiting > 0 && lane.inFlight < lane.atOnce) {
      // What cannot end within its lease is claimed again: else another attempt could overlap it (G3).
      if (lane.peek()!.leaseUntil < lastMoment) break;
      if (this.#turn.isFull || !lane.shares.attempts.isOpen || !lane.shares.outcomes.isOpen) {
        this.#starve(lane);
        break;
      }
      const wait = lane.takeToken(mono);
      if (wait > 0) {
        this.#checkAfter(lane, wait, mono);
        break;
      }
      this.#turn.count();
      this.#o.sharing.note(lane.endpoint.tenant);
      this.#flights.begin(lane, lane.shift(mono)!, now);
    }
    const head = lane.peek();
    if (head !== undefined) {
      const patience = lane.patience(mono);
      if (patience <= 0 || head.leaseUntil < lastMoment) this.#giveBack(lane, lane.takeWaiting());
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
      this.#starve(lane);
      return;
    }
    this.#toClaim.add(lane.endpoint.tenant, lane);
    this.#claimNext();
  }

  #claimNext(): void {
    while (this.#claims < maxClaims) {
      const lane = this.#toClaim.take();
      if (lane === undefined) return;
      const capacity = lane.claiming ? 0 : lane.capacity(this.#o.clock.monotonic());
      if (capacity === 0 || this.#stopping) continue;
      if (!this.#o.mayClaim()) {
        this.#starve(lane);
        continue;
      }
      lane.claiming = true;
      this.#claims++;
      void this.#claim(lane, capacity, this.#o.clock.now()).then(() => {
        lane.claiming = false;
        this.#claims--;
        this.#pump(lane);
        this.#claimNext();
      });
    }
  }

  async #claim(lane: Lane, limit: number, now: number): Promise<void> {
    const { id, timeoutMs } = lane.endpoint;
    if (this.#o.sharing.isShared) limit = Math.min(limit, maxClaimShared);
    lane.nextDueAt = null;
    try {
      const { deliveries, nextDueAt } = await this.#o.store.claim({
        endpointId: id,
        shards: this.#shards,
        limit,
        maxPayload: maxPayloadPerClaim,
        now,
        leaseMs: timeoutMs + leaseMarginMs,
        node: this.#o.node,
      });
      if (nextDueAt !== null) lane.dueBy(nextDueAt);
      const mono = this.#o.clock.monotonic();
      for (const delivery of deliveries) {
        if (!delivery.intact) {
          this.#flights.refuseCorrupt(lane, delivery);
          continue;
        }
        this.#admit(lane, delivery, mono);
      }
      const isOpen = !this.#stopping && lane.endpoint.enabled && lane.throttledUntil <= mono;
      if (!isOpen) this.#giveBack(lane, lane.takeWaiting());
    } catch (error) {
      this.#o.logger.error(
        { code: 'claim_failed', endpoint: id, error: (error as Error).message },
        'cannot claim deliveries; trying again',
      );
      lane.dueBy(this.#o.clock.now() + claimRetryMs);
    }
  }

  #checkAfter(lane: Lane, ms: number, mono: number): void {
    const at = mono + ms;
    if (lane.timerAt <= at) return;
    lane.cancelTimer?.();
    lane.timerAt = at;
    lane.cancelTimer = this.#o.clock.after(Math.max(1, ms), () => {
      lane.timerAt = Number.POSITIVE_INFINITY;
      lane.cancelTimer = null;
      this.#pump(lane);
    });
  }

  /** The lane waits for its part of what all lanes share, or for the time; tenants take turns. */
  #starve(lane: Lane): void {
    this.#starved.add(lane.endpoint.tenant, lane);
    this.#cancelStarved ??= this.#o.clock.after(starvedRetryMs, () => {
      this.#cancelStarved = null;
      this.#feedStarved(maxStarvedTried);
    });
  }

  #feedStarved(most: number): void {
    for (let tries = Math.min(most, this.#starved.size); tries > 0 && !this.#turn.isFull; tries--) {
      this.#pump(this.#starved.take()!);
    }
  }

  #learnThrottle(lane: Lane, retryAfterMs: number, now: number): void {
    const ms = Math.min(retryAfterMs, maxRetryAfterMs);
    const { id, url } = lane.endpoint;
    if (this.#throttle(lane, ms)) this.#o.onThrottle({ endpointId: id, url, until: now + ms, at: now });
  }

  /** Returns whether it is throttled for longer than before. */
  #throttle(lane: Lane, ms: number): boolean {
    const mono = this.#o.clock.monotonic();
    const until = mono + Math.min(ms, maxRetryAfterMs);
    if (until <= Math.max(mono, lane.throttledUntil)) return false;
    lane.throttle(until, mono);
    this.#throttled.add(lane);
    this.#giveBack(lane, lane.takeWaiting());
    return true;
  }

  /** Gives claims back unused, due when they were due before, so that they keep their place. */
  #giveBack(lane: Lane, waiting: readonly ClaimedDelivery[]): void {
    if (waiting.length === 0) return;
    for (const { data } of waiting) lane.shares.payload.give(data.length);
    const claims = waiting.map(({ number, claim, dueAt }) => ({ number, claim, dueAt }));
    const first = (times: readonly number[]): number => times.reduce((a, b) => Math.min(a, b));
    void this.#release(claims).then((isReleased) =>
      this.dueBy(
        lane.endpoint.id,
        first(waiting.map(({ dueAt, leaseUntil }) => (isReleased ? dueAt : leaseUntil))),
      ),
    );
  }

  /** Returns whether they were given back. If not, nothing is lost: the claims run out and the deliveries come due (G2). */
  async #release(claims: readonly ReleasedClaim[]): Promise<boolean> {
    if (claims.length === 0) return true;
    try {
      await this.#o.store.release(claims);
      return true;
    } catch (error) {
      this.#o.logger.warn(
        { code: 'release_failed', error: (error as Error).message, claims: claims.length },
        'cannot give claims back',
      );
      return false;
    }
  }
}
