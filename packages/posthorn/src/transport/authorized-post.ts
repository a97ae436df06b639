import type { Clock } from '../runtime/clock.ts';
import type { OAuthClient, Reach } from './reach.ts';
import { TokenError, type Tokens } from './tokens.ts';
import type { AttemptResult, OutboundRequest } from './transport.ts';

/** What is left of an attempt's time is rounded down to this: timeouts of one length are kept together. */
const stepMs = 100;
const refreshed = 'sent again with a new token: the receiver answered 401 to the one before';

/** Posts with an access token. A 401 costs one more request at most, with a fresh token, within the same attempt. */
export class AuthorizedPost {
  readonly #clock: Clock;
  readonly #tokens: Tokens;
  readonly #post: (request: OutboundRequest) => Promise<AttemptResult>;

  constructor(clock: Clock, tokens: Tokens, post: (request: OutboundRequest) => Promise<AttemptResult>) {
    this.#clock = clock;
    this.#tokens = tokens;
    this.#post = post;
  }

  async send(request: OutboundRequest, reach: Reach, client: OAuthClient): Promise<AttemptResult> {
    const startedAt = this.#clock.monotonic();
    let first: AttemptResult | null = null;
    const ended = (result: AttemptResult): AttemptResult => ({
      ...result,
      durationMs: this.#clock.monotonic() - startedAt,
    });
    try {
      const token = await this.#tokens.token(request, reach, client);
      first = await this.#postWith(token, request, startedAt);
      if (first.ok) this.#tokens.accepted(request.sender ?? '');
      if (first.statusCode !== 401) return ended(first);
      const fresh = await this.#tokens.tokenAfterRefusal(token, request, reach, client);
      if (fresh === null) return ended(first);
      const second = await this.#postWith(fresh, request, startedAt);
      if (second.ok) this.#tokens.accepted(request.sender ?? '');
      const message = second.message === null ? refreshed : `${second.message} (${refreshed})`;
      return ended({ ...second, message });
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      const message = first === null ? error.message : `HTTP 401, and ${error.message}`;
      return ended({
        ok: false,
        statusCode: null,
        errorClass: 'token',
        message: message.slice(0, 300),
        responseExcerpt: null,
        retryAfterMs: null,
        durationMs: 0,
      });
    }
  }

  async #postWith(token: string, request: OutboundRequest, startedAt: number): Promise<AttemptResult> {
    const spentMs = this.#clock.monotonic() - startedAt;
    // Most tokens are there already: then nothing was spent.
    const leftMs =
      spentMs < 1
        ? request.timeoutMs
        : Math.max(stepMs, Math.floor((request.timeoutMs - spentMs) / stepMs) * stepMs);
    const result = await this.#post({
      ...request,
      headers: [...request.headers, 'authorization', `Bearer ${token}`],
      timeoutMs: leftMs,
    });
    // A receiver may repeat what it refuses.
    const { responseExcerpt, wire } = result;
    const without = (text: string): string => text.replaceAll(token, '…');
    return {
      ...result,
      responseExcerpt: responseExcerpt === null ? null : without(responseExcerpt),
      ...(wire === undefined
        ? {}
        : {
            wire: { ...wire, headers: wire.headers.map(([name, value]) => [name, without(value)] as const) },
          }),
    };
  }
}
