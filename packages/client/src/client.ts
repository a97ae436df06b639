import { callersNames, decoded, encoded, linesPath } from './call.ts';
import { aborted, type Connection, createConnection, type Fetch, jsonFrom } from './connection.ts';
import { ApiError } from './errors.ts';
import type { Api } from './generated/api.ts';
import { operations } from './generated/operations.ts';
import type { Operation } from './operation.ts';
import { type Call, createApi, type Open } from './resources.ts';
import { waitBeforeRetry } from './retries.ts';
import { type ClientRuntime, systemRuntime } from './runtime/system.ts';
import { answerLinesOf, lineBody, messagesOf } from './streams.ts';
import { version } from './generated/version.ts';

export interface CallOptions {
  /**
   * Idempotency key of a POST or PATCH: the same key has one effect. A POST without one gets one, and keeps it when it
   * is retried.
   */
  readonly idempotencyKey?: string;
  /** Aborts the call. */
  readonly signal?: AbortSignal;
  /** Timeout of each try, from connecting to the end of the answer; for a streaming answer, to its start. */
  readonly timeoutMs?: number;
}

export interface ClientOptions {
  /** Timeout of each try, from connecting to the end of the answer. Default 30 s. */
  readonly timeoutMs?: number;
  /** Maximum tries of a call that is safe to repeat. Default 3; 1 means no retries. */
  readonly maxTries?: number;
  /** Added to the header `User-Agent` before the client's own: `shop/1.2`. */
  readonly userAgent?: string;
  /** Default: the global `fetch`. */
  readonly fetch?: Fetch;
  /** Time and randomness; for tests. */
  readonly runtime?: ClientRuntime;
}

export interface Client extends Api<CallOptions> {
  /**
   * Sends one request in wire form, once, and returns its parsed answer (null: without a body): for operations that
   * this version lacks a method for. A text body is sent as it is.
   */
  request(method: string, path: string, body?: unknown, options?: CallOptions): Promise<unknown>;
}

const defaultTimeoutMs = 30_000;
const defaultTries = 3;
/** Timeout of a line body, until its answer begins. */
const maxUploadMs = 30 * 60_000;
const lineType = 'application/x-ndjson';

/**
 * Returns a client of the HTTP API at `url`. Throws a `TypeError` if the URL or the key cannot be used; calls reject
 * with `ApiError`.
 */
export function createClient(url: string, apiKey: string, options: ClientOptions = {}): Client {
  const { timeoutMs = defaultTimeoutMs, maxTries = defaultTries, runtime = systemRuntime } = options;
  const own = `posthorn-client/${version}`;
  const connection = createConnection(url, apiKey, {
    fetch: options.fetch ?? fetch,
    now: runtime.now,
    userAgent: options.userAgent === undefined ? own : `${options.userAgent} ${own}`,
  });
  const sender: Sender = { connection, timeoutMs, maxTries, runtime };
  return {
    ...createApi<CallOptions>(createCall(sender), createOpen(sender)),
    request: async (
      method: string,
      path: string,
      body?: unknown,
      { idempotencyKey, signal, timeoutMs: limitMs }: CallOptions = {},
    ) => {
      const answer = await connection.send({
        method,
        path,
        body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
        idempotencyKey: idempotencyKey ?? null,
        timeoutMs: limitMs ?? timeoutMs,
        signal,
      });
      return jsonFrom(answer, connection.base) ?? null;
    },
  };
}

/** What calls are sent with. */
interface Sender extends Required<Pick<ClientOptions, 'timeoutMs' | 'maxTries' | 'runtime'>> {
  readonly connection: Connection;
}

/** Retries while that may help. */
async function retried<T>(
  { maxTries, runtime }: Sender,
  operation: Operation,
  key: string | null,
  signal: AbortSignal | undefined,
  send: () => Promise<T>,
): Promise<T> {
  if (key !== null && !/^[\x21-\x7e]{1,255}$/.test(key))
    throw new TypeError('An idempotency key must be 1 to 255 visible ASCII characters');
  for (let tries = 1; ; tries++) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const state = { method: operation.method, hasKey: key !== null, tries, maxTries };
      const waitMs = waitBeforeRetry(error, state, runtime.random());
      if (waitMs === null) throw renamed(operation, error);
      await runtime.wait(waitMs, signal).catch(() => {
        throw aborted();
      });
    }
  }
}

/** Returns what makes a call of an operation and reads its answer. */
function createCall(sender: Sender): Call<CallOptions> {
  const { connection, timeoutMs, runtime } = sender;
  return async (id, params, input, callOptions = {}) => {
    const operation: Operation = operations[id];
    const { path, body } = encoded(operation, params, input);
    const { signal } = callOptions;
    const { method } = operation;
    const key = callOptions.idempotencyKey ?? (method === 'POST' ? runtime.newKey() : null);
    return await retried(sender, operation, key, signal, async () => {
      const answer = await connection.send({
        method,
        path,
        body,
        idempotencyKey: key,
        timeoutMs: callOptions.timeoutMs ?? timeoutMs,
        otherStatus: operation.otherStatus,
        signal,
      });
      return decoded(operation, answer, connection.base);
    });
  };
}

/** Returns what opens the streaming answer of an operation. */
function createOpen(sender: Sender): Open<CallOptions> {
  const { connection, timeoutMs } = sender;
  return async function* (id, params, input, lines, callOptions = {}) {
    const operation: Operation = operations[id];
    const { method } = operation;
    const { signal } = callOptions;
    const usual = { method, idempotencyKey: null, signal };
    if (lines === null) {
      const { path } = encoded(operation, params, input);
      const limitMs = callOptions.timeoutMs ?? timeoutMs;
      const answer = await retried(sender, operation, null, signal, () =>
        connection.open({ ...usual, path, body: null, accept: 'text/event-stream', timeoutMs: limitMs }),
      );
      yield* messagesOf(answer, operation.messages!);
      return;
    }
    const { query, line, answer: shape } = operation.lines!;
    const path = linesPath(operation, input);
    // The lines that were read cannot be read again: a call with lines is sent once.
    const answer = await connection
      .open({
        ...usual,
        path,
        body: lineBody(lines, line),
        contentType: lineType,
        accept: lineType,
        timeoutMs: callOptions.timeoutMs ?? maxUploadMs,
      })
      .catch((error: unknown) => {
        throw error instanceof ApiError ? renamed({ query }, error) : error;
      });
    yield* answerLinesOf(answer, shape);
  };
}

/** The same error, with the names that the caller wrote. */
function renamed(operation: Pick<Operation, 'query' | 'body'>, error: ApiError): ApiError {
  const { status, code, requestId, retryAfterS } = error;
  const { message, errors } = callersNames(operation, error);
  return new ApiError(status, code, message, { errors, requestId, retryAfterS });
}
