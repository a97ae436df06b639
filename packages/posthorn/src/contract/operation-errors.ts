import type { ErrorCode } from '../domain/errors.ts';
import { errorKinds } from './errors.ts';
import type { Operation } from './operation.ts';

const always = ['bad_request', 'bad_url', 'request_timeout', 'headers_too_large', 'internal'] as const;
const withKey = ['unauthorized', 'forbidden', 'too_many_failures', 'rate_limited'] as const;
const withInput = ['invalid_request'] as const;
const withBody = ['invalid_json', 'invalid_utf8', 'too_deep', 'too_large', 'unsupported_media_type'] as const;
const onStore = ['unavailable'] as const;
const repeatable = [
  'idempotency_conflict',
  'idempotency_in_progress',
  'idempotency_answer_not_kept',
] as const;

/** What any call answers to a client that is not an ordinary HTTP client: documented once, not at each operation. */
export const rareErrors: readonly ErrorCode[] = ['expectation_failed', 'not_implemented'];

/** Returns whether the operation honors `Idempotency-Key`. */
export function isRepeatable({ method, isRepeatable: may = true }: Operation): boolean {
  return method === 'POST' && may;
}

/** Every code that the operation may answer, by status and then by name. */
export function operationErrors(operation: Operation): readonly ErrorCode[] {
  const { method, path, scope, params, query, body, errors } = operation;
  // The server reads a body that is sent, even if the operation has none.
  const takesBody = method !== 'GET';
  const hasInput = takesBody || params !== undefined || query !== undefined || body !== undefined;
  const codes = new Set<ErrorCode>([
    ...errors,
    ...always,
    ...(scope === 'none' ? [] : withKey),
    ...(scope === 'none' || method === 'GET' ? [] : (['cross_site'] as const)),
    ...(hasInput ? withInput : []),
    ...(takesBody ? withBody : []),
    ...(path.startsWith('/v1/') ? onStore : []),
    ...(isRepeatable(operation) ? repeatable : []),
  ]);
  return [...codes].toSorted((a, b) => errorKinds[a].status - errorKinds[b].status || (a < b ? -1 : 1));
}
