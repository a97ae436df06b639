import type { Clock } from '../runtime/clock.ts';
import { type Random, systemRandom } from '../runtime/random.ts';
import { type AddressGuard, createAddressGuard, type GuardOptions } from './address-guard.ts';
import { Attempt } from './attempt.ts';
import { AuthorizedPost } from './authorized-post.ts';
import { ConnectionKeeper } from './connection-keeper.ts';
import { Deadlines } from './deadlines.ts';
import { Dialer } from './dialer.ts';
import { systemNames } from './name-lookup.ts';
import type { Names } from './names.ts';
import { maxOpenFiles } from './open-files.ts';
import { proxyChoice, type ProxyVariables } from './proxy.ts';
import { requestHead } from './request-head.ts';
import { Tokens } from './tokens.ts';
import type { AttemptResult, OutboundRequest, Transport } from './transport.ts';

export interface HttpTransportOptions extends GuardOptions {
  readonly clock: Clock;
  /** Default: the system's. */
  readonly random?: Random;
  /** Default: one of the guard's options beside it; public addresses only if there are none. */
  readonly guard?: AddressGuard;
  /** Default: as this machine's name servers and hosts file know them. */
  readonly names?: Names;
  /** Default: what the system says of this process. */
  readonly maxOpenFiles?: number;
  /** Default: connections are direct, whatever the environment's variables say. */
  readonly proxy?: string | ProxyVariables | undefined;
  /** What token servers see. Default: `Posthorn`. */
  readonly userAgent?: string;
}

const minCapacity = 16;

/**
 * Posts over HTTP/1.1 on connections of its own. Not with undici: its parser fails an answer that begins with
 * 100 Continue or whose status it does not know, it does not say whether a connection was used before, and it waits a turn
 * of the event loop before each reuse.
 */
export function createHttpTransport(options: HttpTransportOptions): Transport {
  const {
    clock,
    random = systemRandom,
    guard = createAddressGuard(options),
    names = systemNames(clock),
  } = options;
  const files = options.maxOpenFiles ?? maxOpenFiles();
  const keeper = new ConnectionKeeper({
    clock,
    random,
    names,
    proxyFor: proxyChoice(options.proxy),
    maxOpenFiles: files,
  });
  const deadlines = new Deadlines(clock);
  const parts = { clock, keeper, deadlines, dialer: new Dialer({ clock, guard, names }) };
  const inFlight = new Set<Attempt>();
  let isClosed = false;

  const begin = (request: OutboundRequest, resolve: (result: AttemptResult) => void): void => {
    if (isClosed) throw new Error('Posthorn stopped');
    const target = keeper.target(request.sender ?? request.url, request.url, request.reach ?? null);
    target.refused ??= guard.refusesHost(target.hostname) ?? 'permitted';
    const attempt = new Attempt(parts, request, requestHead(target, request), target, (ended, result) => {
      inFlight.delete(ended);
      resolve(result);
    });
    inFlight.add(attempt);
    if (target.refused === 'permitted') attempt.begin();
    else attempt.fail(target.refused);
  };

  const post = (request: OutboundRequest): Promise<AttemptResult> =>
    new Promise((resolve) => {
      try {
        begin(request, resolve);
      } catch (error) {
        resolve(failedByUs(error as Error));
      }
    });
  const tokens = new Tokens({ clock, post, userAgent: options.userAgent ?? 'Posthorn' });
  const authorized = new AuthorizedPost(clock, tokens, post);

  return {
    // A request that finds no file left costs its delivery an attempt. Those in flight may come to twice their budget.
    capacity: files === null ? undefined : Math.max(minCapacity, Math.floor(files / 4)),
    post: (request) => {
      const { reach } = request;
      return reach === undefined || reach === null || reach.oauth === null
        ? post(request)
        : authorized.send(request, reach, reach.oauth);
    },
    close: async () => {
      isClosed = true;
      const stopped = Object.assign(new Error('Posthorn stopped'), { code: 'POSTHORN_STOPPED' });
      for (const attempt of inFlight) attempt.fail(stopped);
      deadlines.stop();
      keeper.close();
    },
  };
}

/** No request could be made of it. */
function failedByUs({ message }: Error): AttemptResult {
  return {
    ok: false,
    statusCode: null,
    errorClass: 'internal',
    message: message.slice(0, 300),
    responseExcerpt: null,
    retryAfterMs: null,
    durationMs: 0,
  };
}
