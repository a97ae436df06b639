/** What is wrong with one field of the request, by its JSON Pointer, in the names that the caller wrote. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** A call that failed: the server refused it, or no usable answer arrived. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** Of the answer; 0: there was none. */
  readonly status: number;
  /**
   * Stable. The server's own, or the client's: `unreachable`, `timeout`, `cut` and `aborted` if no whole answer arrived,
   * `garbled` and `redirect` if it is not one of Posthorn.
   */
  readonly code: string;
  /** Every field that is wrong, if the server names any. */
  readonly errors: readonly FieldError[];
  /** By which the server's log names the request; null: no answer, or none of Posthorn's. */
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
