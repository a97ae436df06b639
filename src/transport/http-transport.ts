import { lookup } from 'node:dns';
import { Pool, type Dispatcher } from 'undici';
import type { Clock } from '../runtime/clock.ts';
import { type AddressGuard, guardedLookup } from './address-guard.ts';
import { classifyError, classifyStatus } from './classify.ts';
import { Deadlines } from './deadlines.ts';
import { parseRetryAfter } from './retry-after.ts';
import type { AttemptResult, OutboundRequest, Transport } from './transport.ts';

const excerptMost = 4096;
/** A longer answer is not read to its end: its status has been seen, and that is what counts. */
const bodyMost = 64 * 1024;
const connectMostMs = 10_000;
const poolsMost = 1000;
const connectionsMost = 256;

export interface HttpTransportOptions {
  readonly clock: Clock;
  readonly guard: AddressGuard;
}

interface Target {
  readonly pool: Pool;
  readonly refused: Error | null;
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #clock: Clock;
  readonly #started: number;
  readonly #resolve: (result: AttemptResult) => void;
  #controller: Dispatcher.DispatchController | null = null;
  #status: number | null = null;
  #retryAfterMs: number | null = null;
  #chunks: Buffer[] = [];
  #size = 0;
  #ended = false;
  #expired = false;

  constructor(clock: Clock, resolve: (result: AttemptResult) => void) {
    this.#clock = clock;
    this.#started = clock.monotonic();
    this.#resolve = resolve;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The whole attempt's time is over. */
  expire(): void {
    if (this.#ended) return;
    this.#expired = true;
    const error = Object.assign(new Error('the attempt took longer than its time-out'), {
      code: 'POSTHORN_TIMEOUT',
    });
    this.fail(error);
    this.#controller?.abort(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It expired while it waited for a connection: it must not be sent after all.
    if (this.#expired) controller.abort(new Error('expired'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.#status = status;
    if (status === 429 || status === 503) {
      const header = headers['retry-after'];
      this.#retryAfterMs = parseRetryAfter(Array.isArray(header) ? header[0] : header, this.#clock.now());
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#size < excerptMost) this.#chunks.push(chunk.subarray(0, excerptMost - this.#size));
    this.#size += chunk.length;
    if (this.#size > bodyMost) {
      this.onResponseEnd();
      controller.abort(new Error('the answer is long enough'));
    }
  }

  onResponseEnd(): void {
    const status = this.#status!;
    const errorClass = classifyStatus(status);
    this.#end(errorClass, errorClass === null ? null : `HTTP ${status}`);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  fail(error: Error): void {
    const { errorClass, code } = classifyError(error);
    const words =
      errorClass === 'timeout' || errorClass === 'blocked_address'
        ? error.message
        : `${code}: ${error.message}`;
    this.#end(errorClass, words.slice(0, 300));
  }

  #end(errorClass: AttemptResult['errorClass'], message: string | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#resolve({
      ok: errorClass === null,
      statusCode: this.#status,
      errorClass,
      message,
      responseExcerpt: this.#chunks.length === 0 ? null : excerpt(this.#chunks),
      retryAfterMs: this.#retryAfterMs,
      durationMs: this.#clock.monotonic() - this.#started,
    });
    this.#chunks = [];
  }
}

function excerpt(chunks: readonly Buffer[]): string {
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  // A NUL is legal in a body and poison in most places that show text.
  return bytes.toString('utf8').replaceAll('\u0000', '\ufffd');
}

/**
 * Posts over HTTP/1.1 with undici. Uses `dispatch` below `request`: no stream is made for an answer of which
 * at most 4 KiB is kept (measured: about a fifth less time for each request).
 */
export function createHttpTransport(options: HttpTransportOptions): Transport {
  const { clock, guard } = options;
  const targets = new Map<string, Target>();
  const parsed = new Map<string, { origin: string; path: string; hostname: string }>();
  const deadlines = new Deadlines(clock);

  const target = (origin: string, hostname: string): Target => {
    let found = targets.get(origin);
    if (found !== undefined) return found;
    if (targets.size >= poolsMost) {
      // The oldest goes; its requests finish first.
      const [oldest, old] = targets.entries().next().value!;
      targets.delete(oldest);
      void old.pool.close();
    }
    found = {
      refused: guard.refusesHost(hostname),
      pool: new Pool(origin, {
        connections: connectionsMost,
        pipelining: 1,
        allowH2: false,
        // The whole attempt has one time-out, held by `deadlines`; undici's are only its backstop.
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: 10_000,
        maxResponseSize: -1,
        connect: { timeout: connectMostMs, lookup: guardedLookup(guard, lookup) },
      }),
    };
    targets.set(origin, found);
    return found;
  };

  const parse = (url: string): { origin: string; path: string; hostname: string } => {
    let found = parsed.get(url);
    if (found === undefined) {
      const { origin, pathname, search, hostname } = new URL(url);
      found = { origin, path: pathname + search, hostname };
      if (parsed.size >= poolsMost * 10) parsed.clear();
      parsed.set(url, found);
    }
    return found;
  };

  return {
    post: ({ url, headers, body, timeoutMs }: OutboundRequest) =>
      new Promise((resolve) => {
        const exchange = new Exchange(clock, resolve);
        try {
          const { origin, path, hostname } = parse(url);
          const { pool, refused } = target(origin, hostname);
          if (refused !== null) {
            exchange.fail(refused);
            return;
          }
          deadlines.add(exchange, timeoutMs);
          pool.dispatch({ path, method: 'POST', headers: headers as string[], body }, exchange);
        } catch (error) {
          exchange.fail(error as Error);
        }
      }),
    close: async () => {
      deadlines.stop();
      await Promise.all([...targets.values()].map(({ pool }) => pool.destroy()));
    },
  };
}
