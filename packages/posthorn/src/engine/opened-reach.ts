import { isDeepStrictEqual } from 'node:util';
import type { Endpoint } from '../domain/endpoint.ts';
import {
  type EndpointAuth,
  type EndpointProxy,
  type EndpointTls,
  toReachSettings,
  withPassword,
} from '../domain/reach.ts';
import { type Keyring, SecretError } from '../secrets/keyring.ts';
import { parseProxy } from '../transport/proxy.ts';
import type { OAuthClient, Reach, TlsSettings } from '../transport/reach.ts';

/** How a receiver is reached, with its secrets opened. */
export interface OpenedReach {
  /** Null: nothing about its connections is special. */
  readonly reach: Reach | null;
  /** Headers of every request: a name and its value. */
  readonly headers: readonly string[];
  /** Values that a receiver may repeat, and that are shown nowhere. */
  readonly hidden: readonly string[];
}

const usual: OpenedReach = { reach: null, headers: [], hidden: [] };

const versions = { '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const;

/** Throws `SecretError` if a secret cannot be opened. */
export function openedReach(endpoint: Endpoint, keyring: Pick<Keyring, 'open'>): OpenedReach {
  const { auth, tls, proxy } = toReachSettings(endpoint);
  if (auth === null && tls === null && proxy === null) return usual;
  const credentials =
    auth === null || auth.type === 'oauth2_client_credentials' ? null : openCredentials(auth, keyring);
  const client = auth?.type === 'oauth2_client_credentials' ? openClient(auth, keyring) : null;
  const isSpecial = tls !== null || proxy !== null || client !== null;
  return {
    reach: isSpecial
      ? {
          // As it is stored, with sealed secrets: what was only read again keeps its connections.
          key: JSON.stringify([client === null ? null : auth, tls, proxy]),
          tls: tls === null ? null : openTlsSettings(tls, keyring),
          proxy: proxy === null ? null : openProxy(proxy, keyring),
          oauth: client,
        }
      : null,
    headers: credentials === null ? [] : ['authorization', credentials.value],
    hidden: [...(credentials?.hidden ?? []), ...(client === null ? [] : [client.clientSecret])],
  };
}

/**
 * Whether a receiver is reached in another way than before: what it answered then says nothing of now. Compared as opened,
 * because a secret that is sealed anew is another text.
 */
export function reachesOtherwise(
  former: Endpoint,
  endpoint: Endpoint,
  keyring: Pick<Keyring, 'open'>,
): boolean {
  const sealed = toReachSettings(endpoint);
  if (isDeepStrictEqual(toReachSettings(former), sealed)) return false;
  try {
    const [before, after] = [former, endpoint].map((one) => {
      const { reach, headers } = openedReach(one, keyring);
      return [headers, reach?.tls, reach?.proxy, reach?.oauth];
    });
    return !isDeepStrictEqual(before, after);
  } catch (error) {
    if (error instanceof SecretError) return true;
    throw error;
  }
}

function openCredentials(
  auth: Exclude<EndpointAuth, { type: 'oauth2_client_credentials' }>,
  keyring: Pick<Keyring, 'open'>,
): { readonly value: string; readonly hidden: readonly string[] } {
  if (auth.type === 'bearer') {
    const token = keyring.open(auth.token);
    return { value: `Bearer ${token}`, hidden: [token] };
  }
  const password = keyring.open(auth.password);
  const pair = Buffer.from(`${auth.username}:${password}`).toString('base64');
  return { value: `Basic ${pair}`, hidden: [pair, password] };
}

function openClient(
  auth: Extract<EndpointAuth, { type: 'oauth2_client_credentials' }>,
  keyring: Pick<Keyring, 'open'>,
): OAuthClient {
  const { tokenUrl, clientId, clientSecret, scope, audience, authMethod } = auth;
  return {
    tokenUrl,
    clientId,
    clientSecret: keyring.open(clientSecret),
    scope,
    audience,
    method: authMethod,
  };
}

function openTlsSettings(tls: EndpointTls, keyring: Pick<Keyring, 'open'>): TlsSettings {
  const { clientCertificate, clientKey, ca, minVersion, serverName } = tls;
  return {
    certificate: clientCertificate,
    key: clientKey === null ? null : keyring.open(clientKey),
    ca,
    minVersion: minVersion === null ? null : versions[minVersion],
    serverName,
  };
}

function openProxy(proxy: EndpointProxy, keyring: Pick<Keyring, 'open'>): Reach['proxy'] {
  if (proxy === 'direct') return proxy;
  const { url, password } = proxy;
  return parseProxy(withPassword(url, password === null ? null : keyring.open(password)), false);
}
