// The part of the store port that keeps what attempts found out about an endpoint's receiver, in the endpoint's row.

import type { Contact } from '../domain/contact.ts';
import type { Contacts } from './contacts.ts';
import type { Certificate } from '../domain/reach.ts';

/** Breaker state in the endpoint's row: what one node found out serves the others, and its own next life. */
export interface Breakers extends Contacts {
  /** Records openings and closings. Of two about one endpoint the later counts, in whatever order they arrive. */
  saveBreakers(changes: readonly BreakerChange[]): Promise<void>;
  /** Endpoints whose breaker is open, deleted ones left out. */
  openBreakers(): Promise<readonly OpenBreaker[]>;
  /** Records until when receivers asked for no requests. The same rules as for breakers. */
  saveThrottles(changes: readonly ThrottleChange[]): Promise<void>;
  /** Endpoints that are throttled beyond `now`, deleted ones left out. */
  throttles(now: number): Promise<readonly Throttle[]>;
  /** What is known of single endpoints, in whatever order; those that are deleted, or of which nothing is known, are left out. */
  receiverHealth(endpointIds: readonly string[], now: number): Promise<readonly ReceiverHealth[]>;
  /** Records which certificates receivers presented. The same rules as for breakers. */
  saveServerCertificates(seen: readonly SeenCertificate[]): Promise<void>;
  /** Those that end before `endsBefore`, of endpoints that are not deleted. */
  serverCertificates(endsBefore: number): Promise<readonly ServerCertificate[]>;
  /** An operator's word: the endpoint is throttled no more. Other nodes are notified. Returns whether it was. */
  clearThrottle(endpointId: string, now: number): Promise<boolean>;
}

export interface BreakerChange {
  readonly endpointId: string;
  /** Of which it was learned; a change about a URL that the endpoint no longer has is dropped. */
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
