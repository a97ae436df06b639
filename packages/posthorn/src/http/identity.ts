import { hash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parse } from '../contract/parse.ts';
import { table } from '../contract/table.ts';
import type { Caller } from '../domain/caller.ts';
import { sessionCaller, type SessionKind, type SessionRecord } from '../domain/session.ts';
import type { Credential, SessionChange } from '../service/handler.ts';
import type { SessionTable } from '../service/session-table.ts';
import { type Authentication, presentedKey } from './authentication.ts';
import {
  type Connection,
  connectionFrom,
  demandSameOrigin,
  demandSignInHere,
  type Reached,
  sessionCookie,
  setCookie,
} from './browser.ts';
import { callerAddress } from './caller-address.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The session that identifies the caller; null: the caller has a key, or no identity. */
    session: SessionRecord | null;
    /** The key, token or cookie that identifies the caller. */
    credential: string | null;
  }
}

/** Requests that change nothing. */
const safeMethods = new Set(['GET', 'HEAD']);
const linkPrefix = 'phl_';

/** Identifies the caller: by key, by the token of a portal link, or by a session's cookie (G9). */
export interface Identity {
  /**
   * Refuses with 401 or 429, or with 403 if a page of another site could have sent it. Authorization takes precedence
   * over a cookie.
   */
  identify(request: FastifyRequest): Caller | Promise<Caller>;
  /** Identifies a caller who begins a session: as `identify`, but also by a key or token in the body, and not by a cookie. */
  signIn(request: FastifyRequest): Promise<Caller>;
  /**
   * Whether the session or the key that authorized a request still works: for streaming answers. Counts as a use of the
   * session.
   */
  mayRead(request: FastifyRequest): Promise<boolean>;
}

interface IdentityDependencies {
  readonly authentication: Authentication;
  readonly sessionTable: SessionTable;
  readonly reached: Reached;
}

type Identify = Pick<Identity, 'identify'> & {
  byHeader(request: FastifyRequest, authorization: string | undefined): Caller | Promise<Caller>;
};

function createIdentify({ authentication, sessionTable, reached }: IdentityDependencies): Identify {
  /** The caller, by what opens a session of one of these kinds. */
  const bySession = async (
    request: FastifyRequest,
    secret: string,
    kinds: readonly SessionKind[],
  ): Promise<Caller> => {
    const address = callerAddress(request);
    const hashed = hash('sha256', secret);
    // An unknown token is looked up in the store: no more often than the address may fail.
    if (!sessionTable.knows(hashed) && authentication.isExhausted(address))
      return authentication.refuse('unknown', address);
    const session = await sessionTable.find(hashed);
    if (session === null || !kinds.includes(session.kind)) return authentication.refuse('unknown', address);
    const holder =
      session.keyHash === null
        ? null
        : await authentication.holder(session.keyHash, session.kind === 'session', address);
    if (session.keyHash !== null && holder === null) return authentication.refuse('expired', address);
    sessionTable.used(session);
    request.session = session;
    request.credential = secret;
    return sessionCaller(session, holder);
  };
  const byHeader = (request: FastifyRequest, authorization: string | undefined): Caller | Promise<Caller> => {
    const presented = presentedKey(authorization) ?? null;
    if (presented?.startsWith(linkPrefix) === true) return bySession(request, presented, ['link']);
    request.credential = presented;
    return authentication.require(authorization, callerAddress(request));
  };
  const byCookie = async (
    request: FastifyRequest,
    cookie: string,
    connection: Connection,
  ): Promise<Caller> => {
    const caller = await bySession(request, cookie, ['session', 'portal']);
    if (!safeMethods.has(request.method)) demandSameOrigin(request, connection, reached);
    return caller;
  };

  return {
    byHeader,
    identify: (request) => {
      const { authorization, cookie: cookies } = request.headers;
      if (authorization === undefined && cookies !== undefined) {
        const connection = connectionFrom(request, reached);
        const cookie = sessionCookie(cookies, connection);
        if (cookie !== null) return byCookie(request, cookie, connection);
      }
      return byHeader(request, authorization);
    },
  };
}

export function createIdentity(deps: IdentityDependencies): Identity {
  const { authentication, sessionTable, reached } = deps;
  const { identify, byHeader } = createIdentify(deps);
  return {
    identify,
    mayRead: async (request) => {
      const { session, credential } = request;
      const holds = async (keyHash: string): Promise<boolean> =>
        (await authentication.holder(keyHash, false, callerAddress(request))) !== null;
      if (session === null) return credential !== null && (await holds(hash('sha256', credential)));
      const found = await sessionTable.find(session.hash);
      if (found === null || (found.keyHash !== null && !(await holds(found.keyHash)))) return false;
      sessionTable.used(found);
      return true;
    },
    signIn: async (request) => {
      demandSignInHere(request, connectionFrom(request, reached), reached);
      const { key, token } = parse(table['sessions.create'].body, request.body ?? {});
      const given = key ?? token;
      return await byHeader(request, given === undefined ? request.headers.authorization : `Bearer ${given}`);
    },
  };
}

/** Lets the operation that begins sessions identify the caller. Call it before its route is added. */
export function honorSignIn(app: FastifyInstance, { signIn }: Identity): void {
  app.addHook('onRoute', (route) => {
    if (route.config?.operation !== 'sessions.create') return;
    route.preHandler = async (request: FastifyRequest) => {
      request.caller = await signIn(request);
    };
  });
}

/** The caller's credential; null: none. */
export function callerCredential({ session, credential }: FastifyRequest): Credential | null {
  if (session !== null) return { keyHash: session.keyHash, session };
  return credential === null ? null : { keyHash: hash('sha256', credential), session: null };
}

/** Gives the browser its session, or ends it. */
export function sendSession(
  request: FastifyRequest,
  reply: FastifyReply,
  change: SessionChange,
  now: number,
  reached: Reached,
): void {
  const connection = connectionFrom(request, reached);
  const cookie =
    change === 'ended'
      ? setCookie(connection, '', 0)
      : setCookie(connection, change.token, Math.max(0, Math.floor((change.endsAt - now) / 1000)));
  if (cookie !== null) void reply.header('set-cookie', cookie);
}
