import type { IncomingHttpHeaders } from 'node:http';
import { PosthornError } from '../domain/errors.ts';
import { isLoopback } from '../domain/network.ts';

// What browsers need besides the API: cookies, and to be told apart from pages of other sites.

/** What is known of the way that requests come. */
export interface Reached {
  /** The origin that the server is reached by, such as `https://posthorn.example.com`; null: not told. */
  readonly origin: string | null;
  /** Browsers may sign in over plain HTTP from other machines: everybody on the way reads keys and cookies. */
  readonly allowInsecure: boolean;
}

/** `secure`: TLS ends in a proxy before this server. `plain`: plain HTTP, which may carry a session. */
export type Connection = 'secure' | 'plain' | 'insecure';

interface Request {
  readonly headers: IncomingHttpHeaders;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

const first = (value: string | readonly string[] | undefined): string | undefined =>
  (typeof value === 'string' ? value : value?.[0])?.split(',')[0]?.trim();

/** The host without its port. */
const hostOf = (host: string | undefined): string => (host ?? '').replace(/:\d+$/, '');

/**
 * How a request came. This server speaks plain HTTP only, so what it was told counts: with a public URL of `https` TLS ends
 * before it, unless the proxy says that the client came by plain HTTP. Without one only a browser on this machine is safe,
 * which has no proxy before it.
 */
export function connectionOf({ headers, socket }: Request, { origin, allowInsecure }: Reached): Connection {
  const forwarded = first(headers['x-forwarded-proto']);
  if (origin?.startsWith('https:') === true && (forwarded === undefined || forwarded === 'https'))
    return 'secure';
  if (allowInsecure) return 'plain';
  const isForwarded =
    forwarded !== undefined ||
    headers['x-forwarded-for'] !== undefined ||
    headers['x-forwarded-host'] !== undefined ||
    headers.forwarded !== undefined ||
    headers.via !== undefined;
  const isPublic = origin !== null && !isLoopback(new URL(origin).hostname);
  const isHere =
    isLoopback((socket.remoteAddress ?? '').replace(/^::ffff:/i, '')) && isLoopback(hostOf(headers.host));
  return isHere && !isForwarded && !isPublic ? 'plain' : 'insecure';
}

/** A browser keeps a cookie of the first name only from a secure page of this very host, and sends it nowhere else. */
function cookieName(connection: Connection): string | null {
  if (connection === 'insecure') return null;
  return connection === 'secure' ? '__Host-posthorn' : 'posthorn';
}

/** What the session cookie of a request says; null: it has none, or it must not be taken. */
export function sessionCookie(cookies: string | undefined, connection: Connection): string | null {
  const name = cookieName(connection);
  if (cookies === undefined || name === null) return null;
  for (const part of cookies.split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return null;
}

/** The header that gives a browser its session, or takes it away: then `token` is empty and it lasts no time. */
export function setCookie(connection: Connection, token: string, maxAgeS: number): string | null {
  const name = cookieName(connection);
  if (name === null) return null;
  const secure = connection === 'secure' ? '; Secure' : '';
  return `${name}=${token}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${secure}`;
}

/** Neither is one that a page of another site may send without being asked first. */
const isJson = (type: string | undefined): boolean =>
  /^application\/(json|x-ndjson)\s*(;|$)/i.test(type ?? '');

/** Whether a request comes from a page of this server, as far as its browser says; null: it says nothing. */
function isSameOrigin({ headers }: Request, connection: Connection, { origin }: Reached): boolean | null {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  if (headers.origin === undefined) return null;
  return headers.origin === (connection === 'secure' ? origin : `http://${headers.host ?? ''}`);
}

/**
 * Refuses what another site could make a browser send with its cookie: browsers say where a request comes from, and send this
 * content type across sites only where a server allows it, which this one never does.
 */
export function demandSameOrigin(request: Request, connection: Connection, reached: Reached): void {
  if (isSameOrigin(request, connection, reached) === true && isJson(request.headers['content-type'])) return;
  throw new PosthornError(
    'cross_site',
    'A request with a session cookie that changes something has to come from a page of this server, with Content-Type: application/json. Elsewhere send Authorization.',
  );
}

/** Refuses a sign-in that another site's page sends, and one whose key and cookie could be read on the way. */
export function demandSignInHere(request: Request, connection: Connection, reached: Reached): void {
  if (isSameOrigin(request, connection, reached) === false)
    throw new PosthornError('cross_site', 'Sign in on a page of this server.');
  if (connection === 'insecure')
    throw new PosthornError(
      'insecure_connection',
      'Browsers sign in over HTTPS only: set --public-url to the https URL of the proxy before this server, or open it on its own machine. --insecure-dashboard allows plain HTTP, where keys can be read on the way.',
    );
}
