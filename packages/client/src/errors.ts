/** What is wrong with one field of the request, by its JSON Pointer, in the names that the caller wrote. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** A call that failed: the server refused it, or no usable answer arrived. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status of the answer; 0: there was none. */
  readonly status: number;
  /**
   * Stable. The server's code, or the client's: `unreachable`, `timeout`, `cut` and `aborted` if no complete answer
   * arrived, `garbled` and `redirect` if it is not from Posthorn.
   */
  readonly code: string;
  /** Every invalid field, if the server names any. */
  readonly errors: readonly FieldError[];
  /** Identifies the request in the server's log; null: no answer, or not from Posthorn. */
  readonly requestId: string | null;
  /** When to try again, in seconds; null: the server did not say. */
  readonly retryAfterS: number | null;
  constructor(
    status: number,
    code: string,
    message: string,
    {
      errors = [],
      requestId = null,
      retryAfterS = null,
    }: {
      errors?: readonly FieldError[];
      requestId?: string | null;
      retryAfterS?: number | null;
    } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.errors = errors;
    this.requestId = requestId;
    this.retryAfterS = retryAfterS;
  }
}
