import type { Endpoint } from '../domain/endpoint.ts';
import type { Keyring } from '../secrets/keyring.ts';
import type { OpenBreaker, Throttle } from '../store/breakers.ts';
import type { FailingEndpoint } from '../store/failures.ts';
import type { SettleAnswer, Settlement, StoreWrite } from '../store/store.ts';
import { type Admission, LaneAdmission } from './admission.ts';
import { type AttemptListener, Attempts, type AttemptsOptions } from './attempts.ts';
import type { ClaimsOptions } from './claims.ts';
import { hearBreakers, hearFailing } from './hearing.ts';
import type { Lane } from './lane.ts';
import { LaneTable } from './lane-table.ts';
import type { SettledListener } from './outcomes.ts';
import type { EndpointConcurrency } from './port.ts';
import { Scheduler } from './scheduler.ts';
import { Throttles } from './throttles.ts';
import { signerFrom } from './webhook.ts';

export interface DispatcherOptions extends AttemptsOptions, Omit<ClaimsOptions, 'attempts'> {
  readonly store: Pick<StoreWrite, 'claim' | 'release'>;
  readonly clock: AttemptsOptions['clock'];
  readonly keyring: Pick<Keyring, 'open'>;
}

/**
 * Keeps bounded work in memory, one lane an endpoint. Nothing here has to survive: whatever a lane forgets comes due again
 * in the store by itself (G2), and what lanes share has a part for each (G8).
 */
export class Dispatcher implements AttemptListener, SettledListener {
  readonly #o: DispatcherOptions;
  readonly #lanes: LaneTable;
  readonly #attempts: Attempts;
  readonly #scheduler: Scheduler;
  readonly #throttles: Throttles;
  readonly admission: Admission;

  constructor(options: DispatcherOptions) {
    this.#o = options;
    const lanes = new LaneTable(
      (endpoint) => signerFrom(endpoint, options.keyring),
      options.transport.capacity,
    );
    const attempts = new Attempts(options, this);
    const scheduler = new Scheduler({ ...options, lanes, attempts });
    this.#lanes = lanes;
    this.#attempts = attempts;
    this.#scheduler = scheduler;
    this.#throttles = new Throttles({ ...options, lanes, scheduler });
    this.admission = new LaneAdmission({ ...options, lanes, scheduler, traces: attempts.traces });
  }

  get inFlight(): number {
    return this.#attempts.inFlight;
  }

  /** Endpoints whose receivers have asked for no requests. */
  get throttled(): string[] {
    return this.#throttles.endpointIds;
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
    this.#scheduler.own(shards);
  }

  /** Takes an endpoint as it is now, null if it was deleted. Returns whether its URL is another one than before. */
  setEndpoint(id: string, endpoint: Endpoint | null): boolean {
    const lane = this.#lanes.get(id);
    if (endpoint === null) {
      if (lane !== undefined) this.#remove(lane);
      return false;
    }
    if (lane === undefined) {
      this.#scheduler.shareOut(this.#lanes.add(endpoint));
      return false;
    }
    const former = lane.endpoint;
    const moved = this.#lanes.change(lane, endpoint, this.#o.clock.monotonic());
    if (moved) this.#throttles.forget(lane);
    // What was claimed under other limits is claimed anew: what is due first goes first, and no more than is of use.
    if (!endpoint.enabled || moved || former.rateLimitPerS !== endpoint.rateLimitPerS)
      this.#scheduler.claims.giveBack(lane);
    this.#scheduler.pump(lane);
    return moved;
  }

  #remove(lane: Lane): void {
    lane.endpoint = { ...lane.endpoint, enabled: false };
    this.#scheduler.claims.giveBack(lane);
    lane.cancelTimer?.();
    this.#lanes.remove(lane);
    this.#throttles.forget(lane);
  }

  /** As this node knows it; undefined without a lane. */
  endpoint(id: string): Endpoint | undefined {
    return this.#lanes.get(id)?.endpoint;
  }

  concurrency(endpointId: string): EndpointConcurrency | null {
    const lane = this.#lanes.get(endpointId);
    return lane === undefined ? null : { inFlight: lane.inFlight, limit: lane.atOnce };
  }

  /** Work for this endpoint is due at `time`. */
  dueBy(endpointId: string, time: number): void {
    this.#scheduler.dueBy(endpointId, time);
  }

  /** Work for these endpoints may be due now. */
  wake(endpointIds: readonly string[]): void {
    const now = this.#o.clock.now();
    for (const id of endpointIds) this.#scheduler.dueBy(id, now);
  }

  settled({ endpointId, state, dueAt, keyed, now }: Settlement, answer: SettleAnswer): void {
    const isApplied = answer !== 'superseded';
    if (answer === 'redriven') this.dueBy(endpointId, now);
    else if (isApplied && state === 'pending') this.dueBy(endpointId, dueAt!);
    else if (isApplied && keyed) this.dueBy(endpointId, now);
    this.#scheduler.resume();
  }

  retryAfter(lane: Lane, retryAfterMs: number, now: number): void {
    this.#throttles.learn(lane, retryAfterMs, now);
  }

  postponed(lane: Lane, dueAt: number): void {
    this.dueBy(lane.endpoint.id, dueAt);
  }

  ended(lane: Lane): void {
    this.#scheduler.pump(lane);
    this.#scheduler.resume();
  }

  /** Takes what the endpoints' rows say: those whose breaker is open, and since when. */
  hearBreakers(open: readonly OpenBreaker[]): void {
    hearBreakers(this.#lanes, open, this.#o.health);
  }

  /** Takes what the endpoints' rows say: those that have only failed since their last success. */
  hearFailing(rows: readonly FailingEndpoint[], isUnsaved: (endpointId: string) => boolean): void {
    hearFailing(this.#lanes, rows, isUnsaved, this.#o.health);
  }

  /** Takes what the endpoints' rows say: those that are throttled, and until when. See `Throttles.hear`. */
  hearThrottles(rows: readonly Throttle[], readAt: number, isUnsaved: (endpointId: string) => boolean): void {
    this.#throttles.hear(rows, readAt, isUnsaved);
  }

  /** Returns whether it was throttled. */
  clearThrottle(endpointId: string): boolean {
    return this.#throttles.clear(endpointId);
  }

  /** From now on work is claimed. */
  begin(): void {
    this.#scheduler.begin();
  }

  /** The clock has jumped by so much. */
  move(byMs: number): void {
    for (const lane of this.#lanes) {
      lane.move(byMs);
      this.#scheduler.pump(lane);
    }
  }

  /** Begins nothing new, gives unused claims back, and resolves when no attempt is in flight. */
  async stop(): Promise<void> {
    this.#scheduler.stop();
    await this.#attempts.idle();
  }

  /** Ends what is still in flight, without an outcome, and gives its claims back. */
  async cut(): Promise<void> {
    await this.#attempts.cut();
  }
}
