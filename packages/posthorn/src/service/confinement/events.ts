import { invalid, PosthornError } from '../../domain/errors.ts';
import type { Store } from '../../store/store.ts';
import { groupNamed } from '../dropped-groups.ts';
import { type Of, Reply } from '../handler.ts';
import { portalAttempt } from './portal-attempt.ts';
import { type BoundCaller, type Confine, type Confinements, forbidden } from './confinement.ts';
import {
  demandOwnDelivery,
  demandOwnEvent,
  isOwn,
  missing,
  ownEndpoint,
  ownEndpoints,
  ownFilter,
  ownTenant,
  withoutRowCount,
} from './own.ts';

type Ids =
  | Of<'events'>
  | Of<'attempts'>
  | Of<'search'>
  | Of<'deliveries'>
  | Of<'deadLetters'>
  | Of<'blockedKeys'>;

/** The endpoint that a caller bound to endpoints replays to: the one it names, or its only one. */
async function replayTarget(
  store: Store,
  caller: BoundCaller,
  asked: string | undefined,
): Promise<string | undefined> {
  const { tenant, endpointIds } = caller;
  if (asked !== undefined) return await ownEndpoint(store.read, caller, { reference: asked, tenant });
  if (endpointIds === null) return undefined;
  const [only, another] = endpointIds;
  if (only === undefined || another !== undefined)
    throw invalid('/endpoint_id', 'is missing: this key is bound to endpoints, so name the one to replay to');
  return only;
}

type EventIds = Extract<Ids, `events.${string}` | 'attempts.list' | 'search.find'>;
type DeliveryIds = Extract<Ids, `deliveries.${string}`>;

export function eventConfinements(store: Store): Confinements<Ids> {
  return { ...ofEvents(store), ...dataDeletion, ...ofDeliveries(store), ...ofDeadLetters(store) };
}

/** The data of an event belong to all its receivers. */
const dataDeletion: Confinements<'events.deleteData'> = {
  'events.deleteData': {
    bound: async (input, caller, next) => {
      const tenant = ownTenant(caller, input.query.tenant, missing.event);
      if (caller.endpointIds !== null)
        throw new PosthornError(
          'forbidden',
          'This key is bound to endpoints, and the data of an event belong to all its receivers.',
        );
      return await next({ ...input, query: { tenant } });
    },
    portal: 'never',
  },
};

function ofEvents(store: Store): Confinements<Exclude<EventIds, 'events.deleteData'>> {
  return {
    'events.publish': {
      bound: (input, caller, next) => {
        const tenant = ownTenant(caller, input.body.tenant, missing.tenant);
        return next({ ...input, body: { ...input.body, tenant } });
      },
      portal: 'never',
    },
    'events.publishBatch': {
      bound: (input, caller, next) => {
        const events = input.body.events.map((event) => ({
          ...event,
          tenant: ownTenant(caller, event.tenant, missing.tenant),
        }));
        return next({ ...input, body: { events } });
      },
      portal: 'never',
    },
    // A migration of the whole installation: what it records was never sent.
    'events.import': forbidden,
    'events.list': {
      bound: async (input, caller, next) => {
        const query = await ownFilter(store.read, caller, input.query);
        return withoutRowCount(await next({ ...input, query }));
      },
      portal: 'read',
    },
    'attempts.list': {
      bound: async (input, caller, next) => {
        const query = await ownFilter(store.read, caller, input.query);
        return withoutRowCount(await next({ ...input, query }));
      },
      portal: 'read',
      portalAnswer: (page) => ({
        ...page,
        items: page.items.map(portalAttempt),
      }),
    },
    'search.find': {
      bound: async (input, caller, next) =>
        await next({ ...input, query: await ownFilter(store.read, caller, input.query) }),
      portal: 'read',
      portalAnswer: ({ items }) => ({
        items: items.map((item) => (item.kind === 'endpoint' ? { ...item, detail: null } : item)),
      }),
    },
    'events.get': {
      bound: async (input, caller, next) => {
        const tenant = ownTenant(caller, input.query.tenant, missing.event);
        const endpointIds = await ownEndpoints(store.read, caller, input.query.endpoint_id);
        return await next({
          ...input,
          query: { tenant, ...(endpointIds === undefined ? {} : { endpoint_id: endpointIds }) },
        });
      },
      portal: 'read',
    },
    'events.replay': {
      bound: async (input, caller, next) => {
        const tenant = ownTenant(caller, input.query.tenant, missing.event);
        await demandOwnEvent(store.read, caller, input.params.id);
        const to = await replayTarget(store, caller, input.body.endpoint_id);
        return await next({ ...input, query: { tenant }, body: to === undefined ? {} : { endpoint_id: to } });
      },
      portal: 'replay',
    },
  };
}

function ofDeliveries(store: Store): Confinements<DeliveryIds> {
  return {
    'deliveries.list': {
      bound: async (input, caller, next) => {
        // A portal does not answer questions about what it does not show.
        if (caller.can !== null && input.query.owner !== undefined)
          throw new PosthornError('forbidden', 'A portal does not show who owns an endpoint.');
        const query = await ownFilter(store.read, caller, input.query);
        return withoutRowCount(await next({ ...input, query }));
      },
      portal: 'read',
      portalAnswer: (page) => ({
        ...page,
        items: page.items.map(({ endpoint, ...delivery }) => ({
          ...delivery,
          ...(endpoint === undefined ? {} : { endpoint: { ...endpoint, owner: null } }),
        })),
      }),
    },
    'deliveries.get': {
      bound: async (input, caller, next) => {
        await demandOwnDelivery(store.read, caller, input.params.id);
        const answer = await next(input);
        if (answer instanceof Reply) return answer;
        // Only the audit log names the operators.
        return { ...answer, redrives: answer.redrives.map(({ at }) => ({ at, by: null })) };
      },
      portal: 'read',
      portalAnswer: ({ claim, endpoint, ...delivery }) => ({
        ...delivery,
        endpoint: { ...endpoint, owner: null },
        claim: claim === null ? null : { ...claim, node: null },
        attempts: delivery.attempts.map(portalAttempt),
      }),
    },
    'deliveries.request': {
      bound: async (input, caller, next) => {
        await demandOwnDelivery(store.read, caller, input.params.id);
        return await next(input);
      },
      portal: 'read',
    },
    'deliveries.redrive': {
      bound: async (input, caller, next) => {
        await demandOwnDelivery(store.read, caller, input.params.id);
        return await next(input);
      },
      portal: 'redrive',
    },
    'deliveries.cancel': {
      bound: async (input, caller, next) => {
        await demandOwnDelivery(store.read, caller, input.params.id);
        return await next(input);
      },
      portal: 'never',
    },
  };
}

function ofDeadLetters(store: Store): Confinements<Exclude<Ids, EventIds | DeliveryIds>> {
  const ofGroup =
    <Id extends 'deadLetters.snooze' | 'deadLetters.wake'>(): Confine<Id> =>
    async (input, caller, next) => {
      const endpointId = groupNamed(input.params.id)?.endpointId;
      const endpoint = endpointId === undefined ? null : await store.read.endpoint(endpointId);
      if (endpoint === null || !isOwn(caller, { tenant: endpoint.tenant, endpointId: endpoint.id }))
        throw missing.deadLetters();
      return await next(input);
    };

  return {
    'blockedKeys.list': {
      bound: async (input, caller, next) =>
        await next({ ...input, query: await ownFilter(store.read, caller, input.query) }),
      portal: 'read',
    },
    'deadLetters.list': {
      bound: async (input, caller, next) =>
        await next({ ...input, query: await ownFilter(store.read, caller, input.query) }),
      portal: 'read',
      portalAnswer: (page) => ({
        ...page,
        items: page.items.map((group) => ({ ...group, owner: null, snooze: null, snoozed_until: null })),
      }),
    },
    'deadLetters.snooze': { bound: ofGroup(), portal: 'never' },
    'deadLetters.wake': { bound: ofGroup(), portal: 'never' },
  };
}
