/** A request that failed: the server refused it, or no usable answer arrived (status 0, or that of a broken answer). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** The problem's code; `unreachable`, `timeout`, `cut` or `garbled` if the server did not answer with one. */
  readonly code: string;
  /** Faults of the request by JSON Pointer, if the server names any. */
  readonly errors: readonly Fault[];
  /** The header `Retry-After` as received. */
  readonly retryAfter: string | null;
  constructor(
    status: number,
    code: string,
    message: string,
    { errors = [], retryAfter = null }: { errors?: readonly Fault[]; retryAfter?: string | null } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.errors = errors;
    this.retryAfter = retryAfter;
  }
}

export interface Fault {
  readonly path: string;
  readonly message: string;
}

export interface RequestOptions {
  /** Gives the request up. */
  readonly signal?: AbortSignal;
}

export interface Client {
  /** Returns the parsed JSON; rejects with `ApiError`. A `body` that is text is sent as it is. */
  request<T>(method: string, path: string, body?: unknown, options?: RequestOptions): Promise<T>;
}

export interface ClientOptions {
  /** Limit of a whole request, from connecting to the end of the answer. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 30_000;
/** An answer larger than this is not read to its end. */
const maxAnswerBytes = 256 * 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | null;
  readonly text: string;
}

/** Returns a client of the HTTP API at `url`. Throws a `TypeError` if the URL or the key cannot be used. */
export function createClient(
  url: string,
  apiKey: string,
  { timeoutMs = defaultTimeoutMs }: ClientOptions = {},
): Client {
  const base = baseUrl(url);
  if (!/^[\x21-\x7e]+$/.test(apiKey)) throw new TypeError('The API key must be visible ASCII characters');
  const send = async (
    method: string,
    path: string,
    body: string | null,
    signal: AbortSignal,
  ): Promise<Answer> => {
    const headers: Record<string, string> = { authorization: `Bearer ${apiKey}`, accept: 'application/json' };
    if (body !== null) headers['content-type'] = 'application/json';
    let response: Response | null = null;
    try {
      // A redirect would turn a POST into a GET, and leave the key behind on another host.
      response = await fetch(base + path, { method, headers, body, signal, redirect: 'manual' });
      return {
        status: response.status,
        contentType: response.headers.get('content-type') ?? 'no content type',
        retryAfter: response.headers.get('retry-after'),
        text: await boundedText(response),
      };
    } catch (error) {
      throw failureOf(error as Error, { base, timeoutMs, method }, response);
    }
  };
  return {
    request: async <T>(
      method: string,
      path: string,
      body?: unknown,
      { signal }: RequestOptions = {},
    ): Promise<T> => {
      const limit = AbortSignal.timeout(timeoutMs);
      const answer = await send(
        method,
        path,
        body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
        signal === undefined ? limit : AbortSignal.any([limit, signal]),
      );
      return parsedAnswer(answer, base) as T;
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
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new Error(`the answer is larger than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Names what went wrong between here and the server, and what to do. */
function failureOf(
  error: Error,
  { base, timeoutMs, method }: { base: string; timeoutMs: number; method: string },
  response: Response | null,
): ApiError {
  if (error.name === 'TimeoutError')
    return new ApiError(
      0,
      'timeout',
      `${base} did not answer within ${timeoutMs / 1000} s${method === 'GET' ? '' : ', so whether it did what was asked is not known'}; check the server, or raise the timeout`,
    );
  if (error.name === 'AbortError') return new ApiError(0, 'aborted', 'the request was given up');
  const inner = error.cause as { code?: string; message?: string } | undefined;
  const said = inner?.code ?? inner?.message ?? error.message;
  const cause = said === 'bad port' ? 'a port that fetch refuses: let the server listen on another' : said;
  return response === null
    ? new ApiError(0, 'unreachable', `cannot reach ${base} (${cause}); is the server running?`)
    : new ApiError(
        0,
        'cut',
        `the answer of ${base} was cut off after its status ${response.status} (${cause})`,
      );
}

interface ProblemDocument {
  readonly code?: unknown;
  readonly detail?: unknown;
  readonly errors?: unknown;
}

function parsedAnswer({ status, contentType, retryAfter, text }: Answer, base: string): unknown {
  const success = status >= 200 && status < 300;
  if (success && text === '') return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (success && value !== undefined) return value;
  if (status >= 300 && status < 400)
    throw new ApiError(
      status,
      'redirect',
      `${base} answered with a redirect (${status}); use its target as --url`,
    );
  const { code, detail, errors }: ProblemDocument = typeof value === 'object' && value !== null ? value : {};
  if (success || typeof code !== 'string' || typeof detail !== 'string')
    throw new ApiError(
      status,
      'garbled',
      `${base} answered ${status} with ${contentType}, not as Posthorn does; is there a proxy in front of it?`,
      { retryAfter },
    );
  throw new ApiError(status, code, `${detail} (${status} ${code})`, { errors: faultsIn(errors), retryAfter });
}

function faultsIn(errors: unknown): Fault[] {
  if (!Array.isArray(errors)) return [];
  return (errors as unknown[]).filter(
    (fault): fault is Fault =>
      typeof fault === 'object' &&
      fault !== null &&
      typeof (fault as Fault).path === 'string' &&
      typeof (fault as Fault).message === 'string',
  );
}
