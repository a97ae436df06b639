import { z } from 'zod';
import { maxDataBytes } from '../contract/limits.ts';
import type { Answer } from '../contract/table.ts';
import { PosthornError } from '../domain/errors.ts';
import { dayMs, hourMs } from '../domain/time.ts';
import { subscribes, takesKeys } from '../domain/endpoint.ts';
import { memberText } from '../service/raw-json.ts';
import { applicationIn, ensureApplication, tenantIn, uid } from './applications.ts';
import { channels } from './endpoint-fields.ts';
import { InvalidFields, missing, Refusal, unsupported } from './errors.ts';
import { eventIdFrom, idBytes, keyedMessageId, newMessageId, tenantFrom } from './ids.ts';
import { listText, readPage, windowFrom } from './lists.ts';
import { type Context, isGiven, parseBody, type Route } from './request.ts';

// Messages are events, whose data is the payload. The id of a message is the event's: the eventId, if its sender chose one.

const messageIn = z.object({
  eventType: z
    .string()
    .max(256)
    .regex(/^[a-zA-Z0-9\-_.]+$/, 'letters, digits, - _ and .'),
  payload: z.record(z.string(), z.unknown()).optional(),
  data: z.record(z.string(), z.unknown()).optional(),
  eventId: uid.refine((text) => !text.startsWith('msg_'), 'must not begin with msg_').nullish(),
  application: applicationIn.nullish(),
  channels: channels.nullish(),
  tags: z.array(z.string()).nullish(),
  deliverAt: z.unknown().optional(),
  transformationsParams: z.unknown().optional(),
  payloadRetentionPeriod: z.int().min(5).max(90).nullish(),
  payloadRetentionHours: z.unknown().optional(),
});
type MessageIn = z.output<typeof messageIn>;

/** Refuses what Posthorn would have to ignore: a message would be delivered to others, or otherwise, or be kept longer than was meant. */
function refuseUnsupported(message: MessageIn, { deps: { retention } }: Context): void {
  const { tags, deliverAt, transformationsParams, payloadRetentionHours, payloadRetentionPeriod } = message;
  if (isGiven(tags) && tags!.length > 0) throw unsupported('body', 'tags', 'put them into the payload');
  if (isGiven(deliverAt)) throw unsupported('body', 'deliverAt', 'send the message when it is due');
  if (isGiven(transformationsParams))
    throw unsupported('body', 'transformationsParams', 'send the payload as a JSON object');
  if (isGiven(payloadRetentionHours))
    throw unsupported('body', 'payloadRetentionHours', 'retention is set for the whole server');
  const keptDays = Math.ceil(Math.max(retention.settledMs, retention.deadMs) / dayMs);
  if (isGiven(payloadRetentionPeriod) && payloadRetentionPeriod! < keptDays)
    throw new InvalidFields('body', [
      {
        path: '/payloadRetentionPeriod',
        message: `must be at least ${keptDays} days, or left out: this server keeps payloads for that long (--retention-days, --dead-retention-days)`,
      },
    ]);
}

interface Sent {
  readonly id: string;
  readonly eventType: string;
  readonly timestamp: string;
  readonly channels: readonly string[];
}

/** What a message says of its event, which is listed or read. */
const sentFrom = (event: Answer<'events.list'>['items'][number] | Event): Sent => ({
  id: event.id,
  eventType: event.type,
  timestamp: event.occurred_at ?? event.accepted_at,
  channels: event.routing_keys,
});

/** A message as text, because its payload is answered byte for byte. */
function messageText({ id, eventType, timestamp, channels: keys }: Sent, payload: string | null): string {
  const eventId = eventIdFrom(id);
  const head = JSON.stringify({
    id,
    ...(eventId === null ? {} : { eventId }),
    eventType,
    timestamp,
    channels: keys.length === 0 ? null : keys,
    tags: null,
  });
  return `${head.slice(0, -1)},"payload":${payload ?? '{}'}}`;
}

/** The tenant of a new message: an application that it brings along is made. */
async function tenantOfMessage(context: Context, { application }: MessageIn): Promise<string> {
  const reference = context.params['app']!;
  if (application === undefined || application === null)
    return (await tenantIn(context, 'Application not found')).name;
  if (application.uid !== tenantFrom(reference))
    throw new InvalidFields('body', [
      { path: '/application/uid', message: 'application_uid_mismatch: it is not the one in the path' },
    ]);
  return (await ensureApplication(context, application)).name;
}

/** How long a message answers requests with its idempotency key. */
const rememberedMs = 12 * hourMs;

/** Sends a message; its id is the sender's, or follows from the idempotency key, or is new. */
async function send(
  context: Context,
  tenant: string,
  { eventType: type, eventId, channels: given }: MessageIn,
  payload: string,
): Promise<Sent & { readonly payload: string }> {
  const { deps, call, idempotencyKey: key } = context;
  const keys = given ?? [];
  const publish = async (id: string): ReturnType<typeof send> => {
    const text = `{"data":${payload}}`;
    const body = { tenant, type, id, routing_keys: keys, data: JSON.parse(payload) as unknown };
    const receipt = await context.own('events.publish', { body, text });
    return {
      id: receipt.id,
      eventType: receipt.type,
      timestamp: receipt.accepted_at,
      channels: keys,
      payload,
    };
  };
  if (typeof eventId === 'string') return await publish(eventId);
  const fresh = (): string => newMessageId(deps.clock.now(), deps.random.bytes(idBytes));
  if (key === null) return await publish(fresh());
  const keyed = keyedMessageId(tenant, call.caller.id, key);
  try {
    return await publish(keyed);
  } catch (error) {
    if (!(error instanceof PosthornError) || error.code !== 'event_id_conflict') throw error;
    // Another body under the same key: the first message answers as long as the key is remembered.
    const text = await eventText(context, tenant, keyed);
    const first = sentFrom(JSON.parse(text) as Event);
    if (deps.clock.now() - Date.parse(first.timestamp) > rememberedMs) return await publish(fresh());
    return { ...first, payload: memberText(text, 'data') ?? payload };
  }
}

async function createMessage(context: Context): Promise<{ status: number; body: string }> {
  const message = parseBody(messageIn, context);
  refuseUnsupported(message, context);
  const payload =
    context.text === null
      ? null
      : memberText(context.text, message.payload === undefined ? 'data' : 'payload');
  if (payload === null || (message.payload ?? message.data) === undefined)
    throw new InvalidFields('body', [{ path: '/payload', message: 'is missing: a JSON object' }]);
  if (Buffer.byteLength(payload) > maxDataBytes)
    throw new Refusal(413, 'payload_too_large', `The payload is larger than ${maxDataBytes} bytes.`);
  const sent = await send(context, await tenantOfMessage(context, message), message, payload);
  return {
    status: 202,
    body: messageText(sent, context.query.flag('with_content', true) ? sent.payload : null),
  };
}

/** The event that a path's message is, as text. */
async function eventText(context: Context, tenant: string, id: string): Promise<string> {
  try {
    return await context.ownText('events.get', { params: { id }, query: { tenant } });
  } catch (error) {
    throw error instanceof PosthornError && error.code === 'not_found' ? missing() : error;
  }
}

type Event = Answer<'events.get'>;

/** The event that the path names, with its deliveries. */
export async function eventIn(context: Context): Promise<{ tenant: string; event: Event; text: string }> {
  const { name: tenant } = await tenantIn(context);
  const text = await eventText(context, tenant, context.params['message']!);
  return { tenant, event: JSON.parse(text) as Event, text };
}

/** The message of an event, with its payload as it was sent. */
export async function messageOf(
  context: Context,
  tenant: string,
  id: string,
  withContent: boolean,
): Promise<string> {
  const text = await eventText(context, tenant, id);
  return messageFromEvent(text, withContent);
}

function messageFromEvent(text: string, withContent: boolean): string {
  const event = JSON.parse(text) as Event;
  const payload = event.data === null ? '{"expired":true}' : memberText(text, 'data');
  return messageText(sentFrom(event), withContent ? payload : null);
}

async function listMessages(context: Context): Promise<{ status: number; body: string }> {
  const { query } = context;
  query.refuse(['tag'], 'list by event type or channel');
  const { name: tenant } = await tenantIn(context);
  const types = query.list('event_types');
  const channel = query.one('channel');
  const filter = {
    tenant,
    ...windowFrom(context),
    ...(types === undefined ? {} : { type: types }),
    ...(channel === undefined ? {} : { routing_key: [channel] }),
  };
  const page = await readPage(
    context,
    'desc',
    (part) => context.own('events.list', { query: { ...filter, ...part } }),
    ({ id }) => id,
  );
  const withContent = query.flag('with_content', true);
  const items: string[] = [];
  for (const event of page.items)
    items.push(
      withContent ? await messageOf(context, tenant, event.id, true) : messageText(sentFrom(event), null),
    );
  return { status: 200, body: listText(items, page) };
}

const precheck = z.object({
  eventType: z.string().min(1).max(256),
  channels: channels.nullish(),
});

/** Whether any enabled endpoint of the application gets messages of a type and these channels. */
async function isActive(context: Context): Promise<boolean> {
  const { eventType, channels: given } = parseBody(precheck, context);
  const keys = given ?? [];
  const { name: tenant } = await tenantIn(context);
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page: Answer<'endpoints.list'> = await context.own('endpoints.list', {
      query: { tenant, limit: 1000, ...(cursor === undefined ? {} : { cursor }) },
    });
    const gets = ({ event_types: types, routing_keys: routingKeys }: (typeof page.items)[number]): boolean =>
      subscribes(types, eventType) && takesKeys({ routingKeys }, keys);
    if (page.items.some((endpoint) => endpoint.enabled && gets(endpoint))) return true;
    cursor = page.next_cursor;
  }
  return false;
}

/** Deletes the payload of a message, and what its receivers answered; false: there is no such message. */
async function expunge({ own }: Context, tenant: string, id: string): Promise<boolean> {
  try {
    await own('events.deleteData', { params: { id }, query: { tenant } });
    return true;
  } catch (error) {
    if (error instanceof PosthornError && error.code === 'not_found') return false;
    throw error;
  }
}

const severalMessages = z.object({ ids: z.array(z.string().min(1).max(256)).min(1).max(100) });

/** Ends at the first message that is still being delivered: the ones before it are expunged, and may be named again. */
async function expungeSeveral(context: Context): Promise<{ status: number; body: object }> {
  const { ids } = parseBody(severalMessages, context);
  const { name: tenant } = await tenantIn(context);
  const results: Record<string, string> = {};
  for (const id of ids) results[id] = (await expunge(context, tenant, id)) ? 'expunged' : 'not-found';
  return { status: 200, body: { results } };
}

export const messageRoutes: readonly Route[] = [
  { method: 'POST', path: 'app/{app}/msg', scope: 'publish', anyText: true, handle: createMessage },
  { method: 'GET', path: 'app/{app}/msg', scope: 'read', handle: listMessages },
  {
    method: 'POST',
    path: 'app/{app}/msg/precheck/active',
    scope: 'publish',
    handle: async (context) => ({ status: 200, body: { active: await isActive(context) } }),
  },
  {
    method: 'GET',
    path: 'app/{app}/msg/{message}',
    scope: 'read',
    handle: async (context) => {
      const { text } = await eventIn(context);
      return { status: 200, body: messageFromEvent(text, context.query.flag('with_content', true)) };
    },
  },
  {
    method: 'DELETE',
    path: 'app/{app}/msg/{message}/content',
    scope: 'operate',
    handle: async (context) => {
      const { name: tenant } = await tenantIn(context);
      if (!(await expunge(context, tenant, context.params['message']!))) throw missing();
      return { status: 204 };
    },
  },
  {
    method: 'POST',
    path: 'app/{app}/msg/bulk-expunge',
    scope: 'operate',
    handle: expungeSeveral,
  },
];
