// The part of the store port that keeps what attempts found out about an endpoint's receiver, in the endpoint's row.

import type { Contact } from '../domain/contact.ts';
import type { ContactWrites } from './contacts.ts';
import type { Certificate } from '../domain/reach.ts';

/** Breaker state in the endpoint's row: what one node finds out serves the others, and its own next run. */
export interface BreakerWrites extends ContactWrites {
  /** Records openings and closings. Of two about one endpoint the later counts, in whatever order they arrive. */
  saveBreakers(changes: readonly BreakerChange[]): Promise<void>;
  /** Records until when receivers asked for no requests. The same rules as for breakers. */
  saveThrottles(changes: readonly ThrottleChange[]): Promise<void>;
  /** Records which certificates receivers presented. The same rules as for breakers. */
  saveServerCertificates(seen: readonly SeenCertificate[]): Promise<void>;
  /** Ends an endpoint's throttle because an operator asks for it; other nodes are notified. False if there was none. */
  clearThrottle(endpointId: string, now: number): Promise<boolean>;
}

export interface BreakerLookups {
  /** Lists endpoints whose breaker is open, without deleted ones. */
  openBreakers(): Promise<readonly OpenBreaker[]>;
  /** Lists endpoints that are throttled beyond `now`, without deleted ones. */
  throttles(now: number): Promise<readonly Throttle[]>;
  /**
   * Returns what is known of these endpoints, in any order, without those that are deleted and those of which nothing is known.
   */
  receiverHealth(endpointIds: readonly string[], now: number): Promise<readonly ReceiverHealth[]>;
  /** Lists certificates that end before `endsBefore`, of endpoints that are not deleted. */
  serverCertificates(endsBefore: number): Promise<readonly ServerCertificate[]>;
}

export interface BreakerChange {
  readonly endpointId: string;
  /** The URL that it was learned from; a change about a URL that the endpoint no longer has is dropped. */
  readonly url: string;
  readonly open: boolean;
  /** When it opened or closed. */
  readonly at: number;
}

export interface ThrottleChange {
  readonly endpointId: string;
  readonly url: string;
  readonly until: number;
  /** When the receiver said so. */
  readonly at: number;
}

export interface Throttle {
  readonly endpointId: string;
  readonly until: number;
}

export interface OpenBreaker {
  readonly endpointId: string;
  readonly openSince: number;
}

/** What attempts have found out about the receiver of one endpoint. */
export interface ReceiverHealth {
  readonly endpointId: string;
  /** When the breaker opened; null: it is closed. */
  readonly openSince: number | null;
  /** Null: not throttled, or no longer. */
  readonly throttledUntil: number | null;
  /** Since when it has only failed; null where that is not counted, or it has not. */
  readonly failingSince: number | null;
  /** What the receiver presented last; null: nothing yet. */
  readonly serverCertificate: Certificate | null;
  /** When attempts last succeeded and failed; null: none was recorded. */
  readonly contact: Contact | null;
}

/** A certificate that a receiver presented, and that was trusted. */
export interface ServerCertificate {
  readonly endpointId: string;
  readonly certificate: Certificate;
}

export interface SeenCertificate extends ServerCertificate {
  readonly url: string;
  /** When it was seen. */
  readonly at: number;
}
