import type { Value } from './money.ts';

/** An event as it comes in, after validation. `data` is the JSON text as received, byte for byte. */
export interface NewEvent {
  readonly id: string;
  /** True where the caller chose the id, so that it may have been used before. */
  readonly callerId: boolean;
  readonly shard: number;
  readonly tenant: string;
  readonly type: string;
  readonly data: string;
  readonly orderingKey: string | null;
  readonly occurredAt: number | null;
  readonly value: Value | null;
}

export interface Receipt {
  readonly id: string;
  readonly tenant: string;
  readonly type: string;
  readonly acceptedAt: number;
  readonly deliveries: number;
  readonly suppressed: number;
  readonly duplicate: boolean;
}

/** How a stored event stands to its digest. `unknown`: it was accepted before events carried one. */
export type EventIntegrity = 'intact' | 'corrupt' | 'unknown';

export interface EventRecord extends Omit<NewEvent, 'callerId'> {
  readonly integrity: EventIntegrity;
  readonly acceptedAt: number;
  readonly deliveries: number;
  readonly suppressed: number;
}
