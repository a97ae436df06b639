import { dayMs, hourMs, minuteMs } from '../../../domain/time.ts';

/** How long the history of Kestrel Pay is. */
export const historyDays = 35;

/** From when until when, in ms since the epoch. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

/** When things happen in the history that ends at `now`: days count back from today, in UTC. */
export interface Calendar extends Span {
  /** Orders answers 503 for four days; afterwards its dead letters are redriven. */
  readonly ordersDown: Span;
  /** A node freezes for this long, with requests in progress. */
  readonly freeze: Span;
  /** Until then search refuses some checkouts, whose deliveries are never redriven: the fix that Impact shows. */
  readonly searchFixedAt: number;
  /** The receiver of analytics refuses some events for a day. */
  readonly analyticsDown: Span;
  /** The certificate of Northwind had expired, and was renewed. */
  readonly northwindCertificate: Span;
  /** Orders answers 503 during the night to yesterday. */
  readonly ordersNight: Span;
  /** The certificate of the partner expired and has not been renewed yet. */
  readonly partnerCertificateAt: number;
  /** From then on the legacy system answers 410. */
  readonly legacyGoneAt: number;
  /** From then on the sandbox redirects to a sign-in page. */
  readonly sandboxClosedAt: number;
  /** The customer relations system is paused. */
  readonly crmPausedAt: number;
  /** A stock item that the warehouse refuses, so that its customer's later events wait. */
  readonly warehouseBlockedAt: number;
  /** The ledger does not answer, until some minutes after the end of the history. */
  readonly ledgerDown: Span;
  /** Deployments of payments, the newest last. */
  readonly deploys: readonly number[];
}

export function calendarUntil(now: number): Calendar {
  const today = Math.floor(now / dayMs) * dayMs;
  const ago = (days: number, hours: number, minutes = 0): number =>
    today - days * dayMs + hours * hourMs + minutes * minuteMs;
  const freezeAt = ago(19, 18, 30);
  return {
    from: now - historyDays * dayMs,
    until: now,
    ordersDown: { from: ago(20, 9, 41), until: ago(16, 14, 5) },
    freeze: { from: freezeAt, until: freezeAt + 100_000 },
    searchFixedAt: ago(16, 13, 50),
    analyticsDown: { from: ago(6, 2, 12), until: ago(6, 22, 40) },
    northwindCertificate: { from: ago(2, 3), until: ago(2, 11, 20) },
    ordersNight: { from: ago(1, 0, 35), until: ago(1, 7, 20) },
    partnerCertificateAt: now - 27 * hourMs,
    legacyGoneAt: ago(1, 11, 3),
    sandboxClosedAt: ago(3, 16, 25),
    crmPausedAt: now - 2 * dayMs - 40 * minuteMs,
    warehouseBlockedAt: now - 9 * hourMs,
    ledgerDown: { from: now - 18 * minuteMs, until: now + 12 * minuteMs },
    deploys: [ago(28, 10, 15), ago(16, 13, 50), ago(8, 9, 30), now - 3 * hourMs],
  };
}

export function isWithin({ from, until }: Span, at: number): boolean {
  return at >= from && at < until;
}
