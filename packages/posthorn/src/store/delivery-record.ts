import type { ErrorClass, WireRecord } from '../domain/attempt.ts';
import type { DeliveryState, Trigger } from '../domain/delivery.ts';

export interface DeliveryRecord {
  readonly number: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly tenant: string;
  readonly endpointId: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly dueAt: number | null;
  readonly createdAt: number;
  readonly settledAt: number | null;
  readonly reason: string | null;
  readonly lastErrorClass: ErrorClass | null;
  readonly lastStatusCode: number | null;
  readonly lastMessage: string | null;
  /** The number of the dead letter that holds it; null if it is not held. */
  readonly blockedBy: number | null;
}

export interface AttemptRecord {
  readonly n: number;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly statusCode: number | null;
  readonly outcome: 'delivered' | 'retry' | 'dead' | 'superseded';
  readonly errorClass: ErrorClass | null;
  readonly message: string | null;
  readonly responseExcerpt: string | null;
  readonly trigger: Trigger;
  readonly node: string;
  /** Null of attempts that were made before leases were kept. */
  readonly leaseUntil: number | null;
  /** Null if it was not kept. */
  readonly wire: WireRecord | null;
}
