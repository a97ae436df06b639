import { showsOverload } from '../domain/adaptive-limit.ts';
import { type ErrorClass, faultDomain } from '../domain/attempt.ts';
import { type Endpoint, endsFailing } from '../domain/endpoint.ts';
import { afterFailure, type Failing, isTooLong } from '../domain/failing.ts';
import type { SecretError } from '../secrets/keyring.ts';
import type { BreakerChange } from '../store/breakers.ts';
import type { FailingChange } from '../store/failures.ts';
import type { ClaimedDelivery } from '../store/store.ts';
import type { AttemptResult } from '../transport/transport.ts';
import {
  afterRowRead,
  afterOutcome,
  type Breaker,
  concurrency,
  freshBreaker,
  isOpen,
  moved,
} from './breaker.ts';
import { LaneContact } from './lane-contact.ts';
import { LaneLimit } from './lane-limit.ts';
import type { Share } from './fair-budget.ts';
import { type Bucket, fullBucket, msUntilTokens, takeToken, tokensAt } from './rate-limit.ts';
import type { Signer } from './webhook.ts';

/** Claimed work waits in memory for at most about this long: an endpoint's speed decides how much that is. */
const prefetchMs = 100;
const maxPrefetch = 512;
/** Weight of the newest attempt in the running mean of durations, and the mean before the first. */
const newest = 0.05;
const firstMeanMs = 20;
/** Claimed work that has not moved for this long is given back: nothing sits in memory until its lease ends. */
const maxWaitMs = 5000;

/** A lane's parts of what all lanes share. */
export interface LaneShares {
  readonly payload: Share;
  readonly attempts: Share;
  readonly outcomes: Share;
}

/** What a lane learns from of an attempt. */
type LaneOutcome = Pick<AttemptResult, 'ok' | 'errorClass' | 'durationMs'>;

export type OpenSigner = (endpoint: Endpoint) => Signer | SecretError;

/** One endpoint's place in memory: what is claimed for it, what is in flight, and when to check again. */
export class Lane {
  endpoint: Endpoint;
  readonly #openSigner: OpenSigner;
  #signer: ReturnType<OpenSigner> | null = null;
  readonly shares: LaneShares;
  readonly #queue: ClaimedDelivery[] = [];
  #head = 0;
  inFlight = 0;
  claiming = false;
  /** Lower bound of when unclaimed work is due; null if none is known. */
  nextDueAt: number | null = null;
  /** The receiver asked for no requests until then (Retry-After), on the monotonic clock; and since when that is known. */
  throttledUntil = 0;
  throttleSetAt = Number.NEGATIVE_INFINITY;
  breaker: Breaker = freshBreaker;
  /** When attempts last succeeded and failed here. */
  contact = new LaneContact();
  /** What attempts have come to since the last success, where the endpoint is to be disabled some day. */
  failing: Failing | null = null;
  /** This node's part of the endpoint's limits: what it owns of all shards. */
  share = 1;
  #bucket: Bucket = fullBucket;
  cancelTimer: (() => void) | null = null;
  /** On the monotonic clock. */
  timerAt = Number.POSITIVE_INFINITY;
  #meanMs = firstMeanMs;
  #limit = new LaneLimit();
  /** When the head of the queue became the head, on the monotonic clock. */
  #movedAt = 0;
  /** Work was given back unused: until an attempt ends, nothing is claimed ahead. */
  #stalled = false;

  constructor(endpoint: Endpoint, shares: LaneShares, openSigner: OpenSigner) {
    this.endpoint = endpoint;
    this.#openSigner = openSigner;
    this.shares = shares;
  }

  /** Opened at the first attempt after a change; the error if a secret cannot be opened. */
  get signer(): ReturnType<OpenSigner> {
    return (this.#signer ??= this.#openSigner(this.endpoint));
  }

  /** Takes the endpoint as it is now. What was learned of a former URL ends with it; true if there was one. */
  change(endpoint: Endpoint, now: number): boolean {
    const hasMoved = endpoint.url !== this.endpoint.url;
    if (endsFailing(this.endpoint, endpoint)) this.failing = null;
    this.endpoint = endpoint;
    this.#signer = null;
    if (!hasMoved) return false;
    this.breaker = freshBreaker;
    this.contact = new LaneContact();
    this.throttle(0, now);
    this.#meanMs = firstMeanMs;
    this.#limit = new LaneLimit();
    this.#stalled = false;
    return true;
  }

  throttle(until: number, now: number): void {
    this.throttledUntil = until;
    this.throttleSetAt = now;
  }

  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  push(delivery: ClaimedDelivery, now: number): void {
    if (this.waiting === 0) this.#movedAt = now;
    this.#queue.push(delivery);
  }

  peek(): ClaimedDelivery | undefined {
    return this.#queue[this.#head];
  }

  shift(now: number): ClaimedDelivery | undefined {
    const delivery = this.#queue[this.#head];
    if (delivery === undefined) return undefined;
    this.#head++;
    this.#movedAt = now;
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
      this.#queue[at] = {
        ...delivery,
        leaseUntil: delivery.leaseUntil + byMs,
        dueAt: delivery.dueAt + Math.min(0, byMs),
      };
    }
    this.breaker = moved(this.breaker, byMs);
    this.contact.move(byMs);
    if (this.failing !== null) this.failing = { ...this.failing, since: this.failing.since + byMs };
    // A retry is due by the clock; when that goes back, it is due as much earlier.
    if (byMs < 0 && this.nextDueAt !== null) this.nextDueAt += byMs;
    this.cancelTimer?.();
    this.cancelTimer = null;
    this.timerAt = Number.POSITIVE_INFINITY;
  }

  /** Takes all that waits, to be given back. */
  takeWaiting(): ClaimedDelivery[] {
    const waiting = this.#queue.slice(this.#head);
    this.#queue.length = 0;
    this.#head = 0;
    if (waiting.length > 0) this.#stalled = true;
    return waiting;
  }

  /** How long until what waits has waited too long, in ms. */
  patience(now: number): number {
    return this.#movedAt + maxWaitMs - now;
  }

  get atOnce(): number {
    const broken = isOpen(this.breaker);
    const { maxInFlight } = this.endpoint;
    const whole = maxInFlight === null && !broken ? this.#limit.limit : concurrency(maxInFlight, broken);
    return Math.max(1, Math.round(whole * this.share));
  }

  /** Attempts a second that this node may begin; null if nothing limits them. */
  get ratePerS(): number | null {
    const { rateLimitPerS } = this.endpoint;
    return rateLimitPerS === null ? null : rateLimitPerS * this.share;
  }

  /** How much may be claimed ahead: what this endpoint takes in 100 ms at its present speed (G8). */
  get prefetch(): number {
    // A broken endpoint keeps nothing in memory.
    if (this.#stalled || isOpen(this.breaker)) return 0;
    return Math.min(maxPrefetch, Math.floor((this.atOnce * prefetchMs) / this.#meanMs));
  }

  /** How much may be claimed now. Under a rate limit no more than has a token within 100 ms. */
  capacity(now: number): number {
    if (!this.endpoint.enabled || this.throttledUntil > now) return 0;
    const free = Math.max(0, this.atOnce + this.prefetch - this.inFlight - this.waiting);
    const rate = this.ratePerS;
    if (rate === null || free === 0) return free;
    const tokens = Math.floor(tokensAt(this.#bucket, rate, now + prefetchMs));
    return Math.min(free, Math.max(0, tokens - this.waiting));
  }

  /** How long until one more may be claimed under the rate limit, in ms. */
  msUntilCapacity(now: number): number {
    const rate = this.ratePerS;
    if (rate === null) return 0;
    const wanted = Math.min(Math.max(1, rate), this.waiting + 1);
    return msUntilTokens(this.#bucket, rate, now + prefetchMs, wanted);
  }

  /** Takes the token of an attempt that begins now; else how long until there is one, in ms. 0: it may begin. */
  takeToken(now: number): number {
    const rate = this.ratePerS;
    if (rate === null) return 0;
    const bucket = takeToken(this.#bucket, rate, now);
    if (bucket === null) return Math.max(1, msUntilTokens(this.#bucket, rate, now, 1));
    this.#bucket = bucket;
    return 0;
  }

  /** After an attempt, if the endpoint is to be disabled some day: what became of its failures. */
  observeFailing(ok: boolean, errorClass: ErrorClass | null, now: number): 'same' | 'changed' | 'too_long' {
    const { endpoint, failing: before } = this;
    if (endpoint.disableAfterMs === null) return 'same';
    // A failure of our own says nothing of the receiver.
    if (errorClass !== null && faultDomain(errorClass) === 'sender') return 'same';
    this.failing = ok ? null : afterFailure(before, now);
    if (this.failing !== null && isTooLong(endpoint, this.failing, now)) return 'too_long';
    return this.failing === before ? 'same' : 'changed';
  }

  /** After the endpoint's row was read: true if a success that this node knows is missing in the row. */
  hearFailing(row: Failing | null): boolean {
    if (row !== null && this.breaker.lastSuccessAt >= row.since) {
      this.failing = null;
      return true;
    }
    this.failing = row === null ? null : { since: row.since, count: row.count };
    return false;
  }

  /** After an attempt: true if the breaker has changed, so that the endpoint's row needs an update. */
  observe({ ok, errorClass, durationMs }: LaneOutcome, now: number): boolean {
    const { atOnce } = this;
    // It has left its place a moment ago.
    this.#limit.observe(showsOverload(errorClass), durationMs, atOnce, this.inFlight + 1 >= atOnce);
    this.#meanMs += newest * (Math.max(0.5, durationMs) - this.#meanMs);
    this.#stalled = false;
    const before = this.breaker.openSince;
    this.breaker = afterOutcome(this.breaker, ok, now);
    if (isOpen(this.breaker)) this.#limit.fall();
    return this.breaker.openSince !== before;
  }

  /** After the endpoint's row was read: true if the row is outdated by what this node knows. */
  hear(openSince: number | null): boolean {
    this.breaker = afterRowRead(this.breaker, openSince);
    return this.breaker.openSince !== openSince;
  }

  dueBy(time: number): void {
    if (this.nextDueAt === null || time < this.nextDueAt) this.nextDueAt = time;
  }
}

/** The update of the endpoint's row about its failures. */
export function failingFrom({ endpoint, failing }: Lane, at: number): FailingChange {
  return { endpointId: endpoint.id, url: endpoint.url, failing, at };
}

/** The update of the endpoint's row about its breaker. */
export function breakerFrom({ endpoint, breaker }: Lane, at: number): BreakerChange {
  return { endpointId: endpoint.id, url: endpoint.url, open: breaker.openSince !== null, at };
}

/** Lanes with little to do before those with much: what was accepted together begins in this order, so that none waits for a flood (G8). */
export function shortestFirst(lanes: ReadonlySet<Lane>): Iterable<Lane> {
  return lanes.size > 1 ? [...lanes].toSorted((a, b) => a.waiting - b.waiting) : lanes;
}
