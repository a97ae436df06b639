import type { Answer } from '../contract/table.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { invalid } from '../domain/errors.ts';
import { proxyUrlFrom } from '../domain/proxy-url.ts';
import {
  type Certificate,
  type EndpointAuth,
  type EndpointProxy,
  type EndpointTls,
  toReachSettings,
  type ReachSettings,
} from '../domain/reach.ts';
import { iso } from '../domain/time.ts';
import { SecretError, sealedAgain } from '../secrets/keyring.ts';
import { authoritiesFrom, checkKey, clientCertificatesFrom } from './certificates.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { EndpointFields } from './endpoint-fields.ts';
import { calledUrl } from './receiver-url.ts';

type Needed = Pick<ServiceDependencies, 'keyring' | 'refuseHost' | 'clock'>;
type WireAuth = NonNullable<EndpointFields['auth']>;
type WireTls = NonNullable<EndpointFields['tls']>;

/** The reach settings of a body, sealed; `before`: the endpoint whose secrets it may keep. */
export function reachFrom(
  wire: EndpointFields,
  before: Endpoint | null,
  needed: Needed,
): Partial<ReachSettings> {
  const stored = toReachSettings(before ?? {});
  const { auth, tls, proxy } = wire;
  return {
    ...(auth === undefined ? {} : { auth: auth === null ? null : authFrom(auth, stored.auth, needed) }),
    ...(tls === undefined ? {} : { tls: tls === null ? null : tlsFrom(tls, stored.tls, needed) }),
    ...(proxy === undefined ? {} : { proxy: proxy === null ? null : proxyFrom(proxy, stored.proxy, needed) }),
  };
}

/** Refuses settings that contradict each other after a change. */
export function checkReach(endpoint: Pick<Endpoint, 'url' | 'headers'> & Partial<ReachSettings>): void {
  const { auth, tls } = toReachSettings(endpoint);
  const names = Object.keys(endpoint.headers).map((name) => name.toLowerCase());
  if (auth !== null && names.includes('authorization'))
    throw invalid('/auth', 'is set, and so is the header authorization: use only one of them');
  if (tls !== null && new URL(endpoint.url).protocol !== 'https:')
    throw invalid('/tls', 'is set, but the URL is not https: use https, or set tls to null');
}

/** The value in stored form; null keeps the value that is stored for the same use. */
function secretFrom(
  given: string | null,
  stored: string | undefined,
  path: string,
  { keyring }: Needed,
): string {
  if (given !== null) return sealedAgain(keyring, given, stored, 'credential');
  if (stored === undefined) throw invalid(path, 'cannot be kept: nothing is stored. Give a value');
  return stored;
}

function authFrom(auth: WireAuth, stored: EndpointAuth | null, needed: Needed): EndpointAuth {
  switch (auth.type) {
    case 'basic': {
      const kept = stored?.type === 'basic' ? stored.password : undefined;
      return {
        type: auth.type,
        username: auth.username,
        password: secretFrom(auth.password, kept, '/auth/password', needed),
      };
    }
    case 'bearer': {
      const kept = stored?.type === 'bearer' ? stored.token : undefined;
      return { type: auth.type, token: secretFrom(auth.token, kept, '/auth/token', needed) };
    }
    case 'oauth2_client_credentials': {
      const tokenUrl = calledUrl(auth.token_url, needed.refuseHost, '/auth/token_url');
      // A kept secret is sent only to the receiver that it was given for.
      const isSame =
        stored?.type === auth.type && new URL(stored.tokenUrl).origin === new URL(tokenUrl).origin;
      return {
        type: auth.type,
        tokenUrl,
        clientId: auth.client_id,
        clientSecret: secretFrom(
          auth.client_secret,
          isSame ? stored.clientSecret : undefined,
          '/auth/client_secret',
          needed,
        ),
        scope: auth.scope,
        audience: auth.audience,
        authMethod: auth.auth_method,
      };
    }
  }
}

function tlsFrom(tls: WireTls, stored: EndpointTls | null, needed: Needed): EndpointTls {
  const now = needed.clock.now();
  const given = tls.client_certificate;
  const client = given === null ? null : clientCertificatesFrom(given, '/tls/client_certificate', now);
  const authorities = tls.ca === null ? null : authoritiesFrom(tls.ca, '/tls/ca', now);
  let clientKey: string | null = null;
  if (client !== null) {
    clientKey = secretFrom(tls.client_key, stored?.clientKey ?? undefined, '/tls/client_key', needed);
    checkKey(tls.client_key ?? openedKey(clientKey, needed), client, '/tls/client_key');
  } else if (tls.client_key !== null)
    throw invalid('/tls/client_certificate', 'is missing: client_key is its key');
  return {
    clientCertificate: client?.pem ?? null,
    clientKey,
    ca: authorities?.pem ?? null,
    minVersion: tls.min_version,
    serverName: tls.server_name,
    clientCertificates: client?.certificates ?? [],
    authorities: authorities?.certificates ?? [],
  };
}

function openedKey(sealed: string, { keyring }: Needed): string {
  try {
    return keyring.open(sealed, 'credential');
  } catch (error) {
    if (error instanceof SecretError)
      throw invalid(
        '/tls/client_key',
        'cannot be kept, because the stored one cannot be decrypted. Give it again',
      );
    throw error;
  }
}

function proxyFrom(text: string, stored: EndpointProxy | null, needed: Needed): EndpointProxy {
  if (text === 'direct') return text;
  const parsed = text.includes('://')
    ? proxyUrlFrom(text)
    : 'use http://host:port, https://host:port or socks5://host:port.';
  if (typeof parsed === 'string') throw invalid('/proxy', `is not a proxy's URL: ${parsed}`);
  const { host, name, credentials } = parsed;
  const refused = needed.refuseHost(host);
  if (refused !== null) throw invalid('/proxy', refused);
  const url =
    credentials === null ? name : name.replace('://', `://${encodeURIComponent(credentials.username)}@`);
  const kept =
    stored !== null && stored !== 'direct' && stored.url === url ? (stored.password ?? undefined) : undefined;
  if (credentials === null) return { url, password: null };
  const { password } = credentials;
  if (password === '') return { url, password: kept ?? null };
  return { url, password: secretFrom(password, kept, '/proxy', needed) };
}

type Shown = Pick<Answer<'endpoints.get'>, 'auth' | 'tls' | 'proxy' | 'certificates'>;

/** As answers show it: without secrets, in a form that can be sent back. */
export function shownReach(endpoint: Partial<ReachSettings>): Shown {
  const { auth, tls, proxy } = toReachSettings(endpoint);
  return {
    auth: auth === null ? null : shownAuth(auth),
    tls:
      tls === null
        ? null
        : {
            client_certificate: tls.clientCertificate,
            client_key: null,
            ca: tls.ca,
            min_version: tls.minVersion,
            server_name: tls.serverName,
          },
    proxy: proxy === null || proxy === 'direct' ? proxy : proxy.url,
    certificates: [
      ...(tls?.clientCertificates ?? []).map((one) => shownCertificate('client', one)),
      ...(tls?.authorities ?? []).map((one) => shownCertificate('ca', one)),
    ],
  };
}

function shownAuth(auth: EndpointAuth): NonNullable<Shown['auth']> {
  switch (auth.type) {
    case 'basic':
      return { type: auth.type, username: auth.username, password: null };
    case 'bearer':
      return { type: auth.type, token: null };
    case 'oauth2_client_credentials':
      return {
        type: auth.type,
        token_url: auth.tokenUrl,
        client_id: auth.clientId,
        client_secret: null,
        scope: auth.scope,
        audience: auth.audience,
        auth_method: auth.authMethod,
      };
  }
}

export function shownCertificate(
  use: 'client' | 'ca' | 'server',
  certificate: Certificate,
): Shown['certificates'][number] {
  const { subject, issuer, notBefore, notAfter, fingerprint } = certificate;
  return { use, subject, issuer, not_before: iso(notBefore), not_after: iso(notAfter), fingerprint };
}
