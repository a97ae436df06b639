import { PosthornError } from '../domain/errors.ts';

/** The Idempotency-Key was used for a different request. */
export function idempotencyConflict(): PosthornError {
  return new PosthornError(
    'idempotency_conflict',
    'This Idempotency-Key was used for another request (method, path, query or body). Send a new key with a new request.',
  );
}
