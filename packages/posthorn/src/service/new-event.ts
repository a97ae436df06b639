import { newEvent } from '../contract/events.ts';
import { maxDataBytes, maxNesting } from '../contract/limits.ts';
import { parse } from '../contract/parse.ts';
import type { Input } from '../contract/table.ts';
import { invalid, PosthornError } from '../domain/errors.ts';
import { makeEvent, type NewEvent } from '../domain/event.ts';
import type { Value } from '../domain/money.ts';
import { newEventId } from '../domain/ids.ts';
import { hashShard, shardCount } from '../domain/shard.ts';
import { defaultTenant } from '../domain/tenant.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Random } from '../runtime/random.ts';
import type { Catalog, UncheckedEvent } from './catalog.ts';
import { nestsDeeper } from './raw-json.ts';

/**
 * Events whose shard Posthorn chooses share one in runs of this length: a commit then touches one page of the index by
 * (shard, tenant, id) and not 64. A request's events are in one run, unless it has more: where the tables are distributed, a
 * request in one shard is stored by one call and needs no commit in two phases.
 */
const runLength = 256;
/** Over HTTP, the event around the data is a level of the body. */
const maxDataNesting = maxNesting - 1;

/** A validated event to accept. */
export interface EventInput {
  readonly event: Input<'events.publish'>['body'];
  readonly tenant: string;
  /** The text of its data, which is stored and sent as it is. */
  readonly dataText: string;
  /** Its path in the request, as a JSON Pointer. */
  readonly path: string;
  /** Its id if it has none. */
  readonly fallbackId?: string | undefined;
}

/** An event that an application passes as an object: its data is written as JSON. Throws what is wrong with it. */
export function eventFromObject(given: unknown, path: string): EventInput {
  const event = parse(newEvent, given);
  return { event, tenant: event.tenant ?? defaultTenant, dataText: jsonText(event.data, path), path };
}

export function jsonText(data: unknown, path: string): string {
  let text: string | undefined;
  try {
    // Undefined for what JSON cannot represent, such as a function.
    text = JSON.stringify(data) as string | undefined;
  } catch {
    // A cycle, a bigint, or a `toJSON` that throws.
  }
  if (text === undefined) throw invalid(`${path}/data`, 'cannot be written as JSON');
  if (nestsDeeper(text, maxDataNesting))
    throw new PosthornError('too_deep', `${path}/data is nested deeper than ${maxDataNesting} levels`);
  return text;
}

function refuseLarge({ dataText, path }: EventInput): void {
  // The length in UTF-16 units is a lower bound of the bytes, so only doubtful ones are measured exactly.
  if (
    dataText.length > maxDataBytes ||
    (dataText.length * 3 > maxDataBytes && Buffer.byteLength(dataText) > maxDataBytes)
  )
    throw new PosthornError('too_large', `${path}/data is larger than ${maxDataBytes} bytes`, [
      { path: `${path}/data`, message: 'is too large' },
    ]);
}

/** The input of the catalog's check. Throws if the data of one is too large. */
export function uncheckedEvents(inputs: readonly EventInput[]): readonly UncheckedEvent[] {
  return inputs.map((input) => {
    refuseLarge(input);
    const { event, tenant, dataText: text, path } = input;
    return { tenant, type: event.type, data: event.data, text, path };
  });
}

/** Builds the events of one request, all or none: rejects with the `PosthornError` of the first that cannot be accepted. */
export function eventMaker(
  clock: Clock,
  random: Random,
  catalog: Pick<Catalog, 'check'>,
): (inputs: readonly EventInput[]) => Promise<NewEvent[]> {
  let pool = random.bytes(0);
  let used = 0;
  let current = 0;
  let left = 0;
  // 14 bytes per id, drawn many at a time.
  const draw = (): Uint8Array => {
    if (used + 14 > pool.length) {
      pool = random.bytes(14 * 256);
      used = 0;
    }
    used += 14;
    return pool.subarray(used - 14, used);
  };
  const nextShard = (): number => {
    if (left-- === 0) {
      left = runLength - 1;
      current = draw()[0]! % shardCount;
    }
    return current;
  };
  const newIdentity = (
    tenant: string,
    key: string | undefined,
  ): Pick<NewEvent, 'id' | 'callerId' | 'shard'> => {
    const shard = key === undefined ? nextShard() : hashShard(tenant, key);
    return { id: newEventId(clock.now(), draw(), shard), callerId: false, shard };
  };
  const make = ({ event, tenant, dataText, fallbackId }: EventInput, extracted: Value | null): NewEvent => {
    const { type, ordering_key: key, routing_keys: routing = [], occurred_at: occurredAt, value } = event;
    const callersId = event.id ?? fallbackId;
    return makeEvent({
      ...(callersId === undefined ? newIdentity(tenant, key) : { id: callersId, callerId: true }),
      tenant,
      type,
      data: dataText,
      orderingKey: key ?? null,
      ...(routing.length === 0 ? {} : { routingKeys: [...new Set(routing)].toSorted() }),
      occurredAt: occurredAt === undefined ? null : Date.parse(occurredAt),
      value:
        value === undefined
          ? extracted
          : { amountMinor: BigInt(value.amount_minor), currency: value.currency.toUpperCase() },
    });
  };
  return async (inputs) => {
    const values = await catalog.check(uncheckedEvents(inputs));
    if (left < inputs.length && inputs.length <= runLength) left = 0;
    return inputs.map((input, index) => make(input, values[index]!));
  };
}
