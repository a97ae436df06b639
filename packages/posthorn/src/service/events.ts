import type { Answer } from '../contract/table.ts';
import { EventConflictError, notFound, PosthornError } from '../domain/errors.ts';
import type { EventRecord, Receipt } from '../domain/event.ts';
import { deliveryId } from '../domain/ids.ts';
import { defaultTenant } from '../domain/tenant.ts';
import type { TraceContext } from '../domain/trace.ts';
import { iso, isoOrNull } from '../domain/time.ts';
import type { DataDeletion } from '../store/store.ts';
import { auditEntry } from './audit.ts';
import { wireDelivery } from './deliveries.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { type Handlers, type Of, Reply } from './handler.ts';
import { endpointIdsFrom, findEndpoint } from './endpoint-ref.ts';
import { eventConflict } from './errors.ts';
import { idempotencyConflict } from './idempotency.ts';
import { DataText } from './event-body.ts';
import { type EventInput, eventMaker, jsonText } from './new-event.ts';
import { pageRead } from './paging.ts';
import type { Admission } from './tenant-gate.ts';
import { shownData } from './payloads.ts';
import { payloadLooks } from './payload-looks.ts';
import { rawBatchData, rawData } from './raw-json.ts';
import { wireValue } from './wire.ts';

/** For an event with more deliveries, the newest ones. */
const deliveriesShown = 1000;

interface Publisher {
  /** Accepts events, all or none; durable when it resolves (G1). */
  publish(inputs: readonly EventInput[], trace?: TraceContext | null): Promise<readonly Receipt[]>;
}

function createPublisher({
  engine,
  clock,
  random,
  catalog,
  tenantGate,
}: Pick<ServiceDependencies, 'engine' | 'clock' | 'random' | 'catalog' | 'tenantGate'>): Publisher {
  const make = eventMaker(clock, random, catalog);
  const publish: Publisher['publish'] = async (inputs, trace = null) =>
    await engine.publish(await make(inputs), trace);
  const publishLimited = async (
    inputs: readonly EventInput[],
    trace: TraceContext | null | undefined,
    admitted: Promise<Admission>,
  ): Promise<readonly Receipt[]> => {
    const admission = await admitted;
    let receipts: readonly Receipt[] = [];
    try {
      receipts = await publish(inputs, trace);
    } finally {
      admission.ended(receipts);
    }
    return receipts;
  };
  return {
    publish: (inputs, trace) => {
      const admitted = tenantGate.admit(inputs);
      return admitted === null ? publish(inputs, trace) : publishLimited(inputs, trace, admitted);
    },
  };
}

const missing = 'event by that id and tenant';

/** Events: published one by one or in batches, read, and replayed. */
export function eventService(
  deps: ServiceDependencies,
): Handlers<Exclude<Of<'events'>, 'events.list' | 'events.import'>> {
  return {
    ...publishing(createPublisher(deps)),
    'events.get': getEvent(deps),
    'events.replay': replayEvent(deps),
    'events.deleteData': deleteData(deps),
  };
}

function publishing(publisher: Publisher): Handlers<'events.publish' | 'events.publishBatch'> {
  return {
    'events.publish': async ({ body: event }, { text, idempotencyKey, trace }) => {
      // An event without an id uses its idempotency key as the id, and remembers it: nothing else is stored for the key.
      const fallbackId = event.id === undefined && idempotencyKey !== null ? idempotencyKey : undefined;
      const { data, tenant = defaultTenant } = event;
      const dataText =
        data instanceof DataText ? data.text : text === null ? jsonText(data, '') : rawData(text)!;
      try {
        const [receipt] = await publisher.publish([{ event, tenant, dataText, path: '', fallbackId }], trace);
        const answer = wireReceipt(receipt!);
        return fallbackId !== undefined && answer.duplicate ? new Reply(answer, { replayed: true }) : answer;
      } catch (error) {
        if (!(error instanceof EventConflictError)) throw error;
        throw fallbackId === undefined ? eventConflict(error, '') : idempotencyConflict();
      }
    },

    'events.publishBatch': async ({ body: { events } }, { text, trace }) => {
      // All were left as text by the parser, or none.
      const raw = text === null || events[0]!.data instanceof DataText ? null : rawBatchData(text);
      const inputs = events.map((event, index): EventInput => {
        const path = `/events/${index}`;
        const { data, tenant = defaultTenant } = event;
        const dataText = data instanceof DataText ? data.text : (raw?.[index] ?? jsonText(data, path));
        return { event, tenant, dataText, path };
      });
      return { accepted: (await publisher.publish(inputs, trace)).map(wireReceipt) };
    },
  };
}

function getEvent(deps: ServiceDependencies): Handlers<'events.get'>['events.get'] {
  const { store } = deps;
  const looks = payloadLooks(deps);
  return async ({ params: { id }, query: { tenant = defaultTenant, endpoint_id: references } }, call) => {
    const event = await store.read.event(tenant, id);
    if (event === null) throw notFound(missing);
    const { items, next_cursor: next } = pageRead(
      await store.read.deliveries(
        {
          tenants: [tenant],
          eventIds: [id],
          ...(references === undefined
            ? {}
            : { endpointIds: await endpointIdsFrom(store.read, references, [tenant]) }),
        },
        { after: null, limit: deliveriesShown + 1 },
      ),
      deliveriesShown,
      ({ number }) => deliveryId(number),
    );
    if (references !== undefined && items.length === 0) throw notFound(missing);
    const { payloads } = call.caller;
    const head: Omit<Answer<'events.get'>, 'data' | 'payloads'> = {
      ...wireEvent(event),
      deliveries: items.map((delivery) => wireDelivery(delivery, payloads)),
      deliveries_next_cursor: next,
    };
    // The data is sent unchanged: parsing and printing it again could change its numbers.
    if (event.dataDeletedAt === null) await looks.note(call, event);
    return new Reply<Answer<'events.get'>>(
      `${JSON.stringify(head).slice(0, -1)},"payloads":"${payloads}","data":${shownData(event, payloads)}}`,
    );
  };
}

function replayEvent({
  store,
  engine,
  clock,
}: ServiceDependencies): Handlers<'events.replay'>['events.replay'] {
  return async (
    { params: { id }, query: { tenant = defaultTenant }, body: { endpoint_id: reference } },
    call,
  ) => {
    const to = reference === undefined ? null : (await findEndpoint(store.read, { reference, tenant })).id;
    const now = clock.now();
    // The store adds what it creates.
    const target = { kind: 'event', id };
    const audit = auditEntry(call, now, { action: 'events.replay', target, tenant });
    const answer = await store.write.replayEvent(tenant, id, to, now, audit);
    if (answer === 'no_event') throw notFound(missing);
    if (answer === 'no_endpoint') throw notFound('endpoint by that id in the tenant of the event');
    const { receipt, deliveries, filtered, overridden } = answer;
    const endpointIds = deliveries.map((delivery) => delivery.endpointId);
    const { throttled } = engine.status();
    await engine.clearThrottles(endpointIds.filter((one) => throttled.includes(one)));
    engine.wake(endpointIds);
    return {
      ...wireReceipt(receipt),
      delivery_ids: deliveries.map(({ number }) => deliveryId(number)),
      filtered,
      overridden: [...overridden],
    };
  };
}

/** Deliveries whose attempts one step clears. */
const clearedAtOnce = 500;

function deleteData({
  store,
  clock,
}: Pick<ServiceDependencies, 'store' | 'clock'>): Handlers<'events.deleteData'>['events.deleteData'] {
  return async ({ params: { id }, query: { tenant = defaultTenant } }, call) => {
    const now = clock.now();
    // The store adds the time.
    const audit = auditEntry(call, now, {
      action: 'events.deleteData',
      target: { kind: 'event', id },
      tenant,
    });
    for (let after: number | null = -1; after !== null;) {
      const step: DataDeletion = await store.write.deleteEventData(
        { tenant, eventId: id, after, limit: clearedAtOnce, now },
        audit,
      );
      if (step.result === 'not_found') throw notFound(missing);
      if (step.result === 'unfinished') throw new PosthornError('event_unfinished', unfinishedText(step));
      after = step.next;
    }
  };
}

function unfinishedText({
  pending,
  blocking,
}: Extract<DataDeletion, { readonly result: 'unfinished' }>): string {
  return pending > 0
    ? `The event has ${pending} pending ${pending === 1 ? 'delivery' : 'deliveries'}: wait until they have ended, or cancel them, then delete its data.`
    : `${blocking} dead ${blocking === 1 ? 'letter' : 'letters'} of the event ${blocking === 1 ? 'blocks' : 'block'} an ordering key: redrive or cancel, then delete its data.`;
}

export function wireReceipt(receipt: Receipt): Answer<'events.publish'> {
  const { id, tenant, type, acceptedAt, deliveries, suppressed, duplicate } = receipt;
  const unmatched = deliveries === 0;
  return { id, tenant, type, accepted_at: iso(acceptedAt), deliveries, suppressed, unmatched, duplicate };
}

function wireEvent({
  id,
  tenant,
  type,
  acceptedAt,
  occurredAt,
  orderingKey,
  routingKeys,
  value,
  integrity,
  dataDeletedAt,
}: EventRecord): Omit<Answer<'events.get'>, 'data' | 'payloads' | 'deliveries' | 'deliveries_next_cursor'> {
  return {
    id,
    tenant,
    type,
    accepted_at: iso(acceptedAt),
    occurred_at: isoOrNull(occurredAt),
    ordering_key: orderingKey,
    routing_keys: [...routingKeys],
    value: wireValue(value),
    integrity,
    data_deleted_at: isoOrNull(dataDeletedAt),
  };
}
