import type { KeyObject } from 'node:crypto';
import { type Endpoint, headerPrefixes } from '../domain/endpoint.ts';
import { isReservedHeader } from '../domain/header-names.ts';
import { headerText } from '../domain/header-text.ts';
import { deliveryId } from '../domain/ids.ts';
import { shardCount } from '../domain/shard.ts';
import type { SignatureKind } from '../domain/signing-keys.ts';
import { type TraceContext, formatTraceparent } from '../domain/trace.ts';
import { iso } from '../domain/time.ts';
import type { NodeClock } from '../runtime/clock.ts';
import type { Random } from '../runtime/random.ts';
import { type Keyring, SecretError } from '../secrets/keyring.ts';
import { parsePrivateKey, signAsymmetrically } from '../signing/asymmetric.ts';
import { parseSecret, sign } from '../signing/standard-webhooks.ts';
import type { ClaimedDelivery } from '../store/store.ts';
import type { Reach } from '../transport/reach.ts';
import type { OutboundRequest, Transport } from '../transport/transport.ts';
import { openedReach } from './opened-reach.ts';

/** Prepared, of each kind those that sign at a time. */
interface SigningKeys {
  readonly secrets: readonly Uint8Array[];
  readonly privateKeys: readonly KeyObject[];
}

/** The part of an endpoint's settings that every request needs, opened and prepared once per change. */
export interface Signer {
  keysAt(now: number): SigningKeys;
  readonly extraHeaders: readonly string[];
  readonly url: string;
  /** What the body of a channel's request gets besides: members of JSON, without braces; empty if there are none. */
  readonly members: string;
  /** Values that a receiver may repeat, and that are shown nowhere. */
  readonly hidden: readonly string[];
  readonly reach: Reach | null;
}

/** Opens what the endpoint's requests need. Returns the error if a secret cannot be opened: its attempts fail with it. */
export function signerFrom(endpoint: Endpoint, keyring: Pick<Keyring, 'open'>): Signer | SecretError {
  try {
    return openedSigner(endpoint, keyring);
  } catch (error) {
    if (error instanceof SecretError) return error;
    throw error;
  }
}

function openedSigner(endpoint: Endpoint, keyring: Pick<Keyring, 'open'>): Signer {
  const secrets = keysOfKind(endpoint, 'v1', endpoint.secrets).map(({ secret, expiresAt }) => ({
    key: parseSecret(keyring.open(secret, 'signing')),
    expiresAt,
  }));
  const privateKeys = keysOfKind(endpoint, 'v1a', endpoint.signingKeys).map(({ privateKey, expiresAt }) => ({
    key: parsePrivateKey(keyring.open(privateKey, 'signing')),
    expiresAt,
  }));
  // A header that has become Posthorn's own since it was stored is no longer the caller's.
  const headers = Object.entries(endpoint.headers)
    .filter(([name]) => !isReservedHeader(name))
    .map(([name, value]) => [name, keyring.open(value, 'header')] as const);
  const { url, members, hidden } = openedReceiver(endpoint, keyring);
  const reached = openedReach(endpoint, keyring);
  const lasting = [...secrets, ...privateKeys].every(({ expiresAt }) => expiresAt === null);
  const keysUntil = (now: number): SigningKeys => ({
    secrets: secrets.filter(endsAfter(now)).map(({ key }) => key),
    privateKeys: privateKeys.filter(endsAfter(now)).map(({ key }) => key),
  });
  const all = keysUntil(Number.NEGATIVE_INFINITY);
  return {
    // During a rotation's grace time the former ones sign too.
    keysAt: (now) => (lasting ? all : keysUntil(now)),
    extraHeaders: [...headers.flat(), ...reached.headers],
    hidden: [...headers.map(([, value]) => value), ...hidden, ...reached.hidden],
    reach: reached.reach,
    url,
    members: JSON.stringify(members).slice(1, -1),
  };
}

/** None if the endpoint does not sign with them. */
function keysOfKind<T>({ signatures }: Endpoint, kind: SignatureKind, keys: readonly T[]): readonly T[] {
  return signatures.includes(kind) ? keys : [];
}

const endsAfter =
  (now: number) =>
  ({ expiresAt }: { readonly expiresAt: number | null }): boolean =>
    expiresAt === null || expiresAt > now;

/** The `webhook-signature` header. */
function signatureHeader(
  { secrets, privateKeys }: SigningKeys,
  id: string,
  timestampS: number,
  body: Uint8Array,
): string {
  if (privateKeys.length === 0) return sign(secrets, id, timestampS, body);
  const asymmetric = signAsymmetrically(privateKeys, id, timestampS, body);
  return secrets.length === 0 ? asymmetric : `${sign(secrets, id, timestampS, body)} ${asymmetric}`;
}

/** Where requests go: a channel's URL and what its body gets are sealed, and may be repeated by its receiver. */
function openedReceiver(
  { url, channel }: Endpoint,
  keyring: Pick<Keyring, 'open'>,
): { url: string; members: Record<string, string>; hidden: string[] } {
  if (channel === undefined) return { url, members: {}, hidden: [] };
  const opened = keyring.open(channel.url, 'channel');
  const members = Object.fromEntries(
    Object.entries(channel.members).map(([name, value]) => [name, keyring.open(value, 'channel')]),
  );
  const { username, password, pathname, search } = new URL(opened);
  const parts = [username, password, pathname + search, pathname, search];
  return { url: opened, members, hidden: [opened, ...parts, ...Object.values(members)] };
}

/** The body of a channel's request: what its sender puts in stands last, so that it counts. */
function withMembers(data: string, members: string): string {
  if (members === '') return data;
  const open = data.slice(0, data.lastIndexOf('}')).trimEnd();
  return `${open}${open.endsWith('{') ? '' : ','}${members}}`;
}

/**
 * Returns the headers of the trace that the receiver continues: the one that the attempt belongs to, in a span of its own, or a new one.
 * Ids are cut from large draws: drawing 24 bytes at a time is slow.
 */
export function traceHeaders(random: Random): (known: TraceContext | null) => readonly string[] {
  let hex = '';
  let at = 0;
  const draw = (digits: number): string => {
    if (at + digits > hex.length) {
      hex = Buffer.from(random.bytes(4800)).toString('hex');
      at = 0;
    }
    at += digits;
    return hex.slice(at - digits, at);
  };
  return (known) =>
    known === null
      ? ['traceparent', `00-${draw(32)}-${draw(16)}-01`]
      : contextHeaders({ ...known, spanId: draw(16) });
}

export function contextHeaders(context: TraceContext): readonly string[] {
  const parent = ['traceparent', formatTraceparent(context)];
  return context.state === null ? parent : [...parent, 'tracestate', context.state];
}

/** The headers that a receiver verifies, under each prefix. */
function identityHeaders(
  prefixes: readonly string[],
  id: string,
  timestamp: string,
  signature: string,
): readonly string[] {
  const headers: string[] = [];
  for (const prefix of prefixes)
    headers.push(`${prefix}-id`, id, `${prefix}-timestamp`, timestamp, `${prefix}-signature`, signature);
  return headers;
}

/** The webhook: a Standard Webhooks request whose body is the same, byte for byte, in every attempt. */
export function webhookRequest(
  delivery: Pick<ClaimedDelivery, 'number' | 'claim' | 'eventId' | 'eventType' | 'occurredAt' | 'data'>,
  endpoint: Endpoint,
  signer: Signer,
  /** Receivers compare the timestamp with their own clocks; secrets end by what was lived through. */
  time: { readonly now: number; readonly lived: number },
  traceHeaders: readonly string[],
  userAgent: string,
): OutboundRequest {
  const { eventId, eventType, occurredAt, data } = delivery;
  const body = Buffer.from(
    endpoint.body === 'data'
      ? withMembers(data, signer.members)
      : `{"id":${JSON.stringify(eventId)},"type":"${eventType}","timestamp":"${iso(occurredAt)}","data":${data}}`,
  );
  const seconds = Math.floor(time.now / 1000);
  // Signed as sent.
  const id = headerText(eventId);
  return {
    url: signer.url,
    headers: [
      'content-type',
      'application/json',
      'user-agent',
      userAgent,
      ...identityHeaders(
        headerPrefixes(endpoint),
        id,
        String(seconds),
        signatureHeader(signer.keysAt(time.lived), id, seconds, body),
      ),
      'posthorn-delivery',
      deliveryId(delivery.number),
      'posthorn-attempt',
      String(delivery.claim),
      ...traceHeaders,
      ...signer.extraHeaders,
    ],
    body,
    timeoutMs: endpoint.timeoutMs,
    sender: endpoint.id,
    tenant: endpoint.tenant,
    reach: signer.reach,
    recorded: isRecorded(delivery),
  };
}

/** How an attempt that succeeded went over the wire is kept of what was tried before, and of one delivery in 64. */
function isRecorded({ number, claim }: Pick<ClaimedDelivery, 'number' | 'claim'>): boolean {
  return claim > 1 || Math.floor(number / shardCount) % 64 === 0;
}

/**
 * Posts one body to an endpoint directly, signed as any webhook, for what cannot go by way of a delivery; answers whether it
 * succeeded.
 */
export function channelSender(
  transport: Transport,
  clock: NodeClock,
  keyring: Pick<Keyring, 'open'>,
  userAgent: string,
): (endpoint: Endpoint, id: string, data: string) => Promise<boolean> {
  return async (endpoint, id, data) => {
    const now = clock.now();
    const delivery = { number: 0, claim: 1, eventId: id, eventType: 'posthorn.alert', occurredAt: now, data };
    const time = { now, lived: clock.lived() };
    const signer = signerFrom(endpoint, keyring);
    if (signer instanceof SecretError) throw signer;
    return (await transport.post(webhookRequest(delivery, endpoint, signer, time, [], userAgent))).ok;
  };
}
