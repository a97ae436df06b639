import { PosthornError } from '../domain/errors.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers } from './handler.ts';
import { receiverUrl } from './receiver-url.ts';

/** Checks URLs before an endpoint is created with them. */
export function endpointCheckService({
  refuseHost,
}: Pick<ServiceDependencies, 'refuseHost'>): Handlers<'endpoints.check'> {
  return {
    'endpoints.check': async ({ body: { url } }) => {
      try {
        return { url: receiverUrl(url, refuseHost), fault: null };
      } catch (error) {
        if (!(error instanceof PosthornError)) throw error;
        return { url: null, fault: error.errors[0]?.message ?? error.message };
      }
    },
  };
}
