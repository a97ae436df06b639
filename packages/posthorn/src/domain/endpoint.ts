import type { OnDead } from './ordering.ts';
import type { Filter } from './filter.ts';
import type { ReachSettings } from './reach.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { Transformation } from './transformation.ts';
import type { EndpointSigningKey, SignatureKind } from './signing-keys.ts';
import { standardTemplate, type Template, type TemplateField, templateFields } from './template.ts';

export interface EndpointSecret {
  /** `whsec_…`, sealed. */
  readonly secret: string;
  /** Until when it still signs beside its successor; null for the current one. */
  readonly expiresAt: number | null;
}

/** What a channel's endpoint keeps sealed until a request is made. */
export interface SealedReceiver {
  /** The whole URL. The endpoint's own is its origin, with a mark that changes when the whole one does. */
  readonly url: string;
  /** Members that are put into the body, a JSON object: PagerDuty's routing key. */
  readonly members: Readonly<Record<string, string>>;
}

export interface Endpoint extends Partial<ReachSettings> {
  readonly id: string;
  readonly tenant: string;
  /** The caller's own, unique in its tenant among endpoints that are not deleted; null: none. Never looks like an id. */
  readonly name: string | null;
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string | null;
  readonly owner: string | null;
  readonly template: string | null;
  /** The template's version that it follows; null without one. */
  readonly templateVersion: number | null;
  /** What it says for itself, whatever its template says. */
  readonly own: readonly TemplateField[];
  readonly secrets: readonly EndpointSecret[];
  readonly signatures: readonly SignatureKind[];
  /** None until `v1a` is first asked for; the current one first. */
  readonly signingKeys: readonly EndpointSigningKey[];
  /** `data`: the event's data is the whole body, byte for byte. Posthorn's own channels are such. */
  readonly body: 'envelope' | 'data';
  /** Prefixes of the headers with id, timestamp and signature; absent: `webhook` alone. */
  readonly headerPrefixes?: readonly string[];
  /** The caller's own; Posthorn does nothing with it. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Set for a channel's endpoint. */
  readonly channel?: SealedReceiver;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Null: the limit follows what the endpoint answers (`adaptive-limit.ts`). */
  readonly maxInFlight: number | null;
  readonly rateLimitPerS: number | null;
  readonly ordering: 'none' | 'key';
  /** `block` only with the ordering `key`. */
  readonly onDead: OnDead;
  readonly filter: Filter | null;
  /** Only events that have one of these; absent or null: whatever theirs are. */
  readonly routingKeys?: readonly string[] | null;
  readonly transformation: Transformation | null;
  readonly retry: RetryPolicy;
  /** A delivery that arrives later than this after acceptance is late. */
  readonly deliverWithinMs: number;
  readonly enabled: boolean;
  /** After so long of nothing but failures it is paused; null: never. */
  readonly disableAfterMs: number | null;
  /** Why it is not enabled: an operator's pause, or one of `automaticPauses`. */
  readonly pausedReason: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/**
 * The fields that hold sealed texts: no other one is looked into for them, because what callers write into it may look like one. A
 * deleted endpoint has nothing in them.
 */
export const sealedFields = ['secrets', 'signingKeys', 'headers', 'channel', 'auth', 'tls', 'proxy'] as const;

/** An endpoint as it is made: what is not given has its default, and is as in the standard template. */
export function freshEndpoint(
  required: Pick<Endpoint, 'id' | 'tenant' | 'url' | 'createdAt'> & { readonly secret: string },
  given: Partial<Endpoint> = {},
): Endpoint {
  const { secret, ...rest } = required;
  return {
    name: null,
    eventTypes: ['*'],
    description: null,
    owner: null,
    template: null,
    templateVersion: null,
    own: [],
    signatures: ['v1'],
    signingKeys: [],
    body: 'envelope',
    metadata: {},
    headers: {},
    auth: null,
    tls: null,
    proxy: null,
    timeoutMs: standardTemplate.timeoutMs,
    maxInFlight: null,
    rateLimitPerS: null,
    ordering: 'none',
    onDead: 'skip',
    filter: null,
    transformation: null,
    retry: standardTemplate.retry,
    deliverWithinMs: standardTemplate.deliverWithinMs,
    disableAfterMs: null,
    enabled: true,
    pausedReason: null,
    updatedAt: rest.createdAt,
    ...given,
    ...rest,
    secrets: [{ secret, expiresAt: null }],
  };
}

const usualPrefixes: readonly string[] = ['webhook'];

export function headerPrefixes({ headerPrefixes: own }: Pick<Endpoint, 'headerPrefixes'>): readonly string[] {
  return own ?? usualPrefixes;
}

/** Each former secret is one more signature in every request while its grace time lasts. */
export const maxFormerSecrets = 16;

/**
 * The secrets or keys after a rotation, the new one first: the current one goes on signing for the grace time, and former ones
 * until the end that was promised for them. Null if that were too many: a promise is never cut short.
 */
export function rotated<T extends { readonly expiresAt: number | null }>(
  all: readonly T[],
  fresh: T,
  now: number,
  graceMs: number,
): readonly T[] | null {
  const former = all
    .map((old) => ({ ...old, expiresAt: old.expiresAt ?? now + graceMs }))
    .filter(({ expiresAt }) => expiresAt > now);
  return former.length > maxFormerSecrets ? null : [fresh, ...former];
}

/** Pauses of Posthorn's own: the receiver answered 410, or has only failed for too long. They end with the URL. */
export const automaticPauses = { gone: 'gone', failing: 'failing' } as const;

function isPausedByItself({ enabled, pausedReason }: Pick<Endpoint, 'enabled' | 'pausedReason'>): boolean {
  return !enabled && (pausedReason === automaticPauses.gone || pausedReason === automaticPauses.failing);
}

/** Whether what was counted of an endpoint's failures ends with a change: it begins anew, or is counted no longer. */
export function endsFailing(before: Endpoint, after: Endpoint): boolean {
  return (
    after.url !== before.url ||
    (after.enabled && !before.enabled) ||
    (after.disableAfterMs === null) !== (before.disableAfterMs === null)
  );
}

/** An endpoint after a change. What its former URL asked for ends with that URL: a pause of Posthorn's own too. */
export function changedEndpoint(before: Endpoint, change: Partial<Endpoint>): Endpoint {
  const after: Endpoint = { ...before, ...change };
  const wasPaused = isPausedByItself(before) && change.enabled === undefined;
  return wasPaused && after.url !== before.url ? { ...after, enabled: true, pausedReason: null } : after;
}

/**
 * An endpoint that from now on does what a fresh one would: its identity and secrets stay. Unless the caller says whether it
 * is enabled, a pause of Posthorn's own lasts as long as the URL that it is about.
 */
export function replacedEndpoint(before: Endpoint, fresh: Endpoint, saysEnabled: boolean): Endpoint {
  const { id, tenant, createdAt, updatedAt, secrets, signingKeys, enabled, pausedReason } = before;
  const staysPaused = !saysEnabled && isPausedByItself(before) && before.url === fresh.url;
  const keepsPause = staysPaused || enabled === fresh.enabled;
  return {
    ...fresh,
    id,
    tenant,
    createdAt,
    updatedAt,
    secrets,
    signingKeys,
    ...(keepsPause ? { enabled, pausedReason } : {}),
  };
}

/** What an endpoint that follows this template takes from it: all but what it says for itself. */
export function followed(
  template: Template,
  own: readonly TemplateField[],
): Pick<Endpoint, 'template' | 'templateVersion'> & Partial<Pick<Endpoint, TemplateField>> {
  return {
    template: template.name,
    templateVersion: template.version,
    ...Object.fromEntries(
      templateFields.filter((field) => !own.includes(field)).map((field) => [field, template[field]]),
    ),
  };
}

/** `*`, an exact type, or a trailing wildcard: `payment.*` takes `payment.succeeded` and `payment.intent.created`. */
export function subscribes(eventTypes: readonly string[], type: string): boolean {
  for (const pattern of eventTypes) {
    if (pattern === '*' || pattern === type) return true;
    if (pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1))) return true;
  }
  return false;
}

/** Whether an event's routing keys let an endpoint have it. */
export function takesKeys(
  { routingKeys: wanted }: Pick<Endpoint, 'routingKeys'>,
  keys: readonly string[],
): boolean {
  return wanted === undefined || wanted === null || wanted.some((key) => keys.includes(key));
}
