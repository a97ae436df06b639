import type { Answer } from '../contract/table.ts';
import { dataDeletedMessage } from '../domain/attempt.ts';
import type { AuditEntry } from '../domain/audit-entry.ts';
import type { PayloadAccess } from '../domain/caller.ts';
import { notFound, PosthornError } from '../domain/errors.ts';
import { deliveryId, parseDeliveryId } from '../domain/ids.ts';
import { iso, isoOrNull } from '../domain/time.ts';
import type { CommandAnswer, DeliveryDetails, DeliveryRecord, FoundDelivery } from '../store/store.ts';
import { auditEntry } from './audit.ts';
import { searchBounded, searchedPage } from './bounded-search.ts';
import { searchFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Call, Handlers, Of } from './handler.ts';
import { nextAttempts, waitingFor, wireAttempt } from './delivery-details.ts';
import { shownMessage } from './payloads.ts';
import { wireValue } from './wire.ts';
import { decodeCursor, invalidCursor } from './paging.ts';

/** The last ones. */
const redrivesShown = 50;

const missing = (): PosthornError => notFound('delivery by that id');

type DeliveryDependencies = Pick<ServiceDependencies, 'store' | 'engine' | 'clock'>;

/** Deliveries: listed, read with their attempts, redriven and cancelled one by one. */
export function deliveryService(
  deps: DeliveryDependencies,
): Handlers<Exclude<Of<'deliveries'>, 'deliveries.request'>> {
  return { ...deliveryReads(deps), ...deliveryCommands(deps) };
}

function deliveryReads({
  store,
  clock,
}: DeliveryDependencies): Handlers<'deliveries.list' | 'deliveries.get'> {
  return {
    'deliveries.list': async ({ query: { limit, cursor, order, include = [], ...query } }, { caller }) => {
      const last = decodeCursor(cursor);
      const after = last === null ? null : parseDeliveryId(last);
      if (last !== null && after === null) throw invalidCursor();
      const now = clock.now();
      const search = await searchFrom(store.read, query, now);
      const within = await store.read.deliveriesWithin(search);
      // One more than the page, to know whether there are more.
      const found = await searchBounded(clock, { after, limit: limit + 1 }, async (page) => {
        const { numbers, ...step } = await store.read.searchDeliveries(search, { ...page, order, within });
        return { ...step, items: await store.read.foundDeliveries(numbers) };
      });
      const items = found.items.map((one) => wireListed(one, { include, now, payloads: caller.payloads }));
      return searchedPage(items, limit, found, {
        cursorOf: ({ id }) => id,
        timeOf: ({ created_at: at }) => at,
        cursorAt: deliveryId,
      });
    },

    'deliveries.get': async ({ params: { id } }, { caller: { payloads } }) => {
      const number = parseDeliveryId(id);
      const delivery = number === null ? null : await store.read.deliveryDetails(number);
      if (delivery === null) throw missing();
      return await readDetails(store.read, delivery, { payloads, now: clock.now() });
    },
  };
}

/** Returns a delivery with its attempts, its receiver's state and its redrives. */
async function readDetails(
  read: ServiceDependencies['store']['read'],
  delivery: DeliveryDetails,
  { payloads, now }: { readonly payloads: PayloadAccess; readonly now: number },
): Promise<Answer<'deliveries.get'>> {
  const { number, endpointId, claim, claimedBy, dueAt } = delivery;
  const [attempts, endpoint, [health], redrives] = await Promise.all([
    read.attempts(number),
    read.endpoint(endpointId),
    read.receiverHealth([endpointId], now),
    read.auditLog(
      { action: 'deliveries.redrive', targetKind: 'delivery', targetId: deliveryId(number) },
      { after: null, limit: redrivesShown },
    ),
  ]);
  const receiver = { endpoint, health: health ?? { openSince: null, throttledUntil: null } };
  return {
    ...wireDelivery(delivery, payloads),
    ...timeliness(delivery, now),
    value: wireValue(delivery.event.value),
    event: wireEvent(delivery),
    endpoint: wireEndpoint(delivery),
    claims: claim,
    claim: claimedBy === null ? null : { n: claim, node: claimedBy, lease_until: iso(dueAt!) },
    waiting_for: waitingFor(delivery, receiver),
    next_attempts: nextAttempts(delivery, receiver, now),
    redrives: redrives.map(({ document: { at, actor } }) => ({ at, by: actor.name })).toReversed(),
    attempts: attempts.map((attempt) => wireAttempt(attempt, payloads)),
  };
}

function deliveryCommands({
  store,
  engine,
  clock,
}: DeliveryDependencies): Handlers<'deliveries.redrive' | 'deliveries.cancel'> {
  const find = async (id: string): Promise<DeliveryRecord> => {
    const number = parseDeliveryId(id);
    const delivery = number === null ? null : await store.read.delivery(number);
    if (delivery === null) throw missing();
    return delivery;
  };

  /**
   * Runs a command on a delivery, and shows the delivery as the store has left it: a read after the commit could fail,
   * and claim that nothing was stored (G5). `refusal`: what applies instead.
   */
  const command = async (
    id: string,
    { call, action }: { readonly call: Call; readonly action: 'deliveries.redrive' | 'deliveries.cancel' },
    run: (number: number, now: number, audit: AuditEntry) => Promise<CommandAnswer>,
    refusal: string,
  ): Promise<DeliveryRecord> => {
    const { number, tenant } = await find(id);
    const now = clock.now();
    const target = { kind: 'delivery', id: deliveryId(number) };
    // The store adds what it changes.
    const { result, delivery } = await run(number, now, auditEntry(call, now, { action, target, tenant }));
    if (result === 'not_found') throw missing();
    if (result === 'endpoint_deleted')
      throw new PosthornError(
        'endpoint_deleted',
        `The endpoint of this delivery was deleted, so the delivery stays ${delivery.state}. To send the event elsewhere, replay it to another endpoint.`,
      );
    if (result === 'data_deleted') throw new PosthornError('event_data_deleted', dataDeletedMessage);
    if (result === 'refused')
      throw new PosthornError('wrong_state', `The delivery is ${delivery.state}: ${refusal}`);
    return delivery;
  };

  return {
    'deliveries.redrive': async ({ params: { id } }, call) => {
      const delivery = await command(
        id,
        { call, action: 'deliveries.redrive' },
        (number, now, audit) => store.write.redriveDelivery(number, now, audit),
        'replay its event to send it again.',
      );
      // The operator wants it now: the receiver's Retry-After throttle ends.
      await engine.clearThrottles([delivery.endpointId]);
      engine.wake([delivery.endpointId]);
      return wireDelivery(delivery, call.caller.payloads);
    },

    'deliveries.cancel': async ({ params: { id }, body: { reason } }, call) => {
      const delivery = await command(
        id,
        { call, action: 'deliveries.cancel' },
        (number, now, audit) => store.write.cancelDelivery(number, reason, now, audit),
        'only a pending or suppressed delivery, or a dead letter that blocks its ordering key, can be cancelled.',
      );
      engine.wake([delivery.endpointId]);
      return wireDelivery(delivery, call.caller.payloads);
    },
  };
}

type WireDelivery = Answer<'deliveries.redrive'>;

export function wireDelivery(d: DeliveryRecord, payloads: PayloadAccess): WireDelivery {
  return {
    id: deliveryId(d.number),
    event_id: d.eventId,
    event_type: d.eventType,
    tenant: d.tenant,
    endpoint_id: d.endpointId,
    state: d.state,
    attempt_count: d.attempts,
    due_at: isoOrNull(d.dueAt),
    created_at: iso(d.createdAt),
    settled_at: isoOrNull(d.settledAt),
    reason: d.reason,
    last_error:
      d.lastErrorClass === null
        ? null
        : {
            class: d.lastErrorClass,
            status_code: d.lastStatusCode,
            message: shownMessage(d.lastMessage, payloads),
          },
    blocked_by: d.blockedBy === null ? null : deliveryId(d.blockedBy),
  };
}

/** The deadline, and whether it has passed. */
function timeliness(
  { state, createdAt, settledAt, endpoint: { deliverWithinMs } }: FoundDelivery,
  now: number,
): { readonly deadline_at: string; readonly late: boolean } {
  const deadline = createdAt + deliverWithinMs;
  const until = state === 'pending' ? now : state === 'delivered' ? settledAt! : deadline;
  return { deadline_at: iso(deadline), late: until > deadline };
}

type Listed = Answer<'deliveries.list'>['items'][number];

function wireListed(
  found: FoundDelivery,
  {
    include,
    now,
    payloads,
  }: {
    readonly include: readonly ('event' | 'endpoint')[];
    readonly now: number;
    readonly payloads: PayloadAccess;
  },
): Listed {
  return {
    ...wireDelivery(found, payloads),
    ...timeliness(found, now),
    ...(include.includes('event') ? { event: wireEvent(found) } : {}),
    ...(include.includes('endpoint') ? { endpoint: wireEndpoint(found) } : {}),
  };
}

function wireEvent({ event }: FoundDelivery): NonNullable<Listed['event']> {
  const { acceptedAt, occurredAt, orderingKey, value, dataDeletedAt } = event;
  return {
    accepted_at: iso(acceptedAt),
    occurred_at: isoOrNull(occurredAt),
    ordering_key: orderingKey,
    value: wireValue(value),
    data_deleted_at: isoOrNull(dataDeletedAt),
  };
}

function wireEndpoint({ endpoint }: FoundDelivery): NonNullable<Listed['endpoint']> {
  const { name, url, owner, enabled, deleted } = endpoint;
  return { name, host: new URL(url).host, owner, enabled, deleted };
}
