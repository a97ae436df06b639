import type { ErrorClass } from '../../../domain/attempt.ts';
import { hashText, normalQuantile } from '../../../runtime/seeded-random.ts';
import { type Calendar, isWithin } from './calendar.ts';
import { type Manner, receivers } from './cast.ts';

/** What a receiver does with a request, whether it is simulated or real. */
export interface Conduct {
  /** Time until it answers; null: it never does. */
  readonly takesMs: number | null;
  /** Null: it does not answer, for the reason in `failure`. */
  readonly status: number | null;
  readonly body: string;
  readonly retryAfterS: number | null;
  /** What happens to the connection instead of an answer. */
  readonly failure: { readonly errorClass: ErrorClass; readonly message: string } | null;
}

/** The webhook-id of the event that the warehouse refuses. */
export const refusedEvent = 'kp-refused-stock-item';

const answer = (
  status: number,
  body: string,
  takesMs: number,
  retryAfterS: number | null = null,
): Conduct => ({
  takesMs,
  status,
  body,
  retryAfterS,
  failure: null,
});
const fails = (errorClass: ErrorClass, message: string, takesMs: number): Conduct => ({
  takesMs,
  status: null,
  body: '',
  retryAfterS: null,
  failure: { errorClass, message },
});
const silent: Conduct = { takesMs: null, status: null, body: '', retryAfterS: null, failure: null };

const byHost = new Map(
  Object.entries(receivers).map(([name, receiver]) => [receiver.host, { name, receiver }]),
);
const z99 = normalQuantile(0.99);

/** A log-normal latency, limited to its 99.9th percentile. */
function latencyMs({ medianMs, p99Ms }: Manner, u: number): number {
  const sigma = Math.log(p99Ms / medianMs) / z99;
  return Math.max(
    1,
    Math.round(medianMs * Math.exp(sigma * normalQuantile(Math.min(0.999, Math.max(0.001, u))))),
  );
}

/** For every receiver: how often a connection is reset, a gateway fails, or an answer never comes. */
const troubles = { reset: 0.0012, gateway: 0.001, hang: 0.0005 };
/** Which share of its events a receiver refuses while it has a defect that goes by what is in them. */
const refused = { search: 0.2, analytics: 0.12 };
const expired = 'CERT_HAS_EXPIRED: certificate has expired';

/** How a receiver of Kestrel Pay answers at a moment of the history, or after it. `draw` returns numbers in [0, 1). */
export function conductFor(
  calendar: Calendar,
  { host, webhookId, at }: { readonly host: string; readonly webhookId: string; readonly at: number },
  draw: () => number,
): Conduct {
  const known = byHost.get(host);
  // Channels: Slack, PagerDuty, a webhook of Kestrel's own.
  if (known === undefined) return answer(200, 'ok', latencyMs({ medianMs: 120, p99Ms: 700 }, draw()));
  const { name, receiver } = known;
  const latency = latencyMs(receiver, draw());
  const special = specialConduct(calendar, { name, webhookId, at, latency }, draw);
  if (special !== null) return special;
  const trouble = draw();
  if (trouble < troubles.reset) return fails('reset', 'ECONNRESET: socket hang up', latency);
  if (trouble < troubles.reset + troubles.gateway)
    return answer(502, '<html><head><title>502 Bad Gateway</title></head></html>', latency);
  if (trouble < troubles.reset + troubles.gateway + troubles.hang) return silent;
  return answer(200, '{"received":true}', latency);
}

/** A number in [0, 1) that goes by the event, so that each attempt of it fares alike. */
function hashShare(webhookId: string): number {
  return (hashText(webhookId) >>> 0) / 2 ** 32;
}

function specialConduct(
  calendar: Calendar,
  about: { readonly name: string; readonly webhookId: string; readonly at: number; readonly latency: number },
  draw: () => number,
): Conduct | null {
  const { name, webhookId, at, latency } = about;
  switch (name) {
    case 'orders': {
      const isDown = isWithin(calendar.ordersDown, at) || isWithin(calendar.ordersNight, at);
      return isDown ? answer(503, '{"error":"database is restarting"}', latency) : null;
    }
    case 'ledger':
      return isWithin(calendar.ledgerDown, at) ? silent : null;
    case 'analytics':
      return isWithin(calendar.analyticsDown, at) && hashShare(webhookId) < refused.analytics
        ? answer(500, 'partition key is null', latency)
        : null;
    case 'search':
      return at < calendar.searchFixedAt && hashShare(webhookId) < refused.search
        ? answer(500, '{"error":"line item without a picture"}', latency)
        : null;
    case 'northwind':
      return isWithin(calendar.northwindCertificate, at) ? fails('tls', expired, 40) : null;
    case 'partner':
      return at >= calendar.partnerCertificateAt ? fails('tls', expired, 40) : null;
    case 'legacy':
      return at >= calendar.legacyGoneAt ? answer(410, 'This service has moved', latency) : null;
    case 'sandbox':
      return at >= calendar.sandboxClosedAt ? answer(302, '<a href="/login">Moved</a>', latency) : null;
    case 'warehouse':
      return webhookId === refusedEvent ? answer(422, '{"error":"unknown stock item"}', latency) : null;
    case 'mail':
      return draw() < 0.05 ? answer(429, 'Too many requests', 8, 5 + Math.floor(draw() * 40)) : null;
    default:
      return null;
  }
}
