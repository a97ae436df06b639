import type { Endpoint } from '../domain/endpoint.ts';
import { isExpired } from '../domain/delivery.ts';
import { corruptSettlement, expiredSettlement, settlementFrom } from '../domain/settlement.ts';
import type { Transformation } from '../domain/transformation.ts';
import type { TraceContext } from '../domain/trace.ts';
import type { NodeClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import { SecretError } from '../secrets/keyring.ts';
import type { ClaimedDelivery, StoreWrite } from '../store/store.ts';
import type { AttemptResult, Transport } from '../transport/transport.ts';
import type { HealthListener } from './health-notes.ts';
import { breakerFrom, failingFrom, type Lane } from './lane.ts';
import type { Outcomes } from './outcomes.ts';
import type { TransformAnswer, Transformer } from './transformer.ts';
import { type AttemptSpan, TraceMemory, type Tracing } from './tracing.ts';
import { contextHeaders, traceHeaders, webhookRequest } from './webhook.ts';

export interface AttemptsOptions {
  readonly store: Pick<StoreWrite, 'release'>;
  readonly transport: Transport;
  readonly outcomes: Outcomes;
  readonly health: HealthListener;
  readonly clock: NodeClock;
  readonly random: Random;
  readonly logger: Logger;
  readonly node: string;
  readonly userAgent: string;
  readonly tracing?: Tracing | undefined;
  readonly transformer?: Transformer | undefined;
}

/** What becomes of an attempt, for its lane. Implemented by the dispatcher. */
export interface AttemptListener {
  /** The receiver asks for no requests for so long. */
  retryAfter(lane: Lane, retryAfterMs: number, now: number): void;
  /** Nothing was sent, and it does not count as an attempt: the delivery is due again then. */
  postponed(lane: Lane, dueAt: number): void;
  /** The attempt is over and its outcome on its way to the store: the lane may begin the next. */
  ended(lane: Lane): void;
}

/** An attempt that has begun. */
interface Flight {
  readonly lane: Lane;
  readonly delivery: ClaimedDelivery;
  readonly endpoint: Endpoint;
  readonly startedAt: number;
  readonly span: AttemptSpan | undefined;
  /** Not in what is kept of the answer: known once the request was made. */
  hidden: readonly string[];
}

/** Makes attempts: from a claimed delivery to an outcome that waits for its commit. */
export class Attempts {
  readonly #o: AttemptsOptions;
  readonly #listener: AttemptListener;
  readonly #traceHeaders: (known: TraceContext | null) => readonly string[];
  readonly #flights = new Set<Flight>();
  readonly traces = new TraceMemory();
  #cut = false;
  #idle: (() => void)[] = [];

  constructor(options: AttemptsOptions, listener: AttemptListener) {
    this.#o = options;
    this.#listener = listener;
    this.#traceHeaders = traceHeaders(options.random);
  }

  get inFlight(): number {
    return this.#flights.size;
  }

  /** Resolves when no attempt is in flight. */
  async idle(): Promise<void> {
    if (this.inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /**
   * Ends every attempt that is still in flight, without an outcome: their claims are given back, so that they are made
   * again at once by the next claim. Whatever their receivers still answer is not recorded.
   */
  async cut(): Promise<void> {
    this.#cut = true;
    const claims = [...this.#flights].map(({ delivery: { number, claim, dueAt } }) => ({
      number,
      claim,
      dueAt,
    }));
    for (const { span } of this.#flights) span?.end(cutResult);
    this.#flights.clear();
    if (claims.length > 0) await this.#o.store.release(claims);
  }

  begin(lane: Lane, delivery: ClaimedDelivery, now: number): void {
    const { endpoint } = lane;
    lane.inFlight++;
    lane.shares.attempts.take(1);
    const known = this.traces.get(delivery.number);
    const span = this.#o.tracing?.attempt(delivery, endpoint, known);
    const trace = span === undefined ? this.#traceHeaders(known) : contextHeaders(span.context);
    const flight: Flight = { lane, delivery, endpoint, startedAt: now, span, hidden: [] };
    this.#flights.add(flight);
    void this.#attempt(flight, now, trace).then((result) =>
      result === null ? this.#postpone(flight) : this.#finish(flight, result),
    );
  }

  /** Whether it is too late to begin. What waits for a key that is missing here is not attempted, however old it is. */
  isTooLate(lane: Lane, delivery: ClaimedDelivery, now: number): boolean {
    const { retry } = lane.endpoint;
    // The age is looked up only where the clock alone says that it may be too much.
    if (now - delivery.createdAt <= retry.giveUpAfterMs) return false;
    const ageMs = this.#o.clock.ageOf(delivery.number, delivery.createdAt);
    return isExpired(delivery, retry, ageMs) && !(lane.signer instanceof SecretError);
  }

  /** Ends a delivery that waited in its lane, without an attempt. */
  giveUp(lane: Lane, delivery: ClaimedDelivery): void {
    this.traces.forget(delivery.number);
    lane.shares.payload.give(delivery.data.length);
    lane.shares.outcomes.take(1);
    const settlement = expiredSettlement(delivery, lane.endpoint, this.#o.node, this.#o.clock.now());
    this.#o.outcomes.push(settlement, lane.shares.outcomes);
  }

  refuseCorrupt(lane: Lane, delivery: ClaimedDelivery): void {
    const { number, eventId, endpointId } = delivery;
    this.#o.logger.error(
      { code: 'event_corrupt', event: eventId, delivery: number, endpoint: endpointId },
      'a stored event does not match its digest: it is not sent',
    );
    this.traces.forget(number);
    this.#o.outcomes.push(corruptSettlement(delivery, lane.endpoint, this.#o.node, this.#o.clock.now()));
  }

  /**
   * Never rejects: a delivery of which no request can be made fails like any other, and ends as a dead letter. Null: nothing
   * was tried.
   */
  async #attempt(flight: Flight, now: number, trace: readonly string[]): Promise<AttemptResult | null> {
    const { lane, delivery, endpoint } = flight;
    try {
      const { signer } = lane;
      if (signer instanceof SecretError)
        return { ...noAnswer, errorClass: 'secrets', message: signer.message.slice(0, maxMessage) };
      flight.hidden = signer.hidden;
      let sent = delivery;
      if (endpoint.transformation !== null) {
        const answer = await this.#transform(delivery, endpoint, endpoint.transformation);
        if (answer.kind === 'busy') return null;
        if (answer.kind === 'fault')
          return { ...noAnswer, errorClass: 'transformation', message: answer.fault.slice(0, maxMessage) };
        sent = { ...delivery, data: answer.data };
        now = this.#o.clock.now();
      }
      return await this.#o.transport.post(
        webhookRequest(
          sent,
          endpoint,
          signer,
          { now, lived: this.#o.clock.lived() },
          trace,
          this.#o.userAgent,
        ),
      );
    } catch (error) {
      this.#o.logger.error(
        { code: 'request_failed', delivery: delivery.number, error: (error as Error).message },
        'internal error while building the request',
      );
      return { ...noAnswer, errorClass: 'internal', message: 'the request could not be built' };
    }
  }

  /** Off this thread: what an expression costs is its endpoint's alone (G8). */
  async #transform(
    delivery: ClaimedDelivery,
    { tenant, id }: Endpoint,
    transformation: Transformation,
  ): Promise<TransformAnswer> {
    const { transformer } = this.#o;
    if (transformer === undefined) throw new Error('no transformer is configured');
    const { eventId, eventType, occurredAt, data } = delivery;
    const owner = { tenant, id };
    return await transformer.transform({ transformation, owner, eventId, eventType, occurredAt, data });
  }

  #leave(flight: Flight): void {
    const { lane, delivery } = flight;
    this.#flights.delete(flight);
    lane.inFlight--;
    lane.shares.attempts.give(1);
    lane.shares.payload.give(delivery.data.length);
  }

  /** Gives the claim back, for a while: the attempt did not begin, and costs the delivery nothing. */
  #postpone(flight: Flight): void {
    if (this.#cut) return;
    const { lane, delivery, span } = flight;
    const dueAt = this.#o.clock.now() + postponedMs;
    this.#leave(flight);
    span?.end(postponedResult);
    void this.#o.store.release([{ number: delivery.number, claim: delivery.claim, dueAt }]).then(
      () => this.#listener.postponed(lane, dueAt),
      // The claim ends with its lease, and the delivery comes due (G2).
      () => this.#listener.postponed(lane, delivery.leaseUntil),
    );
    this.#listener.ended(lane);
    this.#endedAll();
  }

  #finish(flight: Flight, result: AttemptResult): void {
    if (this.#cut) return;
    const { lane, delivery, endpoint, startedAt, span } = flight;
    const now = this.#o.clock.now();
    this.#leave(flight);
    // An answer from the previous URL says nothing about the present one.
    const moved = endpoint.url !== lane.endpoint.url;
    if (!moved) this.#observe(lane, result, now);
    const settlement = settlementFrom(
      {
        delivery,
        endpoint,
        moved,
        ageMs: this.#o.clock.ageOf(delivery.number, delivery.createdAt),
        startedAt,
        result,
        hidden: flight.hidden,
        node: this.#o.node,
      },
      now,
      () => this.#o.random.float(),
    );
    if (settlement.reason === 'gone') this.#o.health.noteGone(endpoint);
    if (span !== undefined) {
      span.end(result);
      this.#o.tracing!.settling(settlement, span.context);
    }
    if (settlement.state !== 'pending') this.traces.forget(delivery.number);
    lane.shares.outcomes.take(1);
    this.#o.outcomes.push(settlement, lane.shares.outcomes);
    if (!moved && result.retryAfterMs !== null && result.retryAfterMs > 0)
      this.#listener.retryAfter(lane, result.retryAfterMs, now);
    this.#listener.ended(lane);
    this.#endedAll();
  }

  /** What the result says about the receiver. */
  #observe(lane: Lane, result: AttemptResult, now: number): void {
    const { health } = this.#o;
    lane.contact.observe(result, now);
    if (!lane.contact.isNoted) health.noteContact(lane.endpoint, lane.contact);
    if (result.serverCertificate !== undefined)
      health.noteCertificate(lane.endpoint, result.serverCertificate, now);
    // The receiver was not asked: an expression says nothing about it.
    if (result.errorClass === 'transformation') return;
    if (lane.observe(result, now)) health.noteBreaker(breakerFrom(lane, now));
    const failing = lane.observeFailing(result.ok, result.errorClass, now);
    if (failing !== 'same') health.noteFailing(failingFrom(lane, now), failing === 'too_long');
  }

  #endedAll(): void {
    if (this.inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** What found no turn to be transformed is tried again after this. */
const postponedMs = 1000;

/** What the attempt log keeps of a message. */
const maxMessage = 300;

const noAnswer = {
  ok: false,
  statusCode: null,
  responseExcerpt: null,
  retryAfterMs: null,
  durationMs: 0,
} as const;

const postponedResult: AttemptResult = {
  ...noAnswer,
  errorClass: 'transformation',
  message: 'other expressions were running; made again later',
};

const cutResult: AttemptResult = {
  ...noAnswer,
  errorClass: 'internal',
  message: 'ended by the stop of this process; made again after it',
};
