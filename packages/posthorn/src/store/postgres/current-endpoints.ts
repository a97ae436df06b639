import { UnavailableError } from '../../domain/errors.ts';
import type { EndpointCopy, EndpointTable } from './endpoints.ts';

/** Endpoints have changed since the copy was made, or another node stored the same a moment ago: nothing is stored, and work begins anew. */
export class StaleCopyError extends Error {}

/** A transaction takes milliseconds, and endpoints change by hand: more than a few tries is a store that cannot work. */
const maxTries = 50;

/**
 * Does work that depends on endpoints, with a copy of them. If it throws a `StaleCopyError`, it has stored nothing, and begins anew
 * with a copy that was `reloaded`.
 */
export async function withCurrentEndpoints<T>(
  endpoints: EndpointTable,
  work: (copy: EndpointCopy, reloaded: boolean) => Promise<T>,
): Promise<T> {
  let stale: number | undefined;
  for (let tries = 0; tries < maxTries; tries++) {
    const copy = await endpoints.current(stale);
    try {
      return await work(copy, tries > 0);
    } catch (error) {
      if (!(error instanceof StaleCopyError)) throw error;
      stale = copy.version;
    }
  }
  throw new UnavailableError('these events could not be stored beside the changes of other nodes; try again');
}
