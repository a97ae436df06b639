import { subscribes } from '../../../domain/endpoint.ts';
import { iso, secondMs } from '../../../domain/time.ts';
import { SeededRandom } from '../../../runtime/seeded-random.ts';
import { type Calendar, historyDays } from './calendar.ts';
import { receivers } from './cast.ts';
import { deliveriesAnEvent, gapAfter, Traffic } from './traffic.ts';

/** Per thousand obligations: how many were lost silently, and how many failed at first and were delivered in the end. */
const lost = 3.5;
const retried = 60;
const timeoutMs = 10 * secondMs;
/** A retry begins while the request before it is still under way: this is the race. */
const retryAfterMs = 8 * secondMs;

/**
 * The log of the sender that Kestrel Pay had before, over the days before its outage: a retry that begins while the first request is
 * under way, and fails, has its own retry erased when that request times out. Nothing in the log says so; an audit finds it.
 */
export function formerLog(seed: number, deliveries: number, { from, ordersDown }: Calendar): string {
  const random = new SeededRandom(seed, 'former sender');
  const traffic = new Traffic(new SeededRandom(seed, 'former traffic'));
  const perDay = deliveries / historyDays / deliveriesAnEvent;
  const lines: { readonly at: number; readonly line: object }[] = [];
  for (let at = from; at < ordersDown.from; at += gapAfter(random, at, perDay)) {
    const { id, type, value } = traffic.event(at);
    const worth =
      value === undefined || value === null
        ? {}
        : { amount_minor: value.amountMinor, currency: value.currency };
    for (const { host, endpoint, medianMs } of Object.values(receivers)) {
      if (!subscribes(endpoint.eventTypes ?? ['*'], type)) continue;
      const attempt = (n: number, startedAt: number, durationMs: number, outcome: object): void => {
        const started = { attempt: n, started_at: iso(startedAt), duration_ms: Math.round(durationMs) };
        lines.push({
          at: startedAt + durationMs,
          line: { event_id: id, endpoint: host, event_type: type, ...started, ...outcome, ...worth },
        });
      };
      const began = at + random.between(5, 400);
      const took = medianMs * random.between(0.6, 3);
      const fate = random.float() * 1000;
      if (fate >= lost + retried) {
        attempt(1, began, took, { status: 200, state: 'delivered' });
        continue;
      }
      const again = began + retryAfterMs;
      const next = (after: number): string => iso(after + 60 * secondMs);
      attempt(1, began, timeoutMs, { error: 'timeout', state: 'retrying', next_retry_at: iso(again) });
      if (fate < lost) {
        const failed = again + took;
        attempt(2, again, took, { status: 503, state: 'retrying', next_retry_at: next(failed) });
      } else attempt(2, began + timeoutMs + retryAfterMs, took, { status: 200, state: 'delivered' });
    }
  }
  return lines
    .toSorted((a, b) => a.at - b.at)
    .map(({ line }) => `${JSON.stringify(line)}\n`)
    .join('');
}
