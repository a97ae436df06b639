import type { Exchange } from './network.ts';
import type { VirtualTime } from 'posthorn/runtime';

// The sender of the incident, as such services are written: it keeps its retries in memory, and the last writer wins.
// Nothing in it looks wrong line by line, nothing throws, and nothing is logged when a webhook is lost.

interface Delivery {
  readonly payment: number;
  attempts: number;
  status: 'sending' | 'delivered' | 'retrying' | 'failed';
  nextRetryAt: number | null;
  /** Cancels the retry that is owed. */
  retryTimer: (() => void) | null;
}

/** A line of its delivery log, as services of this kind write it. */
export interface NaiveLogLine {
  readonly payment: number;
  readonly attempt: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly statusCode: number | null;
  readonly error: string | null;
  readonly status: Delivery['status'];
  readonly nextRetryAt: number | null;
}

export interface NaiveOptions {
  readonly time: VirtualTime;
  readonly send: (payment: number, attempt: number) => Exchange;
  readonly timeoutMs: number;
  /** Delays before the second attempt, the third, … */
  readonly retryAfterMs: readonly number[];
  readonly log: (line: NaiveLogLine) => void;
}

export class NaiveSender {
  readonly #o: NaiveOptions;
  readonly #deliveries = new Map<number, Delivery>();

  constructor(options: NaiveOptions) {
    this.#o = options;
  }

  deliver(payment: number): void {
    const delivery: Delivery = {
      payment,
      attempts: 0,
      status: 'sending',
      nextRetryAt: null,
      retryTimer: null,
    };
    this.#deliveries.set(payment, delivery);
    this.#attempt(delivery);
  }

  statusOf(payment: number): Delivery['status'] | undefined {
    return this.#deliveries.get(payment)?.status;
  }

  #attempt(delivery: Delivery): void {
    const { time, send, timeoutMs, log } = this.#o;
    const attempt = ++delivery.attempts;
    const startedAt = time.elapsed;
    const exchange = send(delivery.payment, attempt);
    const write = (endedAt: number, statusCode: number | null, error: string | null): void =>
      log({
        payment: delivery.payment,
        attempt,
        startedAt,
        endedAt,
        statusCode,
        error,
        status: delivery.status,
        nextRetryAt: delivery.nextRetryAt,
      });
    // The timeout is a race against a timer: the losing request is not aborted, it goes on.
    let timedOut = false;
    const stopTimer = time.after(timeoutMs, () => {
      timedOut = true;
      this.#retryLater(delivery);
      write(time.elapsed, null, 'timeout');
    });
    time.after(exchange.answeredAfter, () => {
      // The answer of a request that was given up is logged too: it is what gives the race away in the end.
      stopTimer();
      const { status, error } = exchange;
      const delivered = status !== null && status >= 200 && status < 300;
      if (delivered) {
        this.#clean(delivery);
        delivery.status = 'delivered';
      } else if (timedOut) {
        // "This attempt has been given up, its retry was scheduled then: only clean up after it." But the timer that is
        // cleaned up is no longer this attempt's: it is the one of the retry that is still owed. Here the webhook is lost.
        this.#clean(delivery);
        delivery.status = 'retrying';
      } else this.#retryLater(delivery);
      write(time.elapsed, status, error);
    });
  }

  #retryLater(delivery: Delivery): void {
    const { time, retryAfterMs } = this.#o;
    const delay = retryAfterMs[delivery.attempts - 1];
    if (delivery.status === 'delivered') return;
    if (delay === undefined) {
      delivery.status = 'failed';
      delivery.nextRetryAt = null;
      return;
    }
    delivery.status = 'retrying';
    delivery.nextRetryAt = time.elapsed + delay;
    delivery.retryTimer = time.after(delay, () => {
      delivery.retryTimer = null;
      this.#attempt(delivery);
    });
  }

  #clean(delivery: Delivery): void {
    delivery.retryTimer?.();
    delivery.retryTimer = null;
  }
}
