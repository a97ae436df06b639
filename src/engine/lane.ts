import type { Endpoint } from '../domain/endpoint.ts';
import type { ClaimedDelivery } from '../store/store.ts';
import {
  afterLook,
  afterOutcome,
  type Breaker,
  concurrency,
  freshBreaker,
  isOpen,
  moved,
} from './breaker.ts';
import type { Bucket } from './rate-limit.ts';
import { type Signer, signerOf } from './webhook.ts';

/** Claimed work waits in memory for at most about this long: an endpoint's speed decides how much that is. */
const prefetchMs = 100;
const prefetchMost = 512;
/** Weight of the newest attempt in the running mean of durations. */
const newest = 0.05;

/** One endpoint's place in memory: what is claimed for it, what is in flight, and when to look again. */
export class Lane {
  endpoint: Endpoint;
  signer: Signer;
  readonly #queue: ClaimedDelivery[] = [];
  #head = 0;
  inFlight = 0;
  claiming = false;
  /** Lower bound of when unclaimed work is due; null where none is known. */
  nextDueAt: number | null = null;
  /** The receiver asked for silence until then (Retry-After). */
  heldUntil = 0;
  breaker: Breaker = freshBreaker;
  /** This node's part of the endpoint's limits: what it owns of all shards. */
  share = 1;
  bucket: Bucket = { tokens: Number.POSITIVE_INFINITY, at: 0 };
  cancelTimer: (() => void) | null = null;
  timerAt = Number.POSITIVE_INFINITY;
  #meanMs = 20;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
    this.signer = signerOf(endpoint);
  }

  change(endpoint: Endpoint): void {
    this.endpoint = endpoint;
    this.signer = signerOf(endpoint);
  }

  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  push(delivery: ClaimedDelivery): void {
    this.#queue.push(delivery);
  }

  shift(): ClaimedDelivery | undefined {
    const delivery = this.#queue[this.#head];
    if (delivery === undefined) return undefined;
    this.#head++;
    // Moving a head instead of the array keeps taking O(1); the spent part goes when it is the larger one.
    if (this.#head > 64 && this.#head * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    return delivery;
  }

  /** The clock has jumped by so much: what is relative keeps its distance. */
  move(byMs: number): void {
    for (let at = this.#head; at < this.#queue.length; at++) {
      const delivery = this.#queue[at]!;
      this.#queue[at] = { ...delivery, leaseUntil: delivery.leaseUntil + byMs };
    }
    if (this.heldUntil > 0) this.heldUntil += byMs;
    this.bucket = { ...this.bucket, at: this.bucket.at + byMs };
    this.breaker = moved(this.breaker, byMs);
    // A retry is due by the clock; when that goes back, it is due as much earlier.
    if (byMs < 0 && this.nextDueAt !== null) this.nextDueAt += byMs;
    this.cancelTimer?.();
    this.cancelTimer = null;
    this.timerAt = Number.POSITIVE_INFINITY;
  }

  get atOnce(): number {
    return Math.max(1, Math.round(concurrency(this.endpoint.maxInFlight, isOpen(this.breaker)) * this.share));
  }

  /** Attempts a second that this node may begin; null where nothing limits them. */
  get ratePerS(): number | null {
    const { rateLimitPerS } = this.endpoint;
    return rateLimitPerS === null ? null : rateLimitPerS * this.share;
  }

  /** How much may be claimed ahead: what this endpoint takes in 100 ms at its present speed (G8). */
  get prefetch(): number {
    const rate = this.ratePerS;
    const ahead = Math.min(prefetchMost, Math.floor((this.atOnce * prefetchMs) / this.#meanMs));
    // A broken endpoint keeps nothing in memory.
    const useful = isOpen(this.breaker) ? 0 : ahead;
    return rate === null ? useful : Math.min(useful, Math.ceil(rate / 10));
  }

  room(now: number): number {
    if (!this.endpoint.enabled || this.heldUntil > now) return 0;
    return Math.max(0, this.atOnce + this.prefetch - this.inFlight - this.waiting);
  }

  /** After an attempt: true where the endpoint's row is to hear of what became of the breaker. */
  observe(ok: boolean, durationMs: number, now: number): boolean {
    this.#meanMs += newest * (Math.max(0.5, durationMs) - this.#meanMs);
    const before = this.breaker.openSince;
    this.breaker = afterOutcome(this.breaker, ok, now);
    return this.breaker.openSince !== before;
  }

  /** After a look at the endpoint's row: true where the row is to hear that this node knows better. */
  hear(openSince: number | null): boolean {
    this.breaker = afterLook(this.breaker, openSince);
    return this.breaker.openSince !== openSince;
  }

  dueBy(time: number): void {
    if (this.nextDueAt === null || time < this.nextDueAt) this.nextDueAt = time;
  }
}
