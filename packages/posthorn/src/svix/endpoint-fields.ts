import { z } from 'zod';
import { maxRoutingKeys, routingKey } from '../contract/fields.ts';
import type { Answer } from '../contract/table.ts';
import { uid } from './applications.ts';
import { InvalidFields } from './errors.ts';

// Endpoints in this API's words.

const rate = z.int().min(1).max(65_535).nullish();
const types = z.array(z.string().min(1).max(256)).max(100).nullish();

/** An empty list means all, as for types. */
export const channels = z.array(routingKey).max(maxRoutingKeys);

const fields = {
  url: z.string().min(1).max(2048),
  description: z.string().max(1024).nullish(),
  eventTypes: types,
  filterTypes: types,
  channels: channels.nullish(),
  disabled: z.boolean().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  uid: uid.refine((text) => !text.startsWith('ep_'), 'must not begin with ep_').nullish(),
  throttleRate: rate,
  rateLimit: rate,
  version: z.int().min(1).nullish(),
};

export const secretIn = z
  .string()
  .regex(/^(whsec_)?[a-zA-Z0-9+/=]{32,100}$/, 'must be whsec_ and base64 of 24 to 75 bytes');

export const endpointUpdate = z.object(fields);
export const endpointIn = z.object({
  ...fields,
  secret: secretIn.nullish(),
  headers: z.record(z.string(), z.string()).nullish(),
});
export const endpointPatch = endpointIn.partial();

/** Secrets may come without their prefix. */
export const prefixedSecret = (secret: string): string =>
  secret.startsWith('whsec_') ? secret : `whsec_${secret}`;

type EndpointFields = z.output<typeof endpointPatch>;

/** Both spellings of a list of types; an empty one means all, as web clients send it. */
function typesFrom({ eventTypes, filterTypes }: EndpointFields): readonly string[] | null | undefined {
  const given = eventTypes === undefined ? filterTypes : eventTypes;
  if (given === undefined || given === null) return given;
  return given.length === 0 ? null : given;
}

const newer = <T>(fresh: T | undefined, former: T | undefined): T | undefined =>
  fresh === undefined ? former : fresh;

/** The fields of Posthorn's own endpoint that these say; a field that is not given is left out. */
export function ownFields(given: EndpointFields): Record<string, unknown> {
  const eventTypes = typesFrom(given);
  if (eventTypes?.some((type) => type === '*') === true)
    throw new InvalidFields('body', [{ path: '/eventTypes', message: 'leave it out to receive all types' }]);
  const throttle = newer(given.throttleRate, given.rateLimit);
  const own = {
    url: given.url,
    description: given.description,
    event_types: eventTypes === null ? ['*'] : eventTypes,
    routing_keys: given.channels?.length === 0 ? null : given.channels,
    enabled: given.disabled === undefined || given.disabled === null ? undefined : !given.disabled,
    metadata: given.metadata === null ? {} : given.metadata,
    name: given.uid,
    rate_limit_per_s: throttle,
    headers: given.headers === null ? undefined : given.headers,
    secret: given.secret === undefined || given.secret === null ? undefined : prefixedSecret(given.secret),
  };
  return Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
}

/** What a new endpoint has whatever its fields say: receivers get what they got before. */
export const wireCompatible = { body: 'data', header_prefixes: ['svix', 'webhook'] } as const;

/** What PUT resets if it is not given; the uid stays. */
export const usualFields = {
  description: '',
  eventTypes: null,
  channels: null,
  disabled: false,
  metadata: {},
  throttleRate: null,
} as const;

export function endpointOut(endpoint: Answer<'endpoints.get'>): object {
  const { id, name, url, description, metadata, created_at: createdAt, updated_at: updatedAt } = endpoint;
  const all = endpoint.event_types.includes('*');
  const eventTypes = all ? null : endpoint.event_types;
  const throttleRate =
    endpoint.rate_limit_per_s === null ? null : Math.min(65_535, Math.ceil(endpoint.rate_limit_per_s));
  return {
    id,
    ...(name === null ? {} : { uid: name }),
    url,
    description: description ?? '',
    metadata,
    createdAt,
    updatedAt,
    disabled: !endpoint.enabled,
    eventTypes,
    filterTypes: eventTypes,
    channels: endpoint.routing_keys,
    throttleRate,
    rateLimit: throttleRate,
    version: 1,
  };
}
