import type { Store } from '../../store/store.ts';
import type { Of } from '../handler.ts';
import type { Confine, Confinements } from './confinement.ts';
import { isOwnFilter, missing, ownFilter } from './own.ts';

type OfOne = 'redrives.get' | 'redrives.update' | 'redrives.stop';

export function redriveConfinements(store: Store): Confinements<Of<'redrives'>> {
  const ofOne =
    <Id extends OfOne>(): Confine<Id> =>
    async (input, caller, next) => {
      const redrive = await store.redrive(input.params.id);
      if (redrive === null || !isOwnFilter(caller, redrive.filter)) throw missing.redrive();
      return await next(input);
    };

  return {
    'redrives.create': {
      bound: async (input, caller, next) => {
        const filter = await ownFilter(store, caller, input.body.filter);
        // A redrive whose filter names nothing would be nobody's.
        if (filter.tenant?.length === 0) throw missing.tenant();
        if (filter.endpoint_id?.length === 0) throw missing.endpoint();
        return await next({ ...input, body: { ...input.body, filter } });
      },
      portal: 'never',
    },
    'redrives.list': {
      bound: async (input, caller, next) =>
        await next({ ...input, query: await ownFilter(store, caller, input.query) }),
      portal: 'read',
    },
    'redrives.get': { bound: ofOne(), portal: 'read' },
    'redrives.update': { bound: ofOne(), portal: 'never' },
    'redrives.stop': { bound: ofOne(), portal: 'never' },
  };
}
