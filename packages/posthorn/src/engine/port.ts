import type { LockedEndpoints } from './seal-watch.ts';
import type { StoreFault } from '../domain/errors.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { NewEvent, Receipt } from '../domain/event.ts';
import type { EndpointSigningKey } from '../domain/signing-keys.ts';
import type { TraceContext } from '../domain/trace.ts';
import type { ClockStatus } from '../domain/clock-record.ts';
import type { ClusterRole } from '../domain/shard.ts';
import type { SettledListener } from './outcomes.ts';

/** What the API and the command line use of the running engine. */
export interface Engine extends ClusterRole {
  /** Recovers claims of a previous run, then begins to deliver. */
  start(): Promise<void>;
  /** Begins no attempt from now on, and is not ready; accepting goes on. The first step of a stop. */
  quiesce(): void;
  /**
   * Begins nothing new, lets attempts in flight finish for `graceMs`, and gives all claims back. Ends shortly after
   * `graceMs` whatever is in flight, and costs no delivery an attempt.
   */
  stop(graceMs: number): Promise<StopReport>;
  /**
   * All or none, durable when it resolves (G1). Rejects with `EventConflictError` or `UnavailableError`. `trace` is the
   * publisher's context, which attempts continue.
   */
  publish(events: readonly NewEvent[], trace?: TraceContext | null): Promise<readonly Receipt[]>;
  /** Work for these endpoints may be due now. */
  wake(endpointIds: readonly string[]): void;
  /** An operator acts on these endpoints: they are tried again at once, whatever Retry-After their receivers asked for. */
  clearThrottles(endpointIds: readonly string[]): Promise<void>;
  /** To be called after every committed change of an endpoint; null says it was deleted. */
  endpointChanged(id: string, endpoint: Endpoint | null): void;
  /** The signing keys that are published under this set; none if there is no such set. */
  publicKeys(set: string): readonly EndpointSigningKey[];
  status(): EngineStatus;
  /** The concurrency on this node, at this moment; null if it does not know the endpoint. */
  concurrency(endpointId: string): EndpointConcurrency | null;
}

export interface EndpointConcurrency {
  readonly inFlight: number;
  /** As many as may be in flight. */
  readonly limit: number;
}

/** What a stop left behind; nothing of it is lost (G2). */
export interface StopReport {
  /** Attempts that were cut: they are made again. */
  readonly cut: number;
  /** Whether their claims were given back, so that they are due at once and not when their leases end. */
  readonly released: boolean;
  /** Outcomes that the store did not take: those attempts are made again. */
  readonly unsettled: number;
}

export interface EngineStatus {
  /** False while starting, stopping, or while the store refuses writes. */
  readonly ready: boolean;
  /** What is wrong with the store's files; null: nothing that was found. */
  readonly storeFault: StoreFault | null;
  readonly inFlight: number;
  readonly buffered: number;
  readonly lanes: number;
  /** Endpoints whose receivers have asked for no requests (Retry-After). */
  readonly throttled: readonly string[];
  /** What this node owns of the 64 shards. */
  readonly shards: readonly number[];
  readonly clock: ClockStatus;
  readonly locked: LockedEndpoints;
}

/** The observations that metrics are made of; every method is cheap and never throws. */
export interface EngineObserver extends SettledListener {
  accepted(events: number, deliveries: number): void;
  storeFailed(): void;
}
