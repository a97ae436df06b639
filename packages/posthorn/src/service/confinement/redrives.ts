import type { BulkKind, Store } from '../../store/store.ts';
import type { Of } from '../handler.ts';
import type { Confine, Confinements } from './confinement.ts';
import { isOwnFilter, missing, ownEndpoint, ownFilter } from './own.ts';

type OfOne =
  | 'redrives.get'
  | 'redrives.update'
  | 'redrives.stop'
  | 'replays.get'
  | 'replays.update'
  | 'replays.stop';

/** A portal session does not see who works here. */
const portalJob = <Job extends { readonly by: unknown }>(job: Job): Job & { readonly by: null } => ({
  ...job,
  by: null,
});
/** Bulk redrives and replays whose filters name only what is the caller's. */
export function redriveConfinements(store: Store): Confinements<Of<'redrives'> | Of<'replays'>> {
  const ofOne =
    <Id extends OfOne>(kind: BulkKind): Confine<Id> =>
    async (input, caller, next) => {
      const job = await store.read.redrive(input.params.id);
      if (job === null || job.kind !== kind || !isOwnFilter(caller, job.filter)) throw missing[kind]();
      if (job.target !== null && caller.endpointIds?.includes(job.target) === false) throw missing[kind]();
      return await next(input);
    };

  return {
    'redrives.create': {
      bound: async (input, caller, next) => {
        const filter = await ownFilter(store.read, caller, input.body.filter);
        // A redrive with an empty filter would belong to no caller.
        if (filter.tenant?.length === 0) throw missing.tenant();
        if (filter.endpoint_id?.length === 0) throw missing.endpoint();
        return await next({ ...input, body: { ...input.body, filter } });
      },
      portal: 'redrive',
      portalAnswer: portalJob,
    },
    'redrives.list': {
      bound: async (input, caller, next) =>
        await next({ ...input, query: await ownFilter(store.read, caller, input.query) }),
      portal: 'read',
      portalAnswer: (page) => ({ ...page, items: page.items.map(portalJob) }),
    },
    'redrives.get': { bound: ofOne('redrive'), portal: 'read', portalAnswer: portalJob },
    'redrives.update': { bound: ofOne('redrive'), portal: 'redrive', portalAnswer: portalJob },
    'redrives.stop': { bound: ofOne('redrive'), portal: 'redrive', portalAnswer: portalJob },

    'replays.create': {
      bound: async (input, caller, next) => {
        const filter = await ownFilter(store.read, caller, input.body.filter);
        if (filter.tenant?.length === 0) throw missing.tenant();
        if (filter.endpoint_id?.length === 0) throw missing.endpoint();
        const { endpoint_id: reference } = input.body;
        const to =
          reference === undefined
            ? undefined
            : await ownEndpoint(store.read, caller, { reference, tenant: caller.tenant });
        return await next({
          ...input,
          body: { ...input.body, filter, ...(to === undefined ? {} : { endpoint_id: to }) },
        });
      },
      portal: 'replay',
      portalAnswer: portalJob,
    },
    'replays.list': {
      bound: async (input, caller, next) =>
        await next({ ...input, query: await ownFilter(store.read, caller, input.query) }),
      portal: 'read',
      portalAnswer: (page) => ({ ...page, items: page.items.map(portalJob) }),
    },
    'replays.get': { bound: ofOne('replay'), portal: 'read', portalAnswer: portalJob },
    'replays.update': { bound: ofOne('replay'), portal: 'replay', portalAnswer: portalJob },
    'replays.stop': { bound: ofOne('replay'), portal: 'replay', portalAnswer: portalJob },
  };
}
