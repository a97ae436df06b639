import { corruptMessage } from '../domain/attempt.ts';
import { afterAttempt } from '../domain/delivery.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { NewEvent } from '../domain/event.ts';
import { shardCount } from '../domain/shard.ts';
import type { TraceContext } from '../domain/trace.ts';
import type { NodeClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import type {
  AcceptAnswer,
  AcceptOptions,
  BreakerChange,
  ClaimedDelivery,
  DeliveryPath,
  OpenBreaker,
  ReleasedClaim,
  Settlement,
} from '../store/store.ts';
import type { AttemptResult, Transport } from '../transport/transport.ts';
import { Lane } from './lane.ts';
import { takeToken } from './rate-limit.ts';
import type { Settler } from './settler.ts';
import { type AcceptTrace, type AttemptSpan, TraceMemory, type Tracing } from './tracing.ts';
import { contextHeaders, traceHeaders, webhookRequest } from './webhook.ts';

/** A lease lasts this much longer than the endpoint's time-out: for waiting in a lane and for settling. */
const leaseMarginMs = 30_000;
/** This node's clock is behind its store's by as long as the answer to a heartbeat took to come; and no more than this. */
const clockLagMs = 5000;
/** Room for an endpoint that has no lane yet. */
const firstRoom = 64;
/** Payload claimed and not yet answered, in characters, over all lanes; and in one claim. */
const payloadMost = 64 * 1024 * 1024;
const payloadPerClaim = 4 * 1024 * 1024;
/** Outcomes that may wait for the disk before no further attempt is begun. */
const unsettledMost = 8192;
/** A receiver can silence its lane for so long by Retry-After. */
const holdMostMs = 3_600_000;
const claimRetryMs = 500;

export interface DispatcherOptions {
  readonly store: Pick<DeliveryPath, 'claim' | 'release'>;
  readonly transport: Transport;
  readonly settler: () => Settler;
  readonly clock: NodeClock;
  readonly random: Random;
  readonly logger: Logger;
  readonly node: string;
  readonly userAgent: string;
  readonly tracing?: Tracing | undefined;
  /** An endpoint's breaker has opened or closed here. */
  readonly onBreaker: (change: BreakerChange) => void;
}

function breakerOf({ endpoint, breaker }: Lane, at: number): BreakerChange {
  return { endpointId: endpoint.id, open: breaker.openSince !== null, at };
}

/**
 * Keeps bounded work in memory, one lane an endpoint. Nothing here has to survive: whatever a lane forgets
 * comes due again in the store by itself (G2), and lanes share nothing but the payload budget (G8).
 */
export class Dispatcher {
  readonly #o: DispatcherOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #traceHeaders: (known: TraceContext | null) => readonly string[];
  readonly #traces = new TraceMemory();
  #shards: readonly number[] | null = null;
  #share = 1;
  #payload = 0;
  #inFlight = 0;
  #begun = false;
  #stopping = false;
  #idle: (() => void)[] = [];
  #starved = false;

  constructor(options: DispatcherOptions) {
    this.#o = options;
    this.#traceHeaders = traceHeaders(options.random);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get held(): string[] {
    const now = this.#o.clock.now();
    return [...this.#lanes].flatMap(([id, { heldUntil }]) => (heldUntil > now ? [id] : []));
  }

  get lanes(): number {
    return this.#lanes.size;
  }

  get buffered(): number {
    let waiting = 0;
    for (const lane of this.#lanes.values()) waiting += lane.waiting;
    return waiting;
  }

  get endpointIds(): Iterable<string> {
    return this.#lanes.keys();
  }

  /** From now on this node claims from these shards, and takes its part of every endpoint's limits. */
  own(shards: readonly number[]): void {
    this.#shards = shards;
    this.#share = shards.length / shardCount;
    for (const lane of this.#lanes.values()) lane.share = this.#share;
  }

  setEndpoint(id: string, endpoint: Endpoint | null): void {
    const lane = this.#lanes.get(id);
    if (endpoint === null) {
      if (lane === undefined) return;
      lane.endpoint = { ...lane.endpoint, enabled: false };
      this.#releaseWaiting(lane, this.#o.clock.now());
      lane.cancelTimer?.();
      this.#lanes.delete(id);
      return;
    }
    if (lane === undefined) {
      const fresh = new Lane(endpoint);
      fresh.share = this.#share;
      this.#lanes.set(id, fresh);
      return;
    }
    lane.change(endpoint);
    if (endpoint.enabled) this.#pump(lane);
    else this.#releaseWaiting(lane, this.#o.clock.now());
  }

  /** Work for this endpoint is due at `time`. */
  dueBy(endpointId: string, time: number): void {
    const lane = this.#lanes.get(endpointId);
    if (lane === undefined) return;
    lane.dueBy(time);
    this.#pump(lane);
  }

  /** What stands in the rows of the endpoints: those whose breaker is open, and since when. */
  hearBreakers(open: readonly OpenBreaker[]): void {
    const since = new Map(open.map(({ endpointId, openSince }) => [endpointId, openSince]));
    for (const [id, lane] of this.#lanes) {
      if (lane.hear(since.get(id) ?? null)) this.#o.onBreaker(breakerOf(lane, lane.breaker.lastSuccessAt));
    }
  }

  acceptOptions(now: number): AcceptOptions {
    const room = new Map<string, number>();
    const full = !this.#begun || this.#stopping || this.#payload > payloadMost;
    if (!full) {
      for (const [id, lane] of this.#lanes) {
        // Where older work waits in the store, fresh work goes behind it.
        const free = lane.nextDueAt !== null && lane.nextDueAt <= now ? 0 : lane.room(now);
        if (free !== firstRoom) room.set(id, free);
      }
    }
    return { now, node: this.#o.node, leaseMs: leaseMarginMs, defaultRoom: full ? 0 : firstRoom, room };
  }

  /** The fast path: deliveries that were accepted already claimed. */
  takeFresh(
    groups: readonly (readonly NewEvent[])[],
    answer: AcceptAnswer,
    options: AcceptOptions,
    traces: readonly (AcceptTrace | null)[],
  ): void {
    const touched = new Set<Lane>();
    const unknown: ReleasedClaim[] = [];
    for (const { number, endpointId, group, event: index } of answer.claimed) {
      const event = groups[group]![index]!;
      const lane = this.#lanes.get(endpointId);
      // Created on another node, which this one has not heard of yet, or deleted this moment: due again at once.
      if (lane === undefined) unknown.push({ number, claim: 1, dueAt: options.now });
      if (lane === undefined) continue;
      this.#payload += event.data.length;
      const trace = traces[group]!;
      if (trace !== null) this.#traces.remember(number, trace.contextOf(index));
      lane.push({
        number,
        endpointId,
        claim: 1,
        leaseUntil: options.now + lane.endpoint.timeoutMs + options.leaseMs,
        attemptsMade: 0,
        createdAt: options.now,
        trigger: 'schedule',
        eventId: event.id,
        eventType: event.type,
        occurredAt: event.occurredAt ?? options.now,
        data: event.data,
        intact: true,
      });
      touched.add(lane);
    }
    for (const id of answer.waiting) {
      const lane = this.#lanes.get(id);
      if (lane === undefined) continue;
      lane.dueBy(options.now);
      touched.add(lane);
    }
    for (const lane of touched) this.#pump(lane);
    this.#release(unknown);
  }

  /** After a commit: lanes that stood still because too many outcomes were waiting go on. */
  resume(): void {
    if (!this.#starved) return;
    this.#starved = false;
    for (const lane of this.#lanes.values()) this.#pump(lane);
  }

  /** From now on work is claimed. Before the first heartbeat the clock may be wrong, and leases with it. */
  begin(): void {
    this.#begun = true;
    for (const lane of this.#lanes.values()) this.#pump(lane);
  }

  /** The clock has jumped by so much. */
  move(byMs: number): void {
    for (const lane of this.#lanes.values()) {
      lane.move(byMs);
      this.#pump(lane);
    }
  }

  /** Begins nothing new, gives unused claims back, and resolves when no attempt is in flight. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const now = this.#o.clock.now();
    for (const lane of this.#lanes.values()) {
      lane.cancelTimer?.();
      this.#releaseWaiting(lane, now);
    }
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #pump(lane: Lane): void {
    if (!this.#begun || this.#stopping || !lane.endpoint.enabled) return;
    const now = this.#o.clock.now();
    if (lane.heldUntil > now) {
      this.#lookAgain(lane, lane.heldUntil);
      return;
    }
    const { ratePerS } = lane;
    while (lane.waiting > 0 && lane.inFlight < lane.atOnce) {
      if (this.#o.settler().unsettled > unsettledMost) {
        this.#starved = true;
        return;
      }
      if (ratePerS !== null) {
        const taken = takeToken(lane.bucket, ratePerS, now);
        if ('readyAt' in taken) {
          this.#lookAgain(lane, taken.readyAt);
          return;
        }
        lane.bucket = taken.bucket;
      }
      this.#begin(lane, lane.shift()!, now);
    }
    this.#claimMore(lane, now);
  }

  #claimMore(lane: Lane, now: number): void {
    if (lane.claiming || lane.nextDueAt === null) return;
    if (lane.nextDueAt > now) {
      this.#lookAgain(lane, lane.nextDueAt);
      return;
    }
    // Half a prefetch left is the time to fetch: the next claim comes back before the lane runs dry.
    if (lane.waiting > lane.prefetch / 2) return;
    const room = this.#payload > payloadMost ? Number(lane.inFlight + lane.waiting === 0) : lane.room(now);
    if (room === 0) return;
    lane.claiming = true;
    void this.#claim(lane, room, now);
  }

  async #claim(lane: Lane, limit: number, now: number): Promise<void> {
    const { id, timeoutMs } = lane.endpoint;
    lane.nextDueAt = null;
    try {
      const { deliveries, nextDueAt } = await this.#o.store.claim({
        endpointId: id,
        shards: this.#shards,
        limit,
        maxPayload: payloadPerClaim,
        now,
        leaseMs: timeoutMs + leaseMarginMs,
        node: this.#o.node,
      });
      if (nextDueAt !== null) lane.dueBy(nextDueAt);
      for (const delivery of deliveries) {
        if (!delivery.intact) {
          this.#refuseCorrupt(lane, delivery);
          continue;
        }
        this.#payload += delivery.data.length;
        lane.push(delivery);
      }
      if (this.#stopping || !lane.endpoint.enabled) this.#releaseWaiting(lane, now);
    } catch (error) {
      this.#o.logger.error(
        { endpoint: id, error: (error as Error).message },
        'cannot claim deliveries; trying again',
      );
      lane.dueBy(this.#o.clock.now() + claimRetryMs);
    } finally {
      lane.claiming = false;
    }
    this.#pump(lane);
  }

  #lookAgain(lane: Lane, at: number): void {
    if (lane.timerAt <= at) return;
    lane.cancelTimer?.();
    lane.timerAt = at;
    lane.cancelTimer = this.#o.clock.after(Math.max(1, at - this.#o.clock.now()), () => {
      lane.timerAt = Number.POSITIVE_INFINITY;
      lane.cancelTimer = null;
      this.#pump(lane);
    });
  }

  #begin(lane: Lane, delivery: ClaimedDelivery, now: number): void {
    const { endpoint } = lane;
    if (now + endpoint.timeoutMs + clockLagMs > delivery.leaseUntil) {
      // It waited too long to be finished within its lease: another attempt could overlap this one (G3).
      this.#payload -= delivery.data.length;
      lane.dueBy(delivery.leaseUntil);
      return;
    }
    lane.inFlight++;
    this.#inFlight++;
    const known = this.#traces.of(delivery.number);
    const span = this.#o.tracing?.attempt(delivery, endpoint, known);
    const trace = span === undefined ? this.#traceHeaders(known) : contextHeaders(span.context);
    void this.#attempt(lane, delivery, now, trace).then((result) =>
      this.#finish(lane, delivery, endpoint, now, result, span),
    );
  }

  /** Never rejects: a delivery of which no request can be made fails like any other, and ends as a dead letter. */
  async #attempt(
    lane: Lane,
    delivery: ClaimedDelivery,
    now: number,
    trace: readonly string[],
  ): Promise<AttemptResult> {
    try {
      return await this.#o.transport.post(
        webhookRequest(
          delivery,
          lane.endpoint,
          lane.signer,
          { now, lived: this.#o.clock.lived() },
          trace,
          this.#o.userAgent,
        ),
      );
    } catch (error) {
      this.#o.logger.error(
        { delivery: delivery.number, error: (error as Error).message },
        'an attempt failed by a defect of ours',
      );
      return {
        ok: false,
        statusCode: null,
        errorClass: 'internal',
        message: 'the request could not be made',
        responseExcerpt: null,
        retryAfterMs: null,
        durationMs: 0,
      };
    }
  }

  #finish(
    lane: Lane,
    delivery: ClaimedDelivery,
    endpoint: Endpoint,
    startedAt: number,
    result: AttemptResult,
    span: AttemptSpan | undefined,
  ): void {
    const now = this.#o.clock.now();
    lane.inFlight--;
    this.#inFlight--;
    this.#payload -= delivery.data.length;
    if (lane.observe(result.ok, result.durationMs, now)) this.#o.onBreaker(breakerOf(lane, now));
    const attemptsMade = delivery.attemptsMade + 1;
    const age = this.#o.clock.ageOf(delivery.number, delivery.createdAt);
    const next = afterAttempt(
      // Nothing is too old, or late, for a leap of the clock.
      { attemptsMade, createdAt: now - age },
      result,
      endpoint.retry,
      now,
      result.ok ? 0 : this.#o.random.float(),
    );
    const settlement: Settlement = {
      number: delivery.number,
      endpointId: delivery.endpointId,
      eventType: delivery.eventType,
      claim: delivery.claim,
      createdAt: delivery.createdAt,
      state: next.state,
      dueAt: next.dueAt,
      reason: next.reason,
      now,
      startedAt,
      durationMs: Math.round(result.durationMs),
      statusCode: result.statusCode,
      errorClass: result.errorClass,
      message: result.message,
      responseExcerpt: result.responseExcerpt,
      trigger: delivery.trigger,
      node: this.#o.node,
      late: age > endpoint.deliverWithinMs,
      first: delivery.attemptsMade === 0 && delivery.trigger === 'schedule',
      keyed: endpoint.ordering === 'key',
    };
    if (span !== undefined) {
      span.end(result);
      this.#o.tracing!.settling(settlement, span.context);
    }
    if (next.state !== 'pending') this.#traces.forget(delivery.number);
    this.#o.settler().push(settlement);
    if (result.retryAfterMs !== null && result.retryAfterMs > 0)
      this.#hold(lane, now + Math.min(result.retryAfterMs, holdMostMs));
    this.#pump(lane);
    if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** A stored event that does not match its digest is never sent: its delivery ends at once, as a dead letter. */
  #refuseCorrupt(lane: Lane, delivery: ClaimedDelivery): void {
    const now = this.#o.clock.now();
    this.#o.logger.error(
      {
        code: 'event_corrupt',
        event: delivery.eventId,
        delivery: delivery.number,
        endpoint: delivery.endpointId,
      },
      'a stored event does not match its digest: it is not sent',
    );
    this.#traces.forget(delivery.number);
    this.#o.settler().push({
      number: delivery.number,
      endpointId: delivery.endpointId,
      eventType: delivery.eventType,
      claim: delivery.claim,
      createdAt: delivery.createdAt,
      state: 'dead',
      dueAt: null,
      reason: 'corrupt',
      now,
      startedAt: now,
      durationMs: 0,
      statusCode: null,
      errorClass: 'corrupt',
      message: corruptMessage,
      responseExcerpt: null,
      trigger: delivery.trigger,
      node: this.#o.node,
      late: false,
      first: delivery.attemptsMade === 0 && delivery.trigger === 'schedule',
      keyed: lane.endpoint.ordering === 'key',
    });
  }

  #hold(lane: Lane, until: number): void {
    if (until <= lane.heldUntil) return;
    lane.heldUntil = until;
    this.#releaseWaiting(lane, until);
  }

  #releaseWaiting(lane: Lane, dueAt: number): void {
    const claims: ReleasedClaim[] = [];
    for (let delivery = lane.shift(); delivery !== undefined; delivery = lane.shift()) {
      this.#payload -= delivery.data.length;
      claims.push({ number: delivery.number, claim: delivery.claim, dueAt });
    }
    if (claims.length > 0) lane.dueBy(dueAt);
    this.#release(claims);
  }
  #release(claims: readonly ReleasedClaim[]): void {
    if (claims.length === 0) return;
    this.#o.store.release(claims).catch((error: unknown) => {
      // Nothing is lost by it: the claims run out and the deliveries come due (G2).
      this.#o.logger.warn(
        { error: (error as Error).message, claims: claims.length },
        'could not give claims back',
      );
    });
  }
}
