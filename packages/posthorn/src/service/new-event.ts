import type { NewEvent } from '../domain/event.ts';
import type { Value } from '../domain/money.ts';
import { eventShard, newEventId } from '../domain/ids.ts';
import { hashShard, shardCount } from '../domain/shard.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Random } from '../runtime/random.ts';
import type { Catalog } from './catalog.ts';
import type { WireEvent } from '../contract/legacy-schemas.ts';
import { maxDataBytes } from '../contract/limits.ts';
import { PosthornError } from '../domain/errors.ts';

/**
 * Events whose shard is ours to choose share one in runs of so many: a commit then touches one page of the
 * index by (shard, tenant, id) and not 64.
 */
const runLength = 256;

/** An event of a request: its body, validated, and the text of its data as received. */
export interface WireInput {
  readonly wire: WireEvent;
  readonly text: string;
  /** Where it stands in the request. */
  readonly path: string;
  /** Its id if the body has none. */
  readonly fallbackId?: string | undefined;
}

function refuseLarge({ text, path }: WireInput): void {
  // Length in UTF-16 units is a lower bound of bytes, so only doubtful ones are measured exactly.
  if (
    text.length > maxDataBytes ||
    (text.length * 3 > maxDataBytes && Buffer.byteLength(text) > maxDataBytes)
  )
    throw new PosthornError('too_large', `${path}/data is larger than ${maxDataBytes} bytes`, [
      { path: `${path}/data`, message: 'is too large' },
    ]);
}

/** Makes the events of one request, all or none: rejects with the `PosthornError` of the first that cannot be accepted. */
export function eventMaker(
  clock: Clock,
  random: Random,
  catalog: Pick<Catalog, 'check'>,
): (inputs: readonly WireInput[]) => Promise<NewEvent[]> {
  let pool = random.bytes(0);
  let used = 0;
  let current = 0;
  let left = 0;
  // 14 bytes an id, drawn many at a time.
  const draw = (): Uint8Array => {
    if (used + 14 > pool.length) {
      pool = random.bytes(14 * 256);
      used = 0;
    }
    used += 14;
    return pool.subarray(used - 14, used);
  };
  const make = ({ wire, text, fallbackId }: WireInput, extracted: Value | null): NewEvent => {
    const callersId = wire.id ?? fallbackId;
    const key = wire.ordering_key ?? null;
    let shard: number;
    if (key !== null) shard = hashShard(wire.tenant, key);
    else if (callersId !== undefined) shard = eventShard(wire.tenant, callersId);
    else {
      if (left-- === 0) {
        left = runLength - 1;
        current = draw()[0]! % shardCount;
      }
      shard = current;
    }
    return {
      id: callersId ?? newEventId(clock.now(), draw(), shard),
      callerId: callersId !== undefined,
      shard,
      tenant: wire.tenant,
      type: wire.type,
      data: text,
      orderingKey: key,
      occurredAt: wire.occurred_at === undefined ? null : Date.parse(wire.occurred_at),
      value:
        wire.value === undefined
          ? extracted
          : { amountMinor: BigInt(wire.value.amount_minor), currency: wire.value.currency.toUpperCase() },
    };
  };
  return async (inputs) => {
    inputs.forEach(refuseLarge);
    const values = await catalog.check(
      inputs.map(({ wire: { tenant, type, data }, text, path }) => ({ tenant, type, data, text, path })),
    );
    return inputs.map((input, index) => make(input, values[index]!));
  };
}
