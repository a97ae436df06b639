/** The server refused, or could not be reached (status 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface Client {
  /** Answers the parsed JSON; rejects with `ApiError`. `body` is sent as it is where it is text. */
  request<T>(method: string, path: string, body?: unknown): Promise<T>;
}

/** A client of the HTTP API at `url` under an admin key. */
export function createClient(url: string, apiKey: string): Client {
  const base = url.replace(/\/+$/, '');
  return {
    request: async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      let response: Response;
      try {
        response = await fetch(base + path, {
          method,
          headers: {
            authorization: `Bearer ${apiKey}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
        });
      } catch (error) {
        const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message;
        throw new ApiError(0, 'unreachable', `cannot reach ${base} (${cause}); is the server running?`);
      }
      const text = await response.text();
      const answer = text === '' ? null : (JSON.parse(text) as { code?: string; detail?: string });
      if (!response.ok) {
        throw new ApiError(
          response.status,
          answer?.code ?? 'unknown',
          `${answer?.detail ?? response.statusText} (${response.status} ${answer?.code ?? ''})`,
        );
      }
      return answer as T;
    },
  };
}
