import type { IncomingHttpHeaders } from 'node:http';
import { PosthornError } from '../domain/errors.ts';
import { isLoopback } from '../domain/network.ts';

// What browsers need besides the API: cookies, and protection against pages of other sites.

/** What is known about how requests arrive. */
export interface Reached {
  /** The public origin of the server, such as `https://posthorn.example.com`; null: not configured. */
  readonly origin: string | null;
  /** Browsers on other machines may sign in over plain HTTP, where keys and cookies can be read in transit. */
  readonly allowInsecure: boolean;
}

/** `secure`: TLS ends in a proxy in front of this server. `plain`: plain HTTP, which may carry a session. */
export type Connection = 'secure' | 'plain' | 'insecure';

interface Request {
  readonly headers: IncomingHttpHeaders;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

const first = (value: string | readonly string[] | undefined): string | undefined =>
  (typeof value === 'string' ? value : value?.[0])?.split(',')[0]?.trim();

/** The host without its port. */
const withoutPort = (host: string | undefined): string => (host ?? '').replace(/:\d+$/, '');

/**
 * How a request arrived. This server speaks only plain HTTP, so its configuration decides: with a public `https` URL,
 * TLS ends in front of it, unless the proxy says that the client used plain HTTP. Without a public URL only a browser
 * on this machine is safe, without a proxy in between.
 */
export function connectionFrom({ headers, socket }: Request, { origin, allowInsecure }: Reached): Connection {
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
    isLoopback((socket.remoteAddress ?? '').replace(/^::ffff:/i, '')) &&
    isLoopback(withoutPort(headers.host));
  return isHere && !isForwarded && !isPublic ? 'plain' : 'insecure';
}

/** A browser accepts a cookie of the first name only from a secure page of this host, and sends it nowhere else. */
function cookieName(connection: Connection): string | null {
  if (connection === 'insecure') return null;
  return connection === 'secure' ? '__Host-posthorn' : 'posthorn';
}

/** The session cookie of a request; null: it has none, or it must not be accepted. */
export function sessionCookie(cookies: string | undefined, connection: Connection): string | null {
  const name = cookieName(connection);
  if (cookies === undefined || name === null) return null;
  for (const part of cookies.split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return null;
}

/** The header that gives a browser its session, or ends it: then `token` is empty and its age is 0. */
export function setCookie(connection: Connection, token: string, maxAgeS: number): string | null {
  const name = cookieName(connection);
  if (name === null) return null;
  const secure = connection === 'secure' ? '; Secure' : '';
  return `${name}=${token}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${secure}`;
}

/** A page of another site cannot send either of them without a preflight request. */
const isJson = (type: string | undefined): boolean =>
  /^application\/(json|x-ndjson)\s*(;|$)/i.test(type ?? '');

/** Whether a request comes from a page of this server, according to its browser; null: it does not say. */
function isSameOrigin({ headers }: Request, connection: Connection, { origin }: Reached): boolean | null {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  if (headers.origin === undefined) return null;
  return headers.origin === (connection === 'secure' ? origin : `http://${headers.host ?? ''}`);
}

/**
 * Refuses what another site could make a browser send with its cookie: browsers state where a request comes from, and
 * send this content type across sites only if a server allows it, which this one never does.
 */
export function demandSameOrigin(request: Request, connection: Connection, reached: Reached): void {
  if (isSameOrigin(request, connection, reached) === true && isJson(request.headers['content-type'])) return;
  throw new PosthornError(
    'cross_site',
    'A changing request with a session cookie must come from a page of this server, with Content-Type: application/json. From elsewhere, send Authorization.',
  );
}

/** Refuses a sign-in from another site's page, and one whose key and cookie could be read in transit. */
export function demandSignInHere(request: Request, connection: Connection, reached: Reached): void {
  if (isSameOrigin(request, connection, reached) === false)
    throw new PosthornError('cross_site', 'Sign in on a page of this server.');
  if (connection === 'insecure')
    throw new PosthornError(
      'insecure_connection',
      'Browsers sign in only over HTTPS: set --public-url to the https URL of the proxy in front of this server, or open it on its own machine. --insecure-dashboard allows plain HTTP, where keys can be read in transit.',
    );
}
