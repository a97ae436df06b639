/** Stable: programs decide by them. `contract/errors.ts` says what each means and what to do. */
export const errorCodes = [
  'bad_request',
  'bad_url',
  'busy',
  'cross_site',
  'endpoint_deleted',
  'event_corrupt',
  'event_data_deleted',
  'event_id_conflict',
  'event_unfinished',
  'expectation_failed',
  'forbidden',
  'headers_too_large',
  'idempotency_answer_not_kept',
  'idempotency_conflict',
  'idempotency_in_progress',
  'in_use',
  'insecure_connection',
  'internal',
  'invalid_data',
  'invalid_json',
  'invalid_request',
  'invalid_utf8',
  'method_not_allowed',
  'name_taken',
  'not_found',
  'not_implemented',
  'rate_limited',
  'request_timeout',
  'resolved',
  'schema_suspended',
  'schema_too_expensive',
  'schema_unusable',
  'tenant_limit',
  'too_deep',
  'too_large',
  'too_many_events',
  'too_many_failures',
  'too_many_pending',
  'too_many_keys',
  'too_many_redrives',
  'too_many_secrets',
  'unauthorized',
  'unavailable',
  'unsupported_media_type',
  'wrong_state',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** What is wrong with one field, by its JSON Pointer (RFC 6901). */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

/** A use case that was refused, or that cannot be done now. `code` is stable; the message is for people. */
export class PosthornError extends Error {
  override readonly name = 'PosthornError';
  readonly code: ErrorCode;
  /** Each fault of the request, if it is the request that is wrong. */
  readonly errors: readonly Fault[];
  /** When to try again, in seconds; null: trying again does not help. */
  readonly retryAfterS: number | null;
  constructor(
    code: ErrorCode,
    message: string,
    errors: readonly Fault[] = [],
    retryAfterS: number | null = null,
  ) {
    super(message);
    this.code = code;
    this.errors = errors;
    this.retryAfterS = retryAfterS;
  }
}

/** Refuses a request for one field. */
export function invalid(path: string, message: string): PosthornError {
  return new PosthornError('invalid_request', `${path === '' ? 'the request' : path} ${message}`, [
    { path, message },
  ]);
}

/** `what`: as in "endpoint by that id". */
export function notFound(what: string): PosthornError {
  return new PosthornError('not_found', `there is no ${what}`);
}

/** The identifier was used before for another body: 409. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Nothing by that name: 404. */
export class NotFoundError extends Error {
  override readonly name = 'NotFoundError';
}

/** The store cannot take writes now (disk full, database away, shutting down): 503, nothing was acknowledged. */
export class UnavailableError extends Error {
  override readonly name: string = 'UnavailableError';
}

/** What an operator finds wrong with the store's files or tables. */
export type StoreFault = 'missing' | 'replaced' | 'damaged';

/**
 * The store's files or tables are missing, replaced or damaged: nothing was written, and waiting does not help. The message
 * names the cause and the next step.
 */
export class StoreFaultError extends UnavailableError {
  override readonly name = 'StoreFaultError';
  readonly fault: StoreFault;
  constructor(fault: StoreFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/** The store cannot be opened as it is: the message names the cause and the next step. */
export class StoreOpenError extends Error {
  override readonly name: string = 'StoreOpenError';
  readonly code = 'cannot_open';
}

/** An event id was used before for another body. `index` is its place in the batch. */
export class EventConflictError extends ConflictError {
  readonly index: number;
  constructor(index: number, id: string) {
    super('event_id_conflict', `event id ${JSON.stringify(id)} was accepted before with another body`);
    this.index = index;
  }
}
