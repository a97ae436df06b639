import type { Contact } from '../domain/contact.ts';
import type { AttemptResult } from '../transport/transport.ts';

/** What one node knows of its attempts at an endpoint. Changed in place: an attempt costs no allocation for it. */
export class LaneContact implements Contact {
  lastSuccessAt: number | null = null;
  lastFailureAt: number | null = null;
  failedSince: number | null = null;
  failuresInARow = 0;
  lastErrorClass: Contact['lastErrorClass'] = null;
  lastStatusCode: number | null = null;
  /** It waits to be written: what comes meanwhile is written with it. */
  isNoted = false;

  /** After an attempt. */
  observe({ ok, errorClass, statusCode }: AttemptResult, now: number): void {
    if (ok) {
      this.lastSuccessAt = now;
      this.failedSince = null;
      this.failuresInARow = 0;
      return;
    }
    this.lastFailureAt = now;
    this.failedSince ??= now;
    this.failuresInARow++;
    this.lastErrorClass = errorClass;
    this.lastStatusCode = statusCode;
  }

  /** The clock has jumped by so much. */
  move(byMs: number): void {
    if (this.lastSuccessAt !== null) this.lastSuccessAt += byMs;
    if (this.lastFailureAt !== null) this.lastFailureAt += byMs;
    if (this.failedSince !== null) this.failedSince += byMs;
  }

  /** As it is now, to be written. */
  take(): Contact {
    this.isNoted = false;
    const { lastSuccessAt, lastFailureAt, failedSince, failuresInARow, lastErrorClass, lastStatusCode } =
      this;
    return { lastSuccessAt, lastFailureAt, failedSince, failuresInARow, lastErrorClass, lastStatusCode };
  }
}
