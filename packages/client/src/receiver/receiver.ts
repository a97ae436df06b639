import { systemRuntime } from '../runtime/system.ts';
import { WebhookVerificationError, type WebhookVerificationFailure } from './errors.ts';
import { readHead, type WebhookHead, type WebhookHeaders } from './headers.ts';
import { type Inbox, InboxBusyError } from './inbox/inbox.ts';
import { checksFrom } from './keys.ts';
import { type Answer, problemAnswer, processedAnswer } from './problem.ts';
import { checkSignature, checkTimestamp, parseBody, toRaw, type WebhookEvent } from './verify.ts';

/** A webhook that was verified. */
export interface Webhook<Event = WebhookEvent> {
  /** The `webhook-id`: the same in every attempt and after a replay. */
  readonly id: string;
  readonly sentAt: Date;
  readonly event: Event;
  /** As it arrived. */
  readonly body: string | Uint8Array;
}

/** Secrets (`whsec_…`) and public keys (`whpk_…`): one of them has to have signed. */
export type WebhookKeys = string | readonly string[];
/** Keys, or how to find those for one webhook, by tenant for example. An empty list rejects it with `unknown_key`. */
export type WebhookKeySource =
  | WebhookKeys
  | ((webhook: {
      readonly id: string;
      readonly headers: WebhookHeaders;
    }) => WebhookKeys | Promise<WebhookKeys>);

/** For logs and metrics: what was rejected, and by which step. */
export interface Rejection {
  readonly error: WebhookVerificationError;
  /** Null if the header was not readable. Not verified: a stranger may have written it. */
  readonly webhookId: string | null;
}

interface CommonOptions {
  readonly keys: WebhookKeySource;
  /** Default 300 s. */
  readonly toleranceS?: number;
  /** Default 1 MiB. A larger body is answered 413 without being read to its end. */
  readonly maxBodyBytes?: number;
  readonly onRejected?: (rejection: Rejection) => void;
  /** `handle` threw or the inbox failed; the sender gets a 500 and tries again. Default: a warning of the process. */
  readonly onFailed?: (failure: { readonly webhookId: string | null; readonly error: unknown }) => void;
  /** Milliseconds since the epoch. Default: the clock of this machine. */
  readonly now?: () => number;
}

export interface ReceiverOptions<Event> extends CommonOptions {
  readonly inbox?: undefined;
  /** Runs for every attempt, duplicates too: store the event, and return. */
  readonly handle: (webhook: Webhook<Event>) => unknown;
}

export interface InboxReceiverOptions<Event, Tx> extends CommonOptions {
  /** Runs `handle` once per `webhook-id`, in a transaction. */
  readonly inbox: Inbox<Tx>;
  readonly handle: (webhook: Webhook<Event>, tx: Tx) => unknown;
}

/** A request as an adapter hands it over. `read` returns the body; it may throw `WebhookVerificationError`. */
export interface RawRequest {
  readonly headers: unknown;
  readonly read: (maxBytes: number) => unknown;
}

/** What became of a request, and what to answer. */
export interface Reception extends Answer {
  readonly outcome: 'processed' | 'duplicate' | 'rejected' | 'failed';
  readonly webhookId: string | null;
  /** Null if it was processed. */
  readonly code: WebhookVerificationFailure | 'duplicate' | 'busy' | 'handler_failed' | null;
}

export interface ReceiverCounters {
  readonly received: number;
  readonly processed: number;
  readonly duplicates: number;
  /** `handle` threw, or the inbox was busy. */
  readonly failed: number;
  readonly rejected: Readonly<Partial<Record<WebhookVerificationFailure, number>>>;
}

export interface Receiver {
  /** Verifies a request and handles it. Never throws: what went wrong is in the reception. */
  receive(request: RawRequest): Promise<Reception>;
  /** Counts since the receiver was created. */
  counters(): ReceiverCounters;
}

const defaultMaxBodyBytes = 1_048_576;

/** Returns a receiver: hand it to the adapter of your framework. */
export function createReceiver<Event = WebhookEvent>(options: ReceiverOptions<Event>): Receiver;
export function createReceiver<Event = WebhookEvent, Tx = unknown>(
  options: InboxReceiverOptions<Event, Tx>,
): Receiver;
export function createReceiver<Event, Tx>(
  options: ReceiverOptions<Event> | InboxReceiverOptions<Event, Tx>,
): Receiver {
  return new VerifyingReceiver(options);
}

class VerifyingReceiver<Event, Tx> implements Receiver {
  readonly #options: ReceiverOptions<Event> | InboxReceiverOptions<Event, Tx>;
  #received = 0;
  #processed = 0;
  #duplicates = 0;
  #failed = 0;
  readonly #rejected: Partial<Record<WebhookVerificationFailure, number>> = {};

  constructor(options: ReceiverOptions<Event> | InboxReceiverOptions<Event, Tx>) {
    this.#options = options;
  }

  counters(): ReceiverCounters {
    return {
      received: this.#received,
      processed: this.#processed,
      duplicates: this.#duplicates,
      failed: this.#failed,
      rejected: { ...this.#rejected },
    };
  }

  async receive(request: RawRequest): Promise<Reception> {
    this.#received++;
    let head: WebhookHead | null = null;
    let webhook: Webhook<Event>;
    try {
      head = readHead(request.headers);
      webhook = await this.#verify(head, request);
    } catch (error) {
      return error instanceof WebhookVerificationError
        ? this.#reject(error, head?.id ?? null)
        : this.#fail(error, head?.id ?? null);
    }
    try {
      return await this.#process(webhook);
    } catch (error) {
      return this.#fail(error, webhook.id);
    }
  }

  /** What costs least comes first: a request that is not a webhook is rejected before its body is read. */
  async #verify(head: WebhookHead, request: RawRequest): Promise<Webhook<Event>> {
    const { keys, toleranceS, maxBodyBytes = defaultMaxBodyBytes, now = systemRuntime.now } = this.#options;
    checkTimestamp(head, { now: now(), ...(toleranceS === undefined ? {} : { toleranceS }) });
    const headers = request.headers as WebhookHeaders;
    const checks = checksFrom(typeof keys === 'function' ? await keys({ id: head.id, headers }) : keys);
    const body = toRaw(await request.read(maxBodyBytes));
    if (body.length > maxBodyBytes)
      throw new WebhookVerificationError('body_too_large', `The body is longer than ${maxBodyBytes} bytes`);
    checkSignature(checks, head, body);
    const sentAt = new Date(Number(head.timestamp) * 1000);
    return { id: head.id, sentAt, event: parseBody(body) as Event, body };
  }

  async #process(webhook: Webhook<Event>): Promise<Reception> {
    const { inbox } = this.#options;
    let outcome: 'processed' | 'duplicate' = 'processed';
    if (inbox === undefined) await this.#options.handle(webhook);
    else {
      const { handle } = this.#options;
      ({ outcome } = await inbox.process(webhook.id, (tx) => handle(webhook, tx)));
    }
    const isDuplicate = outcome === 'duplicate';
    if (isDuplicate) this.#duplicates++;
    else this.#processed++;
    return {
      outcome,
      webhookId: webhook.id,
      code: isDuplicate ? 'duplicate' : null,
      ...processedAnswer(outcome),
    };
  }

  #reject(error: WebhookVerificationError, webhookId: string | null): Reception {
    this.#rejected[error.code] = (this.#rejected[error.code] ?? 0) + 1;
    quietly(() => this.#options.onRejected?.({ error, webhookId }));
    return { outcome: 'rejected', webhookId, code: error.code, ...problemAnswer(error) };
  }

  #fail(error: unknown, webhookId: string | null): Reception {
    this.#failed++;
    const { onFailed = warn } = this.#options;
    quietly(() => onFailed({ webhookId, error }));
    const code = error instanceof InboxBusyError ? 'busy' : 'handler_failed';
    return { outcome: 'failed', webhookId, code, ...problemAnswer(code) };
  }
}

/** A hook that throws must not change the answer. */
function quietly(hook: () => void): void {
  try {
    hook();
  } catch (error) {
    warn({ error });
  }
}

function warn({ error }: { readonly error: unknown }): void {
  globalThis.process?.emitWarning?.(error instanceof Error ? error : String(error), 'WebhookHandlerWarning');
}
