import { z } from 'zod';
import type { Answer } from '../contract/table.ts';
import { formerStateFrom } from '../domain/imported.ts';
import { missing, unsupported } from './errors.ts';
import { endpointOut } from './endpoint-fields.ts';
import { endpointPlace } from './endpoints.ts';
import { attemptId, parseAttemptId } from './ids.ts';
import { forward, listAnswer, listText, readPage, windowFrom } from './lists.ts';
import { eventIn, messageOf } from './messages.ts';
import type { Context, Route } from './request.ts';

// Attempts, and the state of messages at endpoints.

const statuses = {
  success: { status: 0, statusText: 'success' },
  fail: { status: 2, statusText: 'fail' },
  sending: { status: 3, statusText: 'sending' },
  canceled: { status: 4, statusText: 'canceled' },
} as const;

type Status = (typeof statuses)[keyof typeof statuses];
type Ended = Pick<Answer<'deliveries.list'>['items'][number], 'state' | 'reason'>;
type State = Ended['state'];

const formerStatuses = {
  delivered: statuses.success,
  failed: statuses.fail,
  pending: statuses.sending,
} as const;

/**
 * The status of a delivery; what was imported has the one that it had at the former sender. Clients that ask for expanded statuses
 * know `canceled`; others fail on it.
 */
function statusFrom({ state, reason }: Ended, { query }: Context): Status {
  const former = formerStateFrom(reason);
  if (former !== undefined) return formerStatuses[former];
  switch (state) {
    case 'delivered':
      return statuses.success;
    case 'pending':
      return statuses.sending;
    case 'cancelled':
      return query.flag('expanded_statuses') ? statuses.canceled : statuses.fail;
    case 'dead':
    case 'suppressed':
      return statuses.fail;
  }
}

const status = z.coerce.number().int().min(0).max(4).optional();
export const statusCodeClass = z.coerce
  .number()
  .int()
  .refine((value) => [0, 100, 200, 300, 400, 500].includes(value), 'must be 0, 100, 200, 300, 400 or 500');

/** 0: without an answer. */
export const statusClassFrom = (code: number): string => (code === 0 ? 'none' : `${code / 100}xx`);

/** The states of deliveries with a status. */
export function statesFrom(value: number): readonly State[] {
  if (value === 0) return ['delivered'];
  if (value === 1 || value === 3) return ['pending'];
  return value === 2 ? ['dead', 'suppressed'] : ['cancelled'];
}

type ListedAttempt = Answer<'attempts.list'>['items'][number];
type Attempt = Omit<ListedAttempt, 'event_type' | 'tenant'>;

const attemptStatus = ({ error_class: failure }: Pick<Attempt, 'error_class'>): Status =>
  failure === null ? statuses.success : statuses.fail;

function attemptHead(attempt: Attempt, url: string, withContent: boolean): object {
  return {
    id: attemptId(attempt.delivery_id, attempt.n),
    msgId: attempt.event_id,
    endpointId: attempt.endpoint_id,
    url,
    response: withContent ? (attempt.response_excerpt ?? '') : '',
    responseStatusCode: attempt.status_code ?? 0,
    responseDurationMs: Math.round(attempt.duration_ms),
    ...attemptStatus(attempt),
    triggerType: attempt.trigger === 'schedule' ? 0 : 1,
    timestamp: attempt.started_at,
  };
}

/** URLs of endpoints by their ids; a deleted endpoint has none. */
async function urlsOf(
  { own }: Context,
  tenant: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const all = [...new Set(ids)];
  for (let at = 0; at < all.length; at += 50) {
    const query = { tenant, endpoint_id: all.slice(at, at + 50), limit: 50 };
    for (const { id, url } of (await own('endpoints.list', { query })).items) found.set(id, url);
  }
  return found;
}

/** The filter by a channel of the messages. */
function channelFrom({ query }: Context): { readonly routing_key?: readonly string[] } {
  const channel = query.one('channel');
  return channel === undefined ? {} : { routing_key: [channel] };
}

/** A list of attempts, of one endpoint or of one message. */
async function listAttempts(
  context: Context,
  tenant: string,
  of: { readonly endpoint_id?: string; readonly event_id?: string },
): Promise<{ status: number; body: string }> {
  const { query } = context;
  query.refuse(['tag'], 'list by event type or channel');
  const asked = query.parse(status, 'status');
  // An attempt that has a record has ended: it succeeded or failed.
  if (asked !== undefined && asked !== 0 && asked !== 2)
    return { status: 200, body: listText([], forward(null)) };
  const codes = query.parse(statusCodeClass.optional(), 'status_code_class');
  const types = query.list('event_types');
  const filter = {
    tenant,
    ...of,
    ...windowFrom(context),
    // What came after its time succeeded or failed as well: it is left out below.
    ...(asked === undefined
      ? {}
      : { outcome: [...(asked === 0 ? ['delivered'] : ['retry', 'dead']), 'superseded'] }),
    ...(codes === undefined ? {} : { status_class: statusClassFrom(codes) }),
    ...(types === undefined ? {} : { event_type: types }),
    ...channelFrom(context),
  };
  const found = await readPage(
    context,
    'desc',
    (part) => context.own('attempts.list', { query: { ...filter, ...part } }),
    ({ delivery_id: id, n }) => attemptId(id, n),
  );
  const urls = await urlsOf(
    context,
    tenant,
    found.items.map(({ endpoint_id: id }) => id),
  );
  const [withContent, withMessage] = [query.flag('with_content', true), query.flag('with_msg')];
  const items: string[] = [];
  for (const attempt of found.items) {
    if (asked !== undefined && attemptStatus(attempt).status !== asked) continue;
    const head = JSON.stringify(attemptHead(attempt, urls.get(attempt.endpoint_id) ?? '', withContent));
    items.push(
      withMessage
        ? `${head.slice(0, -1)},"msg":${await messageOf(context, tenant, attempt.event_id, withContent)}}`
        : head,
    );
  }
  return { status: 200, body: listText(items, found) };
}

/** One attempt of the path's message. */
async function oneAttempt(context: Context): Promise<object> {
  const { event, tenant } = await eventIn(context);
  const parsed = parseAttemptId(context.params['attempt']!);
  const delivery = event.deliveries.find(({ id }) => id === parsed?.delivery);
  if (parsed === null || delivery === undefined) throw missing();
  const { attempts } = await context.own('deliveries.get', { params: { id: delivery.id } });
  const attempt = attempts.find(({ n }) => n === parsed.n);
  if (attempt === undefined) throw missing();
  const { id, event_id, endpoint_id } = delivery;
  const urls = await urlsOf(context, tenant, [endpoint_id]);
  const whole = { ...attempt, delivery_id: id, event_id, endpoint_id };
  return attemptHead(whole, urls.get(endpoint_id) ?? '', context.query.flag('with_content', true));
}

/** The messages that an endpoint got, newest first. */
async function attemptedMessages(context: Context): Promise<{ status: number; body: string }> {
  const { query } = context;
  query.refuse(['tag'], 'list by event type or channel');
  const { tenant, params } = await endpointPlace(context);
  const given = query.parse(status, 'status');
  // Whether it is pending or being sent is not told apart.
  const asked = given === 1 ? statuses.sending.status : given;
  // Cancelled ones have the status that the client knows, or that the former sender said: those with another one are left out below.
  const states = asked === undefined ? undefined : [...new Set<State>([...statesFrom(asked), 'cancelled'])];
  const types = query.list('event_types');
  const filter = {
    tenant,
    endpoint_id: params.id,
    ...windowFrom(context),
    ...(states === undefined ? {} : { state: states }),
    ...(types === undefined ? {} : { event_type: types }),
    ...channelFrom(context),
  };
  const page = await readPage(
    context,
    'desc',
    (part) => context.own('deliveries.list', { query: { ...filter, ...part } }),
    ({ id }) => id,
  );
  const items: string[] = [];
  for (const delivery of page.items) {
    const shown = statusFrom(delivery, context);
    if (asked !== undefined && shown.status !== asked) continue;
    const { event_id: id, due_at: due } = delivery;
    const message = await messageOf(context, tenant, id, query.flag('with_content', true));
    const more = JSON.stringify({ ...shown, ...(due === null ? {} : { nextAttempt: due }) });
    items.push(`${message.slice(0, -1)},${more.slice(1)}`);
  }
  return { status: 200, body: listText(items, page) };
}

/** The endpoints that a message was for; of several deliveries to one, the newest counts. */
async function destinations(context: Context): Promise<object> {
  const { event, tenant } = await eventIn(context);
  const newest = new Map(event.deliveries.toReversed().map((one) => [one.endpoint_id, one]));
  const ids = [...newest.keys()];
  const data: object[] = [];
  for (let at = 0; at < ids.length; at += 50) {
    const query = { tenant, endpoint_id: ids.slice(at, at + 50), limit: 50 };
    for (const endpoint of (await context.own('endpoints.list', { query })).items) {
      const delivery = newest.get(endpoint.id)!;
      const { due_at: due } = delivery;
      const { metadata: _, ...shown } = endpointOut(endpoint) as { metadata: unknown };
      const next = due === null ? {} : { nextAttempt: due };
      data.push({ ...shown, ...statusFrom(delivery, context), ...next });
    }
  }
  return listAnswer(data, forward(null));
}

/**
 * Sends a message to an endpoint again: an undelivered one is made pending again, a delivered or imported one gets a new delivery,
 * under the same id.
 */
async function resend(context: Context): Promise<{ status: number; body: object }> {
  const { event, tenant } = await eventIn(context);
  const { params } = await endpointPlace(context);
  const last = event.deliveries.find(({ endpoint_id: id }) => id === params.id);
  if (last === undefined || last.state === 'delivered' || formerStateFrom(last.reason) !== undefined)
    await context.own('events.replay', {
      params: { id: event.id },
      query: { tenant },
      body: { endpoint_id: params.id },
    });
  else await context.own('deliveries.redrive', { params: { id: last.id } });
  return { status: 202, body: {} };
}

export const attemptRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'app/{app}/attempt/endpoint/{endpoint}',
    scope: 'read',
    handle: async (context) => {
      const { tenant, params } = await endpointPlace(context);
      return await listAttempts(context, tenant, { endpoint_id: params.id });
    },
  },
  {
    method: 'GET',
    path: 'app/{app}/attempt/msg/{message}',
    scope: 'read',
    handle: async (context) => {
      const { tenant, event } = await eventIn(context);
      const endpoint = context.query.one('endpoint_id');
      const of = endpoint === undefined ? {} : { endpoint_id: endpoint };
      return await listAttempts(context, tenant, { event_id: event.id, ...of });
    },
  },
  {
    method: 'GET',
    path: 'app/{app}/endpoint/{endpoint}/msg',
    scope: 'read',
    handle: attemptedMessages,
  },
  {
    method: 'GET',
    path: 'app/{app}/msg/{message}/endpoint',
    scope: 'read',
    handle: async (context) => ({ status: 200, body: await destinations(context) }),
  },
  {
    method: 'GET',
    path: 'app/{app}/msg/{message}/attempt/{attempt}',
    scope: 'read',
    handle: async (context) => ({ status: 200, body: await oneAttempt(context) }),
  },
  {
    method: 'DELETE',
    path: 'app/{app}/msg/{message}/attempt/{attempt}/content',
    scope: 'operate',
    handle: async (context) => {
      await oneAttempt(context);
      throw unsupported(
        'path',
        'attempt',
        'the answer of one attempt is not deleted by itself. DELETE /api/v1/app/{app_id}/msg/{msg_id}/content deletes the payload and all answers of the message',
      );
    },
  },
  {
    method: 'POST',
    path: 'app/{app}/msg/{message}/endpoint/{endpoint}/resend',
    scope: 'operate',
    handle: resend,
  },
];
