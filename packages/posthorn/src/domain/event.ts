import { eventShard } from './ids.ts';
import type { Value } from './money.ts';
import { hashShard } from './shard.ts';

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
  /** Sorted, each once: endpoints with routing keys get it only if they share one with it. */
  readonly routingKeys: readonly string[];
  readonly occurredAt: number | null;
  readonly value: Value | null;
}

/** What an event is made of; what is left out is null, or follows from the rest. */
export interface EventFields
  extends
    Pick<NewEvent, 'id' | 'callerId' | 'tenant' | 'type' | 'data'>,
    Partial<Pick<NewEvent, 'orderingKey' | 'routingKeys' | 'occurredAt' | 'value' | 'shard'>> {}

const noKeys: readonly string[] = [];

/**
 * Makes an event. Its shard follows from its ordering key, or else from its id, and is the same for ever; it may be given by
 * the maker of an id for it, who knows it already.
 */
export function makeEvent({
  id,
  callerId,
  tenant,
  type,
  data,
  orderingKey = null,
  routingKeys = noKeys,
  occurredAt = null,
  value = null,
  shard = orderingKey === null ? eventShard(tenant, id) : hashShard(tenant, orderingKey),
}: EventFields): NewEvent {
  return { id, callerId, shard, tenant, type, data, orderingKey, routingKeys, occurredAt, value };
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

/**
 * How a stored event stands to its digest. `unknown`: it was accepted before events carried one; `deleted`: its data were deleted,
 * so nothing of them is left to compare.
 */
export type EventIntegrity = 'intact' | 'corrupt' | 'unknown' | 'deleted';

export interface EventRecord extends Omit<NewEvent, 'callerId'> {
  readonly integrity: EventIntegrity;
  /** When an operator deleted its data, which are `null` since; null: they are there. */
  readonly dataDeletedAt: number | null;
  readonly acceptedAt: number;
  readonly deliveries: number;
  readonly suppressed: number;
}
