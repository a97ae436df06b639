import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Sharing } from '../runtime/sharing.ts';
import { Turns } from '../runtime/turns.ts';
import type { ClaimedDelivery, ReleasedClaim, StoreWrite } from '../store/store.ts';
import { leaseMarginMs } from './accept-options.ts';
import type { Attempts } from './attempts.ts';
import type { Lane } from './lane.ts';

const maxPayloadPerClaim = 4 * 1024 * 1024;
/** Claims at a time: more would only wait in the store, before settling, accepting and heartbeats. */
const maxClaims = 4;
/** Deliveries in one claim while several tenants are active: each takes 1 to 2 ms. */
const maxClaimShared = 64;
const claimRetryMs = 500;

/** Whether this node knows what time it is: a claim by one that does not could take over leases that still run (G3). */
export interface ClaimGate {
  readonly mayClaim: boolean;
}

export interface ClaimsOptions {
  readonly store: Pick<StoreWrite, 'claim' | 'release'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sharing: Sharing;
  readonly node: string;
  readonly gate: ClaimGate;
  readonly attempts: Pick<Attempts, 'refuseCorrupt'>;
}

/** Implemented by the scheduler. */
export interface ClaimListener {
  /** The claim has ended; what it brought is in the lane. */
  claimed(lane: Lane): void;
  /** The lane cannot claim now, and waits. */
  starved(lane: Lane): void;
  /** What was given back is due then. */
  givenBack(endpointId: string, dueAt: number): void;
}

/** Claims due deliveries for lanes that have capacity, few at a time, and gives unused claims back. */
export class Claims {
  readonly #o: ClaimsOptions;
  readonly #listener: ClaimListener;
  readonly #wanting = new Turns<Lane>();
  #running = 0;
  #shards: readonly number[] | null = null;
  #isStopping = false;

  constructor(options: ClaimsOptions, listener: ClaimListener) {
    this.#o = options;
    this.#listener = listener;
  }

  /** From now on this node claims from these shards. */
  own(shards: readonly number[]): void {
    this.#shards = shards;
  }

  stop(): void {
    this.#isStopping = true;
  }

  /** The lane has capacity, and work that is due. Tenants take turns. */
  want(lane: Lane): void {
    this.#wanting.add(lane.endpoint.tenant, lane);
    this.#next();
  }

  #next(): void {
    while (this.#running < maxClaims) {
      const lane = this.#wanting.take();
      if (lane === undefined) return;
      const capacity = lane.claiming ? 0 : lane.capacity(this.#o.clock.monotonic());
      if (capacity === 0 || this.#isStopping) continue;
      if (!this.#o.gate.mayClaim) {
        this.#listener.starved(lane);
        continue;
      }
      lane.claiming = true;
      this.#running++;
      void this.#claim(lane, capacity, this.#o.clock.now()).then(() => {
        lane.claiming = false;
        this.#running--;
        this.#listener.claimed(lane);
        this.#next();
      });
    }
  }

  async #claim(lane: Lane, capacity: number, now: number): Promise<void> {
    const { id, timeoutMs } = lane.endpoint;
    const { store, clock, logger, sharing, node, attempts } = this.#o;
    lane.nextDueAt = null;
    try {
      const { deliveries, nextDueAt } = await store.claim({
        endpointId: id,
        shards: this.#shards,
        limit: sharing.isShared ? Math.min(capacity, maxClaimShared) : capacity,
        maxPayload: maxPayloadPerClaim,
        now,
        leaseMs: timeoutMs + leaseMarginMs,
        node,
      });
      if (nextDueAt !== null) lane.dueBy(nextDueAt);
      const mono = clock.monotonic();
      for (const delivery of deliveries) {
        if (delivery.intact) this.admit(lane, delivery, mono);
        else attempts.refuseCorrupt(lane, delivery);
      }
      const isOpen = !this.#isStopping && lane.endpoint.enabled && lane.throttledUntil <= mono;
      if (!isOpen) this.giveBack(lane);
    } catch (error) {
      logger.error(
        { code: 'claim_failed', endpoint: id, error: (error as Error).message },
        'cannot claim deliveries; trying again',
      );
      lane.dueBy(clock.now() + claimRetryMs);
    }
  }

  /** Puts a claimed delivery into its lane. */
  admit(lane: Lane, delivery: ClaimedDelivery, mono: number): void {
    lane.shares.payload.take(delivery.data.length);
    lane.push(delivery, mono);
  }

  /** Gives what waits in the lane back unused, due when it was due before, so that it keeps its place. */
  giveBack(lane: Lane): void {
    const waiting = lane.takeWaiting();
    if (waiting.length === 0) return;
    for (const { data } of waiting) lane.shares.payload.give(data.length);
    const claims = waiting.map(({ number, claim, dueAt }) => ({ number, claim, dueAt }));
    void this.release(claims).then((isReleased) => {
      const dueAt = waiting
        .map((delivery) => (isReleased ? delivery.dueAt : delivery.leaseUntil))
        .reduce((a, b) => Math.min(a, b));
      this.#listener.givenBack(lane.endpoint.id, dueAt);
    });
  }

  /** Returns whether they were given back. If not, nothing is lost: the claims run out and the deliveries come due (G2). */
  async release(claims: readonly ReleasedClaim[]): Promise<boolean> {
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
