import type { Answer } from '../../contract/table.ts';
import type { Caller } from '../../domain/caller.ts';
import { type Call, type Handlers, Reply } from '../handler.ts';
import type { Item, Topic } from './hub.ts';

export type Message = Answer<'stream.open'>;
/** The operations whose answers are watched, each confined to its caller. */
export type WatchedCalls = Pick<
  Handlers,
  'now.get' | 'alerts.list' | 'endpoints.get' | 'deliveries.get' | 'redrives.get'
>;

/** Alerts that are compared: unresolved ones come first. */
const maxAlerts = 1000;

const callBy = (caller: Caller): Call => ({
  caller,
  from: null,
  requestId: null,
  trace: null,
  text: null,
  idempotencyKey: null,
  acceptsLines: false,
  credential: () => null,
});

/** Callers with the same value see the same. */
const scopeKey = ({ tenant, endpointIds, can, payloads }: Caller): string =>
  JSON.stringify([tenant, endpointIds, can, payloads]);

function itemFrom<T>(key: string, data: T, message: (data: T, id: string) => Message): Item<Message> {
  return { key, text: JSON.stringify(data), isCurrent: true, message: (id) => message(data, id) };
}

/** A topic is the answer of an operation, as this caller gets it (G9). */
export function topicFor(name: string, caller: Caller, calls: WatchedCalls): Topic<Message> {
  const call = callBy(caller);
  const [kind, id] = splitTopic(name);
  const request = { params: { id }, query: {}, body: undefined };
  const reads: Record<string, () => Promise<readonly Item<Message>[]>> = {
    now: async () => {
      const query = { last: '24h' } as const;
      const now = unwrapReply(await calls['now.get']({ params: undefined, query, body: undefined }, call));
      return itemsOfNow(now);
    },
    alerts: async () => {
      const query = { limit: maxAlerts, order: 'desc' } as const;
      const { items } = unwrapReply(
        await calls['alerts.list']({ params: undefined, query, body: undefined }, call),
      );
      return items.map((alert) => ({
        ...itemFrom(alert.id, alert, (data, at) => ({ event: 'alert', id: at, data })),
        isCurrent: alert.state !== 'resolved',
      }));
    },
    endpoint: async () => {
      const endpoint = unwrapReply(await calls['endpoints.get'](request, call));
      return [itemFrom('', endpoint, (data, at) => ({ event: 'endpoint', id: at, data }))];
    },
    delivery: async () => {
      const delivery = unwrapReply(await calls['deliveries.get']({ ...request, query: undefined }, call));
      return [itemFrom('', delivery, (data, at) => ({ event: 'delivery', id: at, data }))];
    },
    redrive: async () => {
      const redrive = unwrapReply(await calls['redrives.get']({ ...request, query: undefined }, call));
      return [itemFrom('', redrive, (data, at) => ({ event: 'redrive', id: at, data }))];
    },
  };
  return { key: `${name} ${scopeKey(caller)}`, read: reads[kind]! };
}

/** The overview, without the time at which it was computed, and the last check of the ledger. */
function itemsOfNow(now: Answer<'now.get'>): Item<Message>[] {
  const { reconciled } = now;
  const overview = itemFrom('now', now, (data, at) => ({ event: 'now', id: at, data }));
  return [
    { ...overview, text: JSON.stringify({ ...now, at: null }) },
    ...(reconciled === null
      ? []
      : [itemFrom('reconciled', reconciled, (data, at) => ({ event: 'reconciled', id: at, data }))]),
  ];
}

function splitTopic(name: string): readonly [kind: string, id: string] {
  const at = name.indexOf(':');
  return at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)];
}

/** These operations answer documents, not text. */
function unwrapReply<T>(result: T | Reply<T>): T {
  if (result instanceof Reply) throw new Error('this answer is text, so it cannot be watched');
  return result;
}
