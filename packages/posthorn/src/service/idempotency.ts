import { PosthornError } from '../domain/errors.ts';

/** Another request under an Idempotency-Key that is known. */
export function idempotencyConflict(): PosthornError {
  return new PosthornError(
    'idempotency_conflict',
    'This Idempotency-Key was used before for another request (method, path, query or body): send a new key with a new request.',
  );
}
