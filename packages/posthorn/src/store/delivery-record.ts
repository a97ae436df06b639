import type { ErrorClass } from '../domain/attempt.ts';
import type { DeliveryState } from '../domain/delivery.ts';

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
