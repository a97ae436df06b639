import type { FastifyRequest } from 'fastify';
import { PosthornError } from '../domain/errors.ts';

/** Refuses what the parser accepts but no operation can process. */
export function refuseMalformed({ url, headers, raw }: FastifyRequest): void {
  // No name or id contains one, and PostgreSQL refuses them.
  if (url.includes('%00')) throw new PosthornError('bad_url', 'The URL must not contain NUL.');
  if (headers.host === undefined && raw.httpVersion === '1.1')
    throw new PosthornError('bad_request', 'An HTTP/1.1 request must have a Host header.');
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
    throw new PosthornError('expectation_failed', 'The header Expect must be 100-continue or absent.');
}
