import type { NewEvent } from '../domain/event.ts';
import type { Clock } from '../runtime/clock.ts';
import type {
  AcceptAnswer,
  AcceptOptions,
  ClaimedDelivery,
  FanOutStep,
  ReleasedClaim,
} from '../store/store.ts';
import { acceptOptions } from './accept-options.ts';
import { firstClaim } from './first-claim.ts';
import { type Lane, shortestFirst } from './lane.ts';
import type { LaneTable } from './lane-table.ts';
import type { Scheduler } from './scheduler.ts';
import type { AcceptTrace, TraceMemory } from './tracing.ts';

/** A commit of events: what was asked of the store, and what it answered. */
export interface AcceptedCommit {
  /** By request. */
  readonly groups: readonly (readonly NewEvent[])[];
  readonly traces: readonly (AcceptTrace | null)[];
  readonly options: AcceptOptions;
  readonly answer: AcceptAnswer;
}

/**
 * The fast path from intake to the lanes: what this node can send at once is created claimed, so that nothing reads back
 * what was just written. Each `reserve` says how much that is, each `admit` takes it over.
 */
export interface Admission {
  /** For the endpoints that these events go to. */
  reserve(now: number, groups: readonly (readonly NewEvent[])[]): AcceptOptions;
  admit(commit: AcceptedCommit): void;
  /** For a step of a fan-out, whose endpoints only the store knows. */
  reserveStep(now: number): AcceptOptions;
  admitStep(step: FanOutStep, now: number): void;
}

export interface LaneAdmissionOptions {
  readonly clock: Clock;
  readonly node: string;
  readonly lanes: LaneTable;
  readonly scheduler: Scheduler;
  readonly traces: TraceMemory;
}

export class LaneAdmission implements Admission {
  readonly #o: LaneAdmissionOptions;

  constructor(options: LaneAdmissionOptions) {
    this.#o = options;
  }

  reserve(now: number, groups: readonly (readonly NewEvent[])[]): AcceptOptions {
    return this.#reserveIn(this.#o.lanes.subscribed(groups), now);
  }

  reserveStep(now: number): AcceptOptions {
    return this.#reserveIn(this.#o.lanes, now);
  }

  #reserveIn(lanes: Iterable<Lane>, now: number): AcceptOptions {
    const { clock, node, scheduler } = this.#o;
    return acceptOptions(lanes, { now, mono: clock.monotonic(), node, isOpen: scheduler.isOpen });
  }

  admit({ groups, traces, options, answer }: AcceptedCommit): void {
    const claimed = answer.claimed.map((claim) => {
      const event = groups[claim.group]![claim.event]!;
      const trace = traces[claim.group]!;
      if (trace !== null) this.#o.traces.remember(claim.number, trace.contextOf(claim.event));
      return firstClaim(claim, event, options.now);
    });
    this.#take(claimed, answer.waiting, options.now);
  }

  admitStep({ claimed, events, waiting }: FanOutStep, now: number): void {
    const eventOf = ({ event }: { readonly event: number }) => events[event]!;
    const first = claimed.map((claim) => firstClaim(claim, eventOf(claim), eventOf(claim).acceptedAt));
    this.#take(first, waiting, now);
  }

  /** Goes on with what was created claimed, and with the lanes of what waits in the store. */
  #take(claimed: readonly ClaimedDelivery[], waiting: readonly string[], now: number): void {
    const { lanes, scheduler } = this.#o;
    const touched = new Set<Lane>();
    const unknown: ReleasedClaim[] = [];
    const mono = this.#o.clock.monotonic();
    for (const delivery of claimed) {
      const lane = lanes.get(delivery.endpointId);
      // Created on another node, which this one has not heard of yet, or deleted this moment: due again at once.
      if (lane === undefined) unknown.push({ number: delivery.number, claim: 1, dueAt: now });
      if (lane === undefined) continue;
      scheduler.claims.admit(lane, delivery, mono);
      touched.add(lane);
    }
    for (const id of waiting) {
      const lane = lanes.get(id);
      if (lane === undefined) continue;
      lane.dueBy(now);
      touched.add(lane);
    }
    for (const lane of shortestFirst(touched)) scheduler.goOn(lane);
    void scheduler.claims.release(unknown);
  }
}
