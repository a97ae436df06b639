import { getCACertificates } from 'node:tls';
import type { Clock } from '../runtime/clock.ts';
import type { OAuthClient, Reach, TlsSettings } from './reach.ts';
import { type Token, tokenFrom } from './token-answer.ts';
import type { AttemptResult, OutboundRequest } from './transport.ts';

const maxAnswerBytes = 16 * 1024;
const maxFetchMs = 10_000;
/** So long before its end a token is renewed, or a fifth of its lifetime if that is shorter: no attempt waits for it meanwhile. */
const renewBeforeMs = 60_000;
/** After a failure no token is asked for this long, doubled with each further one: a server that is down is not flooded. */
const firstPauseMs = 500;
const maxPauseMs = 30_000;
/** A receiver that refuses a token which was fetched because it refused the one before gets no third for so long. */
const refusedPauseMs = 60_000;
/** Endpoints whose tokens are remembered. */
const maxRemembered = 10_000;

/** The token server of an endpoint gave no token. */
export class TokenError extends Error {
  constructor(client: OAuthClient, why: string) {
    super(`the token server ${new URL(client.tokenUrl).host} gave no token: ${why}`);
  }
}

/** What is known of one endpoint's token. Times are monotonic. */
interface Entry {
  /** Key of the settings that it belongs to. */
  readonly key: string;
  token: string | null;
  renewAt: number;
  endsAt: number;
  /** One at a time, however many attempts wait for it. */
  fetching: Promise<string> | null;
  failure: TokenError | null;
  failures: number;
  /** After a failure: when the server is asked again. */
  askAgainAt: number;
  /** The token was fetched because the receiver had refused the one before. */
  afterRefusal: boolean;
  refreshAgainAt: number;
}

export interface TokensOptions {
  readonly clock: Clock;
  readonly userAgent: string;
  readonly post: (request: OutboundRequest) => Promise<AttemptResult>;
}

/** The access tokens of endpoints that use OAuth, each fetched from its server over guarded connections, and kept in memory. */
export class Tokens {
  readonly #o: TokensOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: TokensOptions) {
    this.#o = options;
  }

  /** A token that has not expired. Waits for half of the attempt's time at most. Rejects with `TokenError`. */
  async token(request: OutboundRequest, reach: Reach, client: OAuthClient): Promise<string> {
    const entry = this.#entry(request, reach);
    const now = this.#o.clock.monotonic();
    if (entry.token === null || now >= entry.endsAt) return await this.#fetch(entry, request, reach, client);
    // The present one is good for a while: its successor is fetched beside.
    if (now >= entry.renewAt && this.#mayAsk(entry, now))
      this.#fetch(entry, request, reach, client).catch(() => {});
    return entry.token;
  }

  /**
   * The token to use instead of one that the receiver refused: a newer one that is known by now, or a fresh one. Null if the
   * one before was refused as well: another would not help.
   */
  async tokenAfterRefusal(
    refused: string,
    request: OutboundRequest,
    reach: Reach,
    client: OAuthClient,
  ): Promise<string | null> {
    const entry = this.#entry(request, reach);
    const now = this.#o.clock.monotonic();
    if (entry.token !== null && entry.token !== refused && now < entry.endsAt) return entry.token;
    if (entry.fetching === null) {
      if (now < entry.refreshAgainAt) return null;
      if (entry.afterRefusal) {
        entry.refreshAgainAt = now + refusedPauseMs;
        entry.afterRefusal = false;
        return null;
      }
      entry.token = null;
      entry.afterRefusal = true;
    }
    return await this.#fetch(entry, request, reach, client);
  }

  /** The receiver took the token. */
  accepted(sender: string): void {
    const entry = this.#entries.get(sender);
    if (entry !== undefined) entry.afterRefusal = false;
  }

  #entry({ sender = '' }: OutboundRequest, { key }: Reach): Entry {
    const known = this.#entries.get(sender);
    if (known?.key === key) return known;
    const entry: Entry = {
      key,
      token: null,
      renewAt: 0,
      endsAt: 0,
      fetching: null,
      failure: null,
      failures: 0,
      askAgainAt: 0,
      afterRefusal: false,
      refreshAgainAt: 0,
    };
    this.#entries.delete(sender);
    this.#entries.set(sender, entry);
    if (this.#entries.size > maxRemembered)
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    return entry;
  }

  #mayAsk({ fetching, askAgainAt }: Entry, now: number): boolean {
    return fetching === null && now >= askAgainAt;
  }

  async #fetch(entry: Entry, request: OutboundRequest, reach: Reach, client: OAuthClient): Promise<string> {
    if (entry.fetching === null && entry.failure !== null && this.#o.clock.monotonic() < entry.askAgainAt)
      throw entry.failure;
    entry.fetching ??= this.#ask(entry, request, reach, client).finally(() => (entry.fetching = null));
    return await entry.fetching;
  }

  async #ask(entry: Entry, request: OutboundRequest, reach: Reach, client: OAuthClient): Promise<string> {
    const { clock, post } = this.#o;
    const result = await post(this.#tokenRequest(request, reach, client));
    const answer = tokenFrom(result, maxAnswerBytes);
    const now = clock.monotonic();
    if (typeof answer === 'string') {
      const pauseMs = Math.max(firstPauseMs * 2 ** Math.min(entry.failures++, 10), result.retryAfterMs ?? 0);
      entry.askAgainAt = now + Math.min(maxPauseMs, pauseMs);
      entry.failure = new TokenError(client, answer);
      throw entry.failure;
    }
    this.#keep(entry, answer, now);
    return answer.text;
  }

  #keep(entry: Entry, { text, lifetimeMs }: Token, now: number): void {
    entry.token = text;
    entry.endsAt = now + lifetimeMs;
    entry.renewAt = entry.endsAt - Math.min(renewBeforeMs, lifetimeMs / 5);
    entry.failure = null;
    entry.failures = 0;
    entry.askAgainAt = 0;
  }

  #tokenRequest(request: OutboundRequest, reach: Reach, client: OAuthClient): OutboundRequest {
    const { clientId, clientSecret, scope, audience, method, tokenUrl } = client;
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    if (scope !== null) form.set('scope', scope);
    if (audience !== null) form.set('audience', audience);
    const headers = ['content-type', 'application/x-www-form-urlencoded', 'accept', 'application/json'];
    if (method === 'body') {
      form.set('client_id', clientId);
      form.set('client_secret', clientSecret);
    } else
      headers.push('authorization', basicAuthorization(formEncoded(clientId), formEncoded(clientSecret)));
    return {
      url: tokenUrl,
      headers: [...headers, 'user-agent', this.#o.userAgent],
      body: Buffer.from(form.toString()),
      timeoutMs: Math.min(maxFetchMs, Math.max(1, Math.floor(request.timeoutMs / 2))),
      sender: `${request.sender ?? ''}/token`,
      ...(request.tenant === undefined ? {} : { tenant: request.tenant }),
      reach: tokenReach(reach),
      maxExcerptBytes: maxAnswerBytes,
    };
  }
}

function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** As RFC 6749, 2.3.1, has it before Basic's own encoding. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

/**
 * A token server is reached through the same proxy, and trusted if one of the receiver's authorities or of the system's has
 * issued its certificate. The client certificate is the receiver's business alone.
 */
function tokenReach({ key, tls, proxy }: Reach): Reach {
  return { key, tls: tls === null ? null : tokenTls(tls), proxy, oauth: null };
}

function tokenTls({ ca, minVersion }: TlsSettings): TlsSettings {
  return {
    certificate: null,
    key: null,
    ca: ca === null ? null : [...getCACertificates('default'), ca].join('\n'),
    minVersion,
    serverName: null,
  };
}
