import type { Socket } from 'node:net';
import type { ErrorClass } from '../domain/attempt.ts';
import type { Clock } from '../runtime/clock.ts';
import { readableReason, type TlsPeer } from '../runtime/tls-reasons.ts';
import { classifyError, classifyStatus } from './classify.ts';
import type { Connection, Exchange } from './connection.ts';
import type { ConnectionKeeper } from './connection-keeper.ts';
import type { Deadlines, Expiring } from './deadlines.ts';
import type { Dial, DialListener, Dialer } from './dialer.ts';
import { proxyError } from './proxy.ts';
import { parseRetryAfter } from './retry-after.ts';
import type { Target } from './target.ts';
import type { AttemptResult, OutboundRequest } from './transport.ts';
import { type DialStage, type DialTimes, type KeptHeaders, wireRecord } from './wire-record.ts';

const maxExcerptBytes = 4096;
/** A longer answer is not read to its end: its status has been seen, and that is what counts. */
const maxBodyBytes = 64 * 1024;
/** The status decides; a body that does not end by then only keeps the place of the next request. */
const bodyWaitMs = 2000;

const stepClasses: Readonly<Record<DialStage, ErrorClass>> = {
  lookup: 'dns',
  connection: 'connect',
  'tunnel through the proxy': 'connect',
  'TLS handshake': 'tls',
};

/** How reasons of TLS name the endpoint's server and settings. */
const receiver: TlsPeer = {
  name: 'the receiver',
  trust: 'set tls.ca',
  identify: 'set tls.client_certificate',
};

const spent: OutboundRequest = { url: '', headers: [], body: new Uint8Array(), timeoutMs: 0 };

export interface AttemptParts {
  readonly clock: Clock;
  readonly keeper: ConnectionKeeper;
  readonly dialer: Dialer;
  readonly deadlines: Deadlines;
}

/** One attempt: a request on a kept or a fresh connection, and at most once more on a fresh one if the kept one was closed. */
export class Attempt implements Exchange, DialListener, Expiring {
  readonly #parts: AttemptParts;
  #request: OutboundRequest;
  #head: string;
  readonly #target: Target;
  readonly #onResult: (attempt: Attempt, result: AttemptResult) => void;
  #startedAt = 0;
  #timed = false;
  #connection: Connection | null = null;
  #dial: Dial | null = null;
  /** Timings of the connection that was made for it. */
  #times: DialTimes | null = null;
  #address: string | null = null;
  #sentAt = 0;
  #firstByteMs: number | null = null;
  #headers: KeptHeaders | null = null;
  #note: string | null = null;
  #status: number | null = null;
  #chunks: Buffer[] = [];
  #size = 0;
  #ended = false;

  constructor(
    parts: AttemptParts,
    request: OutboundRequest,
    head: string,
    target: Target,
    onResult: (attempt: Attempt, result: AttemptResult) => void,
  ) {
    this.#parts = parts;
    this.#request = request;
    this.#head = head;
    this.#target = target;
    this.#onResult = onResult;
    this.#startedAt = parts.clock.monotonic();
  }

  get ended(): boolean {
    return this.#ended;
  }

  get #tenant(): string {
    return this.#request.tenant ?? '';
  }

  begin(): void {
    const { keeper } = this.#parts;
    const connection = keeper.take(this.#target, this.#tenant);
    if (connection === null) this.#dialNew();
    else {
      this.#startTime();
      this.#send(connection);
    }
  }

  onDialStarted(): void {
    if (!this.#timed) this.#startTime();
  }

  onDialed(socket: Socket, address: string, ttlMs: number): void {
    this.#leaveDial();
    this.#send(this.#parts.keeper.add(this.#target, socket, address, ttlMs));
  }

  onDialFailed(error: Error): void {
    const step = stepClasses[this.#dial?.stage ?? 'connection'];
    this.#leaveDial();
    const { code } = error as { code?: string };
    // What is idle holds the file descriptors that are missing.
    if ((code === 'EMFILE' || code === 'ENFILE') && this.#parts.keeper.closeIdle() > 0) this.#dialNew();
    else this.fail(step === 'tls' ? this.#refusalIn(error) : error, step);
  }

  onAnswerBegun(): void {
    this.#firstByteMs = this.#parts.clock.monotonic() - this.#sentAt;
  }

  /** What is known of a connection in the making is kept. */
  #leaveDial(): void {
    if (this.#dial === null) return;
    this.#times = this.#dial.times;
    this.#address = this.#dial.address;
    this.#dial = null;
  }

  onBody(chunk: Buffer): void {
    const most = this.#request.maxExcerptBytes ?? maxExcerptBytes;
    if (this.#size < most) this.#chunks.push(chunk.subarray(0, most - this.#size));
    this.#size += chunk.length;
    if (this.#size > maxBodyBytes) this.#decide(this.#connection!);
  }

  onBodyAwaited(connection: Connection): void {
    this.#parts.deadlines.add(new BodyWait(this, () => this.#decide(connection)), bodyWaitMs);
  }

  onEnd(connection: Connection, error: Error | null): void {
    if (this.#ended) return;
    const { keeper } = this.#parts;
    if (error === null) {
      this.#connection = null;
      keeper.release(connection);
      this.#finish(connection);
      return;
    }
    const stale = connection.requests > 1 && !connection.answered && this.#note === null;
    if (connection.reader.status !== null) this.#decide(connection);
    else if (stale) {
      // The receiver closed it while idle, and the request crossed with that: no byte of an answer was seen.
      this.#connection = null;
      keeper.foundStale(this.#target);
      this.#note = 'sent once more on a new connection: the receiver had closed the kept one';
      this.#dialNew();
    } else this.fail(connection.requests === 1 && !connection.answered ? this.#refusalIn(error) : error);
  }

  /** Some servers only close when they refuse a client certificate: with TLS 1.3 after the handshake, before that in it. */
  #refusalIn(error: Error): Error {
    const presented = (this.#target.reach?.tls?.certificate ?? null) !== null;
    return presented && classifyError(error).errorClass === 'reset' ? refusedClient() : error;
  }

  /** The whole attempt's time is over. */
  expire(): void {
    if (this.#ended) return;
    const status = this.#connection?.reader.status ?? null;
    if (status !== null) {
      this.#decide(this.#connection!);
      return;
    }
    if (this.#connection !== null && this.#connection.requests > 1 && !this.#connection.answered)
      this.#parts.keeper.foundSilent(this.#target);
    const missing = this.#dial?.stage ?? 'answer';
    const proxy = this.#dial?.unreachedProxy ?? null;
    const within = `within the timeout of ${this.#request.timeoutMs} ms`;
    if (proxy !== null) this.fail(proxyError(proxy, `cannot be reached ${within}`));
    else if (missing === 'lookup') {
      const error = new Error(`no answer from the name servers of ${this.#target.host} ${within}`);
      this.fail(Object.assign(error, { code: 'POSTHORN_DNS' }));
    } else this.fail(Object.assign(new Error(`no ${missing} ${within}`), { code: 'POSTHORN_TIMEOUT' }));
  }

  fail(error: Error, otherwise: ErrorClass = 'reset'): void {
    const { errorClass, code } = classifyError(error, otherwise);
    const plain =
      errorClass === 'timeout' || errorClass === 'blocked_address' || code.startsWith('POSTHORN_');
    this.#end(errorClass, this.#noted(plain ? error.message : `${code}: ${readableReason(error, receiver)}`));
  }

  #noted(message: string): string {
    return this.#note === null ? message : `${message} (${this.#note})`;
  }

  #dialNew(): void {
    this.#dial = this.#parts.dialer.dial(this.#target, this.#tenant, this);
  }

  /** Waiting for ourselves is over. */
  #startTime(): void {
    this.#timed = true;
    this.#startedAt = this.#parts.clock.monotonic();
    this.#parts.deadlines.add(this, this.#request.timeoutMs);
  }

  #send(connection: Connection): void {
    this.#connection = connection;
    this.#address = connection.address;
    this.#firstByteMs = null;
    this.#sentAt = this.#parts.clock.monotonic();
    connection.send(this.#head, this.#request.body, this, this.#request.recorded === true);
  }

  /** The status is known and the rest of the answer is not waited for. */
  #decide(connection: Connection): void {
    if (this.#ended) return;
    this.#finish(connection);
  }

  #finish({ reader: { status, retryAfter, headers } }: Connection): void {
    this.#headers = headers;
    const { proxy, isTunnelled } = this.#target;
    if (status === 407 && proxy !== null && !isTunnelled) {
      this.fail(proxyError(proxy, 'does not accept the credentials (HTTP 407)'));
      return;
    }
    this.#status = status;
    const errorClass = classifyStatus(status!);
    const message = errorClass === null ? this.#note : this.#noted(`HTTP ${status}`);
    const asked = status === 429 || status === 503 ? retryAfter : undefined;
    this.#end(errorClass, message, parseRetryAfter(asked, this.#parts.clock.now()));
  }

  #end(errorClass: ErrorClass | null, message: string | null, retryAfterMs: number | null = null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#dial?.cancel();
    this.#leaveDial();
    if (this.#connection !== null) this.#parts.keeper.discard(this.#connection);
    this.#connection = null;
    const result: AttemptResult = {
      ok: errorClass === null,
      statusCode: this.#status,
      errorClass,
      message: message?.slice(0, 300) ?? null,
      responseExcerpt: this.#chunks.length === 0 ? null : excerpt(this.#chunks),
      retryAfterMs,
      durationMs: this.#parts.clock.monotonic() - this.#startedAt,
      ...(errorClass !== null || this.#request.recorded === true
        ? { wire: wireRecord(this.#address, this.#times, this.#firstByteMs, this.#headers) }
        : {}),
    };
    this.#onResult(
      this,
      this.#target.seenCertificate === null ? result : withCertificate(result, this.#target),
    );
    // Its deadline keeps an ended attempt for a while: not with a payload.
    this.#chunks = [];
    this.#request = spent;
    this.#head = '';
  }
}

function withCertificate(result: AttemptResult, target: Target): AttemptResult {
  const serverCertificate = target.takeCertificate();
  return serverCertificate === null ? result : { ...result, serverCertificate };
}

function refusedClient(): Error {
  const message =
    'the receiver closed the connection as soon as it saw the client certificate: it may refuse it';
  return Object.assign(new Error(message), { code: 'POSTHORN_REFUSED_CLIENT' });
}

function excerpt(chunks: readonly Buffer[]): string {
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  // A NUL is legal in a body and poison in most places that show text.
  return bytes.toString('utf8').replaceAll('\u0000', '\ufffd');
}

/** Ends with its attempt, or ends it. */
class BodyWait implements Expiring {
  readonly #attempt: Attempt;
  readonly expire: () => void;

  constructor(attempt: Attempt, expire: () => void) {
    this.#attempt = attempt;
    this.expire = expire;
  }

  get ended(): boolean {
    return this.#attempt.ended;
  }
}
