import type { Answer } from '../../contract/table.ts';
import { alertEndpoint } from '../../domain/alert.ts';
import { PosthornError } from '../../domain/errors.ts';
import type { Store } from '../../store/store.ts';
import { documentBy } from '../declared.ts';
import type { Of } from '../handler.ts';
import { wireTenant } from '../tenants.ts';
import {
  type BoundCaller,
  type Confine,
  type Confinements,
  forbidden,
  open,
  openToKeys,
} from './confinement.ts';
import { endpointConfinements } from './endpoints.ts';
import { eventConfinements } from './events.ts';
import { demandOwnEvent, isOwn, missing, ownEndpoint, ownFilter, ownTenant, ownTenants } from './own.ts';
import { redriveConfinements } from './redrives.ts';
import { sessionConfinements } from './sessions.ts';

interface OwnerQuery {
  readonly by?: string | undefined;
  readonly owner?: unknown;
}

const portalEventType = <T extends Answer<'eventTypes.get'>>(type: T): T => ({
  ...type,
  owner: null,
  template: null,
});

/** How every operation is confined to the tenant and the endpoints of its caller (G9). */
export function createConfinements(store: Store): Confinements {
  return {
    ...eventConfinements(store),
    ...endpointConfinements(store),
    ...redriveConfinements(store),
    ...alertConfinements(store),
    ...keyConfinements(store),
    ...tenantConfinements(store),
    ...sessionConfinements,
    ...dryRunConfinements(store),
    ...figureConfinements(store),
    ...declarationConfinements,
    ...systemConfinements,
  };
}

/** What is declared for all tenants: of it, a bound caller reads what concerns its own events. */
const declarationConfinements: Confinements<
  Of<'eventTypes'> | Of<'templates'> | Of<'teams'> | Of<'channels'> | Of<'slos'>
> = {
  'eventTypes.list': {
    ...open,
    portalAnswer: (page) => ({ ...page, items: page.items.map(portalEventType) }),
  },
  'eventTypes.get': { ...open, portalAnswer: portalEventType },
  'eventTypes.put': forbidden,
  'eventTypes.delete': forbidden,

  'templates.list': openToKeys,
  'templates.get': openToKeys,
  'templates.put': forbidden,
  'templates.delete': forbidden,

  'teams.list': forbidden,
  'teams.get': forbidden,
  'teams.overview': forbidden,
  'teams.put': forbidden,
  'teams.delete': forbidden,
  'channels.list': forbidden,
  'channels.get': forbidden,
  'channels.put': forbidden,
  'channels.test': forbidden,
  'channels.delete': forbidden,
  'slos.list': forbidden,
  'slos.get': forbidden,
  'slos.put': forbidden,
  'slos.delete': forbidden,
  'slos.status': forbidden,
  'slos.history': forbidden,
  'slos.minutes': forbidden,
  'slos.spend': forbidden,
};

/** The system as a whole: of it, a bound caller reads only what was done in its tenant. */
const systemConfinements: Confinements<
  | Of<'conformance'>
  | Of<'nodes'>
  | Of<'markers'>
  | Of<'impact'>
  | Of<'auditLog'>
  | Of<'secrets'>
  | Of<'service'>
> = {
  'conformance.get': forbidden,
  'nodes.list': forbidden,
  'markers.list': forbidden,
  'markers.create': forbidden,
  'markers.delete': forbidden,
  'impact.get': forbidden,
  'auditLog.list': {
    bound: async (input, { tenant }, next) =>
      input.query.tenant === undefined || input.query.tenant === tenant
        ? await next({ ...input, query: { ...input.query, tenant } })
        : { items: [], next_cursor: null },
    portal: 'never',
  },
  'secrets.status': forbidden,
  'secrets.rotate': forbidden,

  'service.health': open,
  'service.ready': open,
  'service.publicKeys': open,
  'service.openapi': open,
  'service.error': open,
  'service.metrics': forbidden,
};

function refuseOwners({ can }: BoundCaller, { by, owner }: OwnerQuery): void {
  if (can !== null && (by === 'owner' || owner !== undefined))
    throw new PosthornError('forbidden', 'A portal does not show who owns endpoints.');
}

/** Figures about deliveries, limited to those of the caller. */
function figureConfinements(
  store: Store,
): Confinements<Of<'accounting'> | Of<'now'> | Of<'series'> | Of<'reconcile'> | Of<'stream'>> {
  return {
    'accounting.get': {
      bound: async (input, caller, next) => {
        refuseOwners(caller, input.query);
        const answer = await next({ ...input, query: await ownFilter(store.read, caller, input.query) });
        if (caller.endpointIds === null || !('events' in answer)) return answer;
        // Events are counted by tenant: a caller bound to endpoints sees those with a delivery to them.
        return { ...answer, events: answer.accepted, unmatched: 0 };
      },
      portal: 'read',
    },

    'now.get': {
      bound: async (input, caller, next) =>
        await next({ ...input, query: await ownFilter(store.read, caller, input.query) }),
      portal: 'read',
      portalAnswer: (now) => ({
        ...now,
        teams: [],
        needs: now.needs.map((need) => ({ ...need, owner: null, alert_id: null, acknowledged_at: null })),
      }),
    },

    'now.past': {
      bound: async (input, caller, next) =>
        await next({ ...input, query: await ownFilter(store.read, caller, input.query) }),
      portal: 'never',
    },

    'series.get': {
      bound: async (input, caller, next) => {
        refuseOwners(caller, input.query);
        return await next({ ...input, query: await ownFilter(store.read, caller, input.query) });
      },
      portal: 'read',
    },
    'reconcile.run': {
      bound: async (input, caller, next) => {
        const { endpoint_id: reference, tenant } = input.body;
        const id = await ownEndpoint(store.read, caller, { reference, tenant });
        return await next({ ...input, body: { ...input.body, endpoint_id: id, tenant: caller.tenant } });
      },
      portal: 'read',
    },
    // Each topic is the answer of a call, which is confined to the same caller.
    'stream.open': { bound: (input, _, next) => next(input), portal: 'read' },
  };
}

/** Trying something on stored events requires access to those events. */
function dryRunConfinements(store: Store): Confinements<Of<'transformations'> | Of<'filters'>> {
  return {
    'filters.dryRun': {
      bound: async (input, caller, next) => {
        const tenant = ownTenant(caller, input.body.tenant, missing.tenant);
        if (caller.endpointIds !== null && input.body.data === undefined)
          throw new PosthornError(
            'forbidden',
            'This key is bound to endpoints, and a filter is tried on all events of a tenant. Send data instead.',
          );
        return await next({ ...input, body: { ...input.body, tenant } });
      },
      portal: 'never',
    },
    'transformations.dryRun': {
      bound: async (input, caller, next) => {
        const { tenant: asked, event_id: id } = input.body;
        const tenant = ownTenant(caller, asked, id === undefined ? missing.tenant : missing.event);
        if (id !== undefined) await demandOwnEvent(store.read, caller, id);
        return await next({ ...input, body: { ...input.body, tenant } });
      },
      portal: 'never',
    },
  };
}

/** Teams and channels belong to no caller that is bound to a tenant. */
const withoutTeams = <T extends Answer<'alerts.acknowledge'>>(alert: T): T => ({ ...alert, notified: [] });

/** Alerts about the caller's endpoints; alerts about the whole system belong to no bound caller. */
function alertConfinements(store: Store): Confinements<Of<'alerts'>> {
  const mustBeOwn = async (id: string, caller: BoundCaller): Promise<void> => {
    const alert = (await store.read.alerts()).alerts.find((one) => one.id === id);
    const endpointId = alert === undefined ? null : alertEndpoint(alert);
    const endpoint = endpointId === null ? null : await store.read.endpoint(endpointId);
    if (endpoint === null || !isOwn(caller, { tenant: endpoint.tenant, endpointId: endpoint.id }))
      throw missing.alert();
  };
  return {
    'alerts.list': {
      bound: async (input, caller, next) => {
        const query = await ownFilter(store.read, caller, input.query);
        const answer = await next({ ...input, query });
        return 'items' in answer ? { ...answer, items: answer.items.map(withoutTeams) } : answer;
      },
      portal: 'never',
    },
    'alerts.acknowledge': {
      bound: async (input, caller, next) => {
        await mustBeOwn(input.params.id, caller);
        const answer = await next(input);
        return 'notified' in answer ? withoutTeams(answer) : answer;
      },
      portal: 'never',
    },
    'alerts.unacknowledge': {
      bound: async (input, caller, next) => {
        await mustBeOwn(input.params.id, caller);
        const answer = await next(input);
        return 'notified' in answer ? withoutTeams(answer) : answer;
      },
      portal: 'never',
    },
  };
}

/** An admin key of a tenant creates keys for that tenant. */
function keyConfinements(store: Store): Confinements<Of<'keys'>> {
  const ofOne =
    <Id extends 'keys.get' | 'keys.delete' | 'keys.rotate'>(): Confine<Id> =>
    async (input, caller, next) => {
      if ((await store.read.key(input.params.id))?.tenant !== caller.tenant) throw missing.key();
      return await next(input);
    };
  return {
    'keys.create': {
      bound: async (input, caller, next) => {
        const tenant = ownTenant(caller, input.body.tenant, missing.tenant);
        return await next({ ...input, body: { ...input.body, tenant } });
      },
      portal: 'never',
    },
    'keys.list': {
      bound: async (input, caller, next) =>
        await next({ ...input, query: { ...input.query, tenant: ownTenants(caller, input.query.tenant) } }),
      portal: 'never',
    },
    'keys.get': { bound: ofOne(), portal: 'never' },
    'keys.delete': { bound: ofOne(), portal: 'never' },
    'keys.rotate': { bound: ofOne(), portal: 'never' },
  };
}

/** A bound caller sees its own tenant, but cannot declare it: it may not set its own limits. */
function tenantConfinements(store: Store): Confinements<Of<'tenants'>> {
  return {
    'tenants.list': {
      bound: async (_, { tenant }) => {
        const document = await documentBy(store.read, 'tenant', tenant);
        const items = document === null ? [] : [wireTenant({ name: tenant, document })];
        return { items, next_cursor: null };
      },
      portal: 'never',
    },
    'tenants.get': {
      bound: async (input, caller, next) => {
        ownTenant(caller, input.params.name, missing.tenant);
        return await next(input);
      },
      portal: 'never',
    },
    'tenants.put': forbidden,
    'tenants.delete': forbidden,
  };
}
