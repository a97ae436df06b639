import { ApiError, type Client, type FieldError } from '@posthorn/client';
import type { Clock } from '../../runtime/clock.ts';
import type { Random } from '../../runtime/random.ts';
import { isAnswerOf } from '../answers.ts';
import type { EventLine } from './event-line.ts';

/** What the server returns for an event that it has accepted. */
export interface WireReceipt {
  readonly id: string;
  readonly deliveries: number;
  readonly suppressed: number;
  readonly duplicate: boolean;
}

/** A line that was not accepted, and why. */
export interface Refusal {
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

/** Receives the outcome of each line. */
export interface Outcomes {
  /** `isRetried`: the batch was sent before without a usable answer, so a duplicate may come from this run. */
  accepted(line: EventLine, receipt: WireReceipt, isRetried: boolean): void;
  refused(refusal: Refusal): void;
  /** A batch could not be sent and will be sent again. */
  retrying?(failure: ApiError, waitMs: number): void;
}

/** A line was refused, and refused lines end the work. */
export class LineRefused extends Error {
  override readonly name = 'LineRefused';
}

export interface BatchSenderOptions {
  readonly client: Pick<Client, 'request'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly outcomes: Outcomes;
  /** Continues after refused lines; else the first one throws `LineRefused`. */
  readonly skipRefused: boolean;
  /** How long one batch is retried before its failure counts. */
  readonly retryForMs: number;
  /** How long one request may take: after a request without an answer, another starts only if it can end in time. */
  readonly requestMs: number;
  /** After this no batch is sent again. */
  readonly signal: AbortSignal;
}

const firstWaitMs = 200;
const maxWaitMs = 10_000;
const maxRetryAfterMs = 60_000;
/** Refusals that a later request may not get; so are all server failures except these. */
const passingStatuses = new Set([408, 425, 429]);
const lastingFailures = new Set([501, 505]);
/** Answers that may be about one of the lines, and not about the request as such. */
const lineStatuses = new Set([400, 409, 413, 422]);

/**
 * Sends batches until every line has its receipt or its refusal (G1, G5). Temporary failures are retried with the same
 * ids; a refused batch is split until the lines at fault are known; nothing counts as accepted without a receipt.
 */
export class BatchSender {
  readonly #o: BatchSenderOptions;

  constructor(options: BatchSenderOptions) {
    this.#o = options;
  }

  async send(lines: readonly EventLine[]): Promise<void> {
    let failure: ApiError;
    try {
      const { receipts, tries } = await this.#post(lines);
      for (const [index, line] of lines.entries())
        this.#o.outcomes.accepted(line, receipts[index]!, tries > 1);
      return;
    } catch (error) {
      if (!(error instanceof ApiError) || !lineStatuses.has(error.status)) throw error;
      failure = error;
    }
    const named = faultsByIndex(failure.errors, lines.length);
    if (named.size === 0 && lines.length === 1) named.set(0, [failure.message]);
    for (const [index, messages] of [...named].toSorted(([a], [b]) => a - b))
      this.#o.outcomes.refused({
        line: lines[index]!.number,
        code: failure.code,
        message: messages.join('; '),
      });
    if (named.size > 0 && !this.#o.skipRefused) throw new LineRefused(failure.message);
    // In halves: a batch of only bad lines then costs one request per line, each with few lines. In order, for their keys.
    const rest = lines.filter((_, index) => !named.has(index));
    const middle = Math.ceil(rest.length / 2);
    for (const half of [rest.slice(0, middle), rest.slice(middle)])
      if (half.length > 0) await this.send(half);
  }

  /** Posts a batch until it is answered with receipts or refused; all or none. */
  async #post(
    lines: readonly EventLine[],
  ): Promise<{ readonly receipts: readonly WireReceipt[]; readonly tries: number }> {
    const { client, clock, outcomes, retryForMs, requestMs, signal } = this.#o;
    const body = `{"events":[${lines.map(({ text }) => text).join(',')}]}`;
    const giveUpAt = clock.monotonic() + retryForMs;
    for (let tries = 1; ; tries++) {
      let failure: ApiError;
      try {
        const answer = await client.request('POST', '/v1/events/batch', body);
        const receipts = receiptsFor(lines, answer);
        if (receipts !== null) return { receipts, tries };
        failure = new ApiError(0, 'garbled', 'the server answered without a receipt for every event');
      } catch (error) {
        if (!(error instanceof ApiError) || !mayPass(error)) throw error;
        failure = error;
      }
      const waitMs = this.#waitMs(tries, failure);
      const needsMs = waitMs + (failure.code === 'timeout' ? requestMs : 0);
      if (signal.aborted || clock.monotonic() + needsMs > giveUpAt)
        throw new ApiError(
          failure.status,
          failure.code,
          `${failure.message}; gave up after ${tries} ${tries === 1 ? 'try' : 'tries'}`,
        );
      outcomes.retrying?.(failure, waitMs);
      await pause(clock, waitMs, signal);
    }
  }

  /** Exponential backoff with jitter, and never sooner than the server asks for. */
  #waitMs(tries: number, { retryAfterS }: ApiError): number {
    const { random } = this.#o;
    const most = Math.min(maxWaitMs, firstWaitMs * 2 ** (tries - 1));
    const asked = Math.min(maxRetryAfterMs, (retryAfterS ?? 0) * 1000);
    return Math.max(asked, most * (0.5 + random.float() / 2));
  }
}

/** Returns whether a failure may be temporary. Broken answers count too: a proxy's page, or a truncated one. */
function mayPass({ status, code }: ApiError): boolean {
  return (
    status === 0 ||
    passingStatuses.has(status) ||
    (status >= 500 && !lastingFailures.has(status)) ||
    (code === 'garbled' && status >= 200 && status < 300)
  );
}

/** The receipts of these lines, in order; null if any is missing. */
function receiptsFor(lines: readonly EventLine[], answer: unknown): readonly WireReceipt[] | null {
  if (!isAnswerOf('events.publishBatch', answer)) return null;
  const { accepted } = answer as { readonly accepted: readonly WireReceipt[] };
  return accepted.length === lines.length && accepted.every(({ id }, index) => id === lines[index]!.id)
    ? accepted
    : null;
}

/** Returns which line of the batch a refusal is about, and what it says: `/events/3/data: is too large`. */
function faultsByIndex(errors: readonly FieldError[], count: number): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const { path, message } of errors) {
    const match = /^\/events\/(\d+)(\/.*)?$/s.exec(path);
    const index = Number(match?.[1] ?? Number.NaN);
    if (!(index < count)) continue;
    const words = match?.[2] === undefined ? message : `${match[2]} ${message}`;
    found.set(index, [...(found.get(index) ?? []), words]);
  }
  return found;
}

/** Waits; less if `signal` aborts. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
