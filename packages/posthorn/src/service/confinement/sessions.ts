import type { Of } from '../handler.ts';
import { aboutEverything, type Confinements, open } from './confinement.ts';
import { missing, ownTenant } from './own.ts';

/** Every caller may read its own identity. An admin key of a tenant creates links for that tenant. */
export const sessionConfinements: Confinements<Of<'me'> | Of<'sessions'> | Of<'portalLinks'>> = {
  'me.get': open,
  'sessions.create': open,
  'sessions.delete': open,
  'portalLinks.create': {
    bound: async (input, caller, next) => {
      const tenant = ownTenant(caller, input.body.tenant, missing.tenant);
      if (caller.endpointIds !== null) throw aboutEverything();
      return await next({ ...input, body: { ...input.body, tenant } });
    },
    portal: 'never',
  },
};
