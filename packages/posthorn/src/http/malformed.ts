import type { FastifyRequest } from 'fastify';
import { PosthornError } from '../domain/errors.ts';

/** Refuses what the parser lets pass and no operation can take. */
export function refuseMalformed({ url, headers, raw }: FastifyRequest): void {
  // No name and no id holds one, and PostgreSQL takes none.
  if (url.includes('%00')) throw new PosthornError('bad_url', 'The URL must not contain NUL.');
  if (headers.host === undefined && raw.httpVersion === '1.1')
    throw new PosthornError('bad_request', 'An HTTP/1.1 request must have a Host header.');
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
    throw new PosthornError('expectation_failed', 'The header Expect must be 100-continue, or be left out.');
}
