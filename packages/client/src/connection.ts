import { ApiError, type FieldError } from './errors.ts';
import { retryAfterS } from './retries.ts';

/** An HTTP request, without what every request has. */
export interface Exchange {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly body: string | ReadableStream<Uint8Array> | null;
  /** Content type of a line body and answer, instead of JSON. */
  readonly contentType?: string;
  readonly accept?: string;
  readonly idempotencyKey: string | null;
  readonly timeoutMs: number;
  /** Another status, besides 2xx, that is not a failure. */
  readonly otherStatus?: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The answer of a server that did what was asked. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly requestId: string | null;
  readonly retryAfterS: number | null;
  readonly text: string;
}

export interface Connection {
  readonly base: string;
  /** Sends it once. Rejects with `ApiError` unless the answer is complete and its status is a success. */
  send(exchange: Exchange): Promise<Answer>;
  /**
   * Sends it once, and resolves as soon as the answer begins: `timeoutMs` limits that. Rejects with `ApiError` unless
   * its status is a success.
   */
  open(exchange: Exchange): Promise<OpenAnswer>;
}

/** A streaming answer. */
export interface OpenAnswer {
  readonly contentType: string;
  readonly requestId: string | null;
  /** Its bytes; reading rejects with `ApiError` if it is cut off. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Aborts it. */
  close(): void;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A larger answer is not read to its end. */
const maxAnswerBytes = 256 * 1024 * 1024;

/** Throws a `TypeError` if the URL or the key cannot be used. */
export function createConnection(
  url: string,
  apiKey: string,
  { fetch, now, userAgent }: { fetch: Fetch; now: () => number; userAgent: string },
): Connection {
  const base = baseUrl(url);
  if (!/^[\x21-\x7e]+$/.test(apiKey)) throw new TypeError('The API key must be visible ASCII characters');
  const ask = async (exchange: Exchange, limit: AbortSignal): Promise<Response> => {
    const { method, path, body, contentType = 'application/json', idempotencyKey, signal } = exchange;
    const headers: Record<string, string> = {
      authorization: `Bearer ${apiKey}`,
      accept: exchange.accept ?? 'application/json',
      'user-agent': userAgent,
    };
    if (body !== null) headers['content-type'] = contentType;
    if (idempotencyKey !== null) headers['idempotency-key'] = idempotencyKey;
    const init: RequestInit & { duplex: 'half' } = {
      method,
      headers,
      body,
      // Needed if the body is a stream, and ignored otherwise.
      duplex: 'half',
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
      // A redirect would turn a POST into a GET, and send the key to another host.
      redirect: 'manual',
    };
    return await fetch(base + path, init);
  };
  return {
    base,
    send: async (exchange) => {
      const limit = AbortSignal.timeout(exchange.timeoutMs);
      let response: Response | null = null;
      let answer: Answer;
      try {
        response = await ask(exchange, limit);
        answer = await answerFrom(response, now());
      } catch (error) {
        throw failureFrom(error as Error, base, exchange, response);
      }
      if (!response.ok && answer.status !== exchange.otherStatus) throw refusalFrom(answer, base);
      return answer;
    },
    open: async (exchange) => {
      const giveUp = new AbortController();
      const limit = setLimit(exchange.timeoutMs, giveUp);
      let response: Response | null = null;
      try {
        response = await ask(exchange, giveUp.signal);
        if (!response.ok) throw refusalFrom(await answerFrom(response, now()), base);
      } catch (error) {
        if (error instanceof ApiError) throw error;
        throw failureFrom(error as Error, base, exchange, response);
      } finally {
        limit.end();
      }
      return openAnswer(response, (error) => failureFrom(error, base, exchange, response), giveUp);
    },
  };
}

async function answerFrom(response: Response, now: number): Promise<Answer> {
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? 'no content type',
    requestId: response.headers.get('request-id'),
    retryAfterS: retryAfterS(response.headers.get('retry-after'), now),
    text: await boundedText(response),
  };
}

/** Aborts something after a time, unless it is over before. */
function setLimit(timeoutMs: number, giveUp: AbortController): { end(): void } {
  const limit = AbortSignal.timeout(timeoutMs);
  const late = (): void => giveUp.abort(limit.reason);
  limit.addEventListener('abort', late, { once: true });
  return { end: () => limit.removeEventListener('abort', late) };
}

function openAnswer(
  response: Response,
  failed: (error: Error) => ApiError,
  giveUp: AbortController,
): OpenAnswer {
  const reader = response.body?.getReader();
  return {
    contentType: response.headers.get('content-type') ?? 'no content type',
    requestId: response.headers.get('request-id'),
    close: () => giveUp.abort(),
    chunks: async function* () {
      try {
        while (reader !== undefined) {
          const { done, value } = await reader.read();
          if (done) return;
          yield value;
        }
      } catch (error) {
        throw failed(error as Error);
      } finally {
        giveUp.abort();
      }
    },
  };
}

function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new TypeError('The server URL must begin with http:// or https://');
  if (url.username !== '' || url.password !== '')
    throw new TypeError('The server URL must not contain a user name or password: the API key authenticates');
  if (url.search !== '' || url.hash !== '')
    throw new TypeError('The server URL must not contain a query or fragment');
  return url.href.replace(/\/+$/, '');
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    if (bytes > maxAnswerBytes) {
      await reader.cancel();
      throw new Error(`the answer is larger than ${maxAnswerBytes} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

/** Says what went wrong on the way to the server, and what to do. */
function failureFrom(
  error: Error,
  base: string,
  { method, timeoutMs, signal }: Exchange,
  response: Response | null,
): ApiError {
  if (signal?.aborted === true) return aborted();
  if (error.name === 'TimeoutError')
    return new ApiError(
      0,
      'timeout',
      `${base} did not answer within ${timeoutMs / 1000} s${method === 'GET' ? '' : ', so it is not known whether the request was carried out'}; check the server, or raise the timeout`,
    );
  const inner = error.cause as { code?: string; message?: string } | undefined;
  const said = inner?.code ?? inner?.message ?? error.message;
  const cause = said === 'bad port' ? 'a port that fetch refuses: use another port for the server' : said;
  return response === null
    ? new ApiError(0, 'unreachable', `cannot reach ${base} (${cause}); is the server running?`)
    : new ApiError(
        0,
        'cut',
        `the answer of ${base} was cut off after its status ${response.status} (${cause})`,
        { requestId: response.headers.get('request-id') },
      );
}

export const aborted = (): ApiError => new ApiError(0, 'aborted', 'the request was aborted');

/** An answer that is not from Posthorn although its status is a success, or that is not a problem document. */
export function garbled(
  { status, contentType, requestId, retryAfterS: retry }: Answer,
  base: string,
): ApiError {
  return new ApiError(
    status,
    'garbled',
    `${base} answered ${status} with ${contentType}, unlike Posthorn; check the URL, and the proxy in front of it`,
    { requestId, retryAfterS: retry },
  );
}

/** The parsed answer; undefined without a body. */
export function jsonFrom(answer: Answer, base: string): unknown {
  if (answer.text === '') return undefined;
  try {
    return JSON.parse(answer.text) as unknown;
  } catch {
    throw garbled(answer, base);
  }
}

interface ProblemDocument {
  readonly code?: unknown;
  readonly detail?: unknown;
  readonly errors?: unknown;
  readonly request_id?: unknown;
}

function refusalFrom(answer: Answer, base: string): ApiError {
  const { status, requestId, retryAfterS: retry, text } = answer;
  // In browsers, `fetch` hides the status of a redirect that it does not follow.
  if (status === 0 || (status >= 300 && status < 400))
    return new ApiError(
      status,
      'redirect',
      `${base} answered with a redirect (${status}); use its target as the server URL`,
      { requestId },
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  const problem: ProblemDocument = typeof value === 'object' && value !== null ? value : {};
  const { code, detail, errors, request_id: id } = problem;
  if (typeof code !== 'string' || typeof detail !== 'string') return garbled(answer, base);
  return new ApiError(status, code, `${detail} (${status} ${code})`, {
    errors: fieldErrors(errors),
    requestId: requestId ?? (typeof id === 'string' ? id : null),
    retryAfterS: retry,
  });
}

function fieldErrors(errors: unknown): FieldError[] {
  if (!Array.isArray(errors)) return [];
  return (errors as unknown[]).filter(
    (fault): fault is FieldError =>
      typeof fault === 'object' &&
      fault !== null &&
      typeof (fault as FieldError).path === 'string' &&
      typeof (fault as FieldError).message === 'string',
  );
}
