import type { Clock } from '../../../runtime/clock.ts';
import type { Random } from '../../../runtime/random.ts';
import { classifyStatus } from '../../../transport/classify.ts';
import type { AttemptResult, OutboundRequest, Transport } from '../../../transport/transport.ts';
import type { Calendar } from './calendar.ts';
import { type Conduct, conductFor } from './conduct.ts';

const failed = { ok: false, statusCode: null, responseExcerpt: null, retryAfterMs: null } as const;

function header(headers: readonly string[], name: string): string {
  return headers[headers.indexOf(name) + 1] ?? '';
}

/** What the sender makes of it. */
function toResult(conduct: Conduct, durationMs: number, timeoutMs: number): AttemptResult {
  const { takesMs, status, body, retryAfterS, failure } = conduct;
  if (takesMs === null || takesMs >= timeoutMs)
    return {
      ...failed,
      errorClass: 'timeout',
      message: `no answer within the timeout of ${timeoutMs} ms`,
      durationMs,
    };
  if (failure !== null) return { ...failed, ...failure, durationMs };
  const errorClass = classifyStatus(status!);
  return {
    ok: errorClass === null,
    statusCode: status,
    errorClass,
    message: errorClass === null ? null : `HTTP ${status}`,
    responseExcerpt: body,
    retryAfterMs: retryAfterS === null ? null : retryAfterS * 1000,
    durationMs,
  };
}

/** The receivers of Kestrel Pay without a network, on any clock. */
export function simulatedTransport(calendar: Calendar, clock: Clock, random: Random): Transport {
  return {
    post: (request) =>
      new Promise((resolve) => {
        const { url, timeoutMs } = request;
        const webhookId = header(request.headers, 'webhook-id');
        const about = { host: new URL(url).hostname, webhookId, at: clock.now() };
        const conduct = conductFor(calendar, about, () => random.float());
        const startedAt = clock.monotonic();
        clock.after(Math.min(conduct.takesMs ?? timeoutMs, timeoutMs), () =>
          resolve(toResult(conduct, Math.round(clock.monotonic() - startedAt), timeoutMs)),
        );
      }),
    close: async () => {},
  };
}

/**
 * The receivers of Kestrel Pay as a server of this process: requests to their hosts go to `origin`, with the host as
 * the first part of the path. Failures before an answer happen here.
 */
export function redirectedTransport(
  network: Transport,
  { calendar, clock, origin }: { calendar: Calendar; clock: Clock; origin: string },
): Transport {
  return {
    ...(network.capacity === undefined ? {} : { capacity: network.capacity }),
    post: async (request: OutboundRequest) => {
      const { hostname, pathname } = new URL(request.url);
      if (!hostname.endsWith('.example')) return await network.post(request);
      const webhookId = header(request.headers, 'webhook-id');
      const { failure } = conductFor(calendar, { host: hostname, webhookId, at: clock.now() }, () => 0.5);
      if (failure !== null) return { ...failed, ...failure, durationMs: 40 };
      return await network.post({ ...request, url: `${origin}/${hostname}${pathname}` });
    },
    close: () => network.close(),
  };
}
