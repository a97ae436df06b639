import { callersNames, decoded, encoded } from './call.ts';
import { aborted, createConnection, type Fetch, jsonFrom } from './connection.ts';
import { ApiError } from './errors.ts';
import type { Api, OperationId } from './generated/api.ts';
import { operations } from './generated/operations.ts';
import type { Operation } from './operation.ts';
import { createApi } from './resources.ts';
import { waitBeforeRetry } from './retries.ts';
import { type ClientRuntime, systemRuntime } from './runtime/system.ts';
import { version } from './generated/version.ts';

export interface CallOptions {
  /** Of a POST or PATCH: the same key has one effect. Every POST without one gets one, and keeps it when it is tried again. */
  readonly idempotencyKey?: string;
  /** Gives the call up. */
  readonly signal?: AbortSignal;
  /** Limit of each try, from connecting to the end of the answer. */
  readonly timeoutMs?: number;
}

export interface ClientOptions {
  /** Limit of each try, from connecting to the end of the answer. Default 30 s. */
  readonly timeoutMs?: number;
  /** How often a call is sent at most, if it is safe to send it again. Default 3; 1: never again. */
  readonly maxTries?: number;
  /** In the header `User-Agent`, before the client's own: `shop/1.2`. */
  readonly userAgent?: string;
  /** Default: the global one. */
  readonly fetch?: Fetch;
  /** Time and chance; for tests. */
  readonly runtime?: ClientRuntime;
}

export interface Client extends Api<CallOptions> {
  /**
   * Sends one request in the words of the wire, once, and returns its parsed answer (null: it has no body): for calls that this
   * version has no method for. A body that is text is sent as it is.
   */
  request(method: string, path: string, body?: unknown, options?: CallOptions): Promise<unknown>;
}

const defaultTimeoutMs = 30_000;
const defaultTries = 3;

/**
 * Returns a client of the HTTP API at `url`. Throws a `TypeError` if the URL or the key cannot be used; calls reject with
 * `ApiError`.
 */
export function createClient(url: string, apiKey: string, options: ClientOptions = {}): Client {
  const { timeoutMs = defaultTimeoutMs, maxTries = defaultTries, runtime = systemRuntime } = options;
  const own = `posthorn-client/${version}`;
  const connection = createConnection(url, apiKey, {
    fetch: options.fetch ?? fetch,
    now: runtime.now,
    userAgent: options.userAgent === undefined ? own : `${options.userAgent} ${own}`,
  });
  const call = async (
    id: OperationId,
    params: readonly string[],
    input: object | undefined,
    callOptions: CallOptions = {},
  ): Promise<unknown> => {
    const operation: Operation = operations[id];
    const { path, body } = encoded(operation, params, input);
    const { signal } = callOptions;
    const { method } = operation;
    const key = callOptions.idempotencyKey ?? (method === 'POST' ? runtime.newKey() : null);
    if (key !== null && !/^[\x21-\x7e]{1,255}$/.test(key))
      throw new TypeError('An idempotency key must be 1 to 255 visible ASCII characters');
    for (let tries = 1; ; tries++) {
      try {
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
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        const state = { method, hasKey: key !== null, tries, maxTries };
        const waitMs = waitBeforeRetry(error, state, runtime.random());
        if (waitMs === null) throw renamed(operation, error);
        await runtime.wait(waitMs, signal).catch(() => {
          throw aborted();
        });
      }
    }
  };
  return {
    ...createApi<CallOptions>(call),
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

/** The same error, with the names that the caller wrote. */
function renamed(operation: Operation, error: ApiError): ApiError {
  const { status, code, requestId, retryAfterS } = error;
  const { message, errors } = callersNames(operation, error);
  return new ApiError(status, code, message, { errors, requestId, retryAfterS });
}
