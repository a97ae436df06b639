import type { OperationId } from '../../packages/posthorn/src/contract/table.ts';
import type { PortalAction } from '../../packages/posthorn/src/domain/caller.ts';
import { type Existing, owner, type Request, type Target, tenants, type World } from './world.ts';

/** The expected response to a bound caller, by the scope of the operation. */
export interface AccessCase {
  /**
   * `public`: outside of tenants, so open to all; `everything`: 403; `one`: one object of a tenant, and those of others are not found;
   * `many`: those of the caller's; `tenant`: something is made in a tenant, which is not found if it is another's.
   */
  readonly about: 'public' | 'everything' | 'one' | 'many' | 'tenant';
  /** What the holder of a portal link needs to be allowed. */
  readonly portal: 'read' | 'never' | PortalAction;
  /** For a caller that is bound to endpoints, if it is not what it is for one of its tenant. */
  readonly endpointBound?: 'forbidden' | 'missing';
  /** Other statuses that mean that the caller is allowed. */
  readonly status?: number;
  readonly request: (world: World, target: Target) => Promise<Request>;
}

/** The same for every caller: answers are compared. */
const aMomentAgo = new Date(Date.now() - 1000).toISOString();

const nothing = async (): Promise<Request> => ({});
const everything = (request: AccessCase['request'] = nothing): AccessCase => ({
  about: 'everything',
  portal: 'never',
  request,
});
const publicCase = (request: AccessCase['request'] = nothing): AccessCase => ({
  about: 'public',
  portal: 'read',
  request,
});

/** A list of everything that the caller sees, without objects of other tenants or endpoints. */
const many = (
  portal: 'read' | 'never',
  make?: (world: World, side: Existing) => Promise<unknown>,
): AccessCase => ({
  about: 'many',
  portal,
  request: async (world, target) => {
    // Something for it to show, and not to show.
    if (make !== undefined)
      for (const side of ['own', 'sibling', 'foreign'] as const) await make(world, side);
    if (target === 'own') return {};
    if (target === 'sibling') return { query: { endpoint_id: world.sides.sibling.endpointId } };
    return { query: { tenant: tenants[target] } };
  },
});

const one = (
  portal: AccessCase['portal'],
  missing: string,
  make: (world: World, side: Existing) => Promise<string>,
  body?: unknown,
): AccessCase => ({
  about: 'one',
  portal,
  request: async (world, target) => ({
    params: { id: await world.idOf(target, missing, (side) => make(world, side)) },
    ...(body === undefined ? {} : { body }),
  }),
});

const sideEndpoint = async (world: World, side: Existing): Promise<string> => world.sides[side].endpointId;
const ofEndpoint = (portal: AccessCase['portal'], body?: unknown): AccessCase =>
  one(portal, 'ep_none', sideEndpoint, body);
const ofDelivery = (portal: AccessCase['portal'], body?: unknown): AccessCase =>
  one(portal, 'dlv_00000000zzz', async (world, side) => (await world.event(side)).deliveryId, body);
const ofRedrive = (portal: AccessCase['portal'], body?: unknown): AccessCase =>
  one(portal, 'rdr_none', (world, side) => world.redrive(side), body);
const ofGroup = (body?: unknown): AccessCase =>
  one('never', 'suppressed.ep_none.-.-', (world, side) => world.droppedGroup(side), body);
const ofReplay = (portal: AccessCase['portal'], body?: unknown): AccessCase =>
  one(portal, 'rpl_none', (world, side) => world.replay(side), body);
const ofEvent = (
  portal: AccessCase['portal'],
  body?: (world: World, target: Target) => unknown,
): AccessCase => ({
  about: 'one',
  portal,
  request: async (world, target) => ({
    params: { id: await world.idOf(target, 'evt_none', async (side) => (await world.event(side)).id) },
    query: { tenant: target === 'foreign' ? tenants.foreign : tenants.own },
    ...(body === undefined ? {} : { body: body(world, target) }),
  }),
});
/** Another key of the tenant may see this one; it is not bound to endpoints. */
const ofKey = (body?: unknown): AccessCase =>
  one('never', 'key_none', (world, side) => world.key(side), body);
const named =
  (make: (world: World) => Promise<string>, body?: unknown): AccessCase['request'] =>
  async (world) => ({ params: { name: await make(world) }, ...(body === undefined ? {} : { body }) });

const team = async (world: World): Promise<string> => {
  const name = world.name();
  await world.admin('teams.put', { params: { name }, body: { channels: [] } });
  return name;
};
const channelBody = { kind: 'webhook', url: 'http://127.0.0.1:1/' };
const channel = async (world: World): Promise<string> => {
  const name = world.name();
  await world.admin('channels.put', { params: { name }, body: channelBody });
  return name;
};
const template = async (world: World): Promise<string> => {
  const name = world.name();
  await world.admin('templates.put', { params: { name }, body: { timeout_ms: 2000 } });
  return name;
};
const eventType = async (world: World): Promise<string> => {
  const name = world.name();
  await world.admin('eventTypes.put', { params: { name }, body: {} });
  return name;
};
const sloBody = { objective: 'delivered_within', target: 0.9, producer: owner, consumer: owner };
const slo = async (world: World): Promise<string> => {
  const name = world.name();
  await world.admin('slos.put', { params: { name }, body: sloBody });
  return name;
};
const tenant = async (world: World): Promise<string> => {
  const name = world.name();
  await world.admin('tenants.put', { params: { name }, body: {} });
  return name;
};
const declareTenants = async (world: World): Promise<void> => {
  for (const name of [tenants.own, tenants.foreign])
    await world.admin('tenants.put', { params: { name }, body: { display_name: name } });
};
const publishedKeys: AccessCase['request'] = async (world) => {
  const body = { url: 'http://127.0.0.1:1/', signatures: ['v1a'], event_types: ['access.unpublished'] };
  const made = await world.admin('endpoints.create', { body });
  return { params: { id: (made as { key_set: string }).key_set } };
};
const fresh = async (world: World): Promise<string> => world.name();

/** Every operation: one that is new does not compile without an entry. */
export const accessCases: Readonly<Record<OperationId, AccessCase>> = {
  'events.publish': {
    about: 'tenant',
    portal: 'never',
    endpointBound: 'forbidden',
    request: async (_, target) => ({ body: { tenant: tenants[target], type: 'a.b', data: 1 } }),
  },
  'events.publishBatch': {
    about: 'tenant',
    portal: 'never',
    endpointBound: 'forbidden',
    request: async (_, target) => ({
      body: {
        events: [
          { type: 'a.b', data: 1 },
          { tenant: tenants[target], type: 'a.b', data: 1 },
        ],
      },
    }),
  },
  'events.import': everything(async () => ({
    body: { events: [{ id: 'past', type: 'a.b', data: 1, deliveries: [] }] },
  })),
  'events.get': ofEvent('read'),
  'events.replay': ofEvent('replay', ({ sides }, target) => ({
    endpoint_id: sides[target === 'missing' ? 'own' : target].endpointId,
  })),
  // The events here are still to be delivered.
  'events.deleteData': { ...ofEvent('never'), endpointBound: 'forbidden', status: 409 },

  'events.list': many('read', (world, side) => world.event(side)),
  'attempts.list': many('read'),
  'search.find': {
    about: 'many',
    portal: 'read',
    request: async (world, target) => {
      const { query = {} } = await many('read').request(world, target);
      return { query: { ...query, q: '127.0.0.1' } };
    },
  },
  'deliveries.list': many('read', (world, side) => world.event(side)),
  'deliveries.get': ofDelivery('read'),
  'deliveries.request': ofDelivery('read'),
  'deliveries.redrive': ofDelivery('redrive'),
  'deliveries.cancel': ofDelivery('never', { reason: 'tested' }),
  'blockedKeys.list': many('read'),
  'deadLetters.list': many('read'),
  'deadLetters.snooze': ofGroup({ until: new Date(Date.now() + 3_600_000).toISOString(), reason: 'tested' }),
  'deadLetters.wake': ofGroup(),

  'endpoints.create': {
    about: 'tenant',
    portal: 'never',
    endpointBound: 'forbidden',
    request: async (_, target) => ({
      body: { tenant: tenants[target], url: 'http://127.0.0.1:1/', event_types: ['never'] },
    }),
  },
  'endpoints.list': many('read'),
  'endpoints.get': ofEndpoint('read'),
  'endpoints.health': ofEndpoint('read'),
  'endpoints.check': {
    ...publicCase(async () => ({ body: { url: 'https://example.com/' } })),
    portal: 'never',
  },
  'endpoints.publicKeys': ofEndpoint('read'),
  'endpoints.ensure': {
    about: 'tenant',
    portal: 'never',
    request: async ({ sides }, target) => ({
      params: { id: sides[target === 'missing' ? 'foreign' : target].endpointName },
      query: { tenant: tenants[target] },
      body: { url: 'http://127.0.0.1:1/', event_types: [`access.tested.${target}`] },
    }),
  },
  'endpoints.update': ofEndpoint('never', { description: 'changed' }),
  'endpoints.delete': {
    ...one('never', 'ep_none', (world, side) => world.endpoint(side)),
    // It is bound to another one.
    endpointBound: 'missing',
  },
  'endpoints.pause': ofEndpoint('never', {}),
  'endpoints.resume': ofEndpoint('never'),
  'endpoints.rotateSecret': ofEndpoint('rotate', { grace_s: 0 }),
  'endpoints.test': ofEndpoint('test'),

  'filters.dryRun': {
    about: 'tenant',
    portal: 'never',
    request: async (_, target) => ({ body: { tenant: tenants[target], filter: { '/a': 1 }, data: 1 } }),
  },
  'transformations.dryRun': {
    about: 'tenant',
    portal: 'never',
    request: async (_, target) => ({
      body: {
        tenant: tenants[target],
        transformation: { language: 'jsonata', expression: '$' },
        data: 1,
      },
    }),
  },

  'redrives.create': {
    about: 'tenant',
    portal: 'redrive',
    request: async (_, target) => ({ body: { filter: { tenant: tenants[target] }, dry_run: true } }),
  },
  'redrives.list': many('read', (world, side) => world.redrive(side)),
  'redrives.get': ofRedrive('read'),
  // They find nothing to redrive, so they are done.
  'redrives.update': { ...ofRedrive('redrive', { rate_per_s: 1 }), status: 409 },
  'redrives.stop': { ...ofRedrive('redrive'), status: 409 },

  'reconcile.run': {
    about: 'one',
    portal: 'read',
    request: async (world, target) => {
      if (target !== 'missing') await world.event(target);
      const body = {
        since: '2020-01-01T00:00:00Z',
        until: '2100-01-01T00:00:00Z',
        received_ids: ['none'],
      };
      const id = await world.idOf(target, 'ep_none', async (side) => world.sides[side].endpointId);
      return { body: { ...body, endpoint_id: id } };
    },
  },
  'stream.open': {
    about: 'one',
    portal: 'read',
    request: async (world, target) => {
      const id = await world.idOf(target, 'ep_none', async (side) => world.sides[side].endpointId);
      return { query: { topics: `endpoint:${id}` } };
    },
  },
  'replays.create': {
    about: 'tenant',
    portal: 'replay',
    request: async (_, target) => ({ body: { filter: { tenant: tenants[target] }, dry_run: true } }),
  },
  'replays.list': many('read', (world, side) => world.replay(side)),
  'replays.get': ofReplay('read'),
  'replays.update': { ...ofReplay('replay', { rate_per_s: 1 }), status: 409 },
  'replays.stop': { ...ofReplay('replay'), status: 409 },

  'accounting.get': many('read'),
  'series.get': many('read'),
  'now.get': many('read'),
  'now.past': {
    ...many('never'),
    request: async (world, target) => {
      const { query } = await many('never').request(world, target);
      return { query: { ...query, at: aMomentAgo } };
    },
  },
  'alerts.list': many('never', (world, side) => world.alert(side)),
  'alerts.acknowledge': one('never', 'alr_none', (world, side) => world.alert(side)),
  'alerts.unacknowledge': one('never', 'alr_none', (world, side) => world.alert(side)),

  'keys.create': {
    about: 'tenant',
    portal: 'never',
    request: async (_, target) => ({ body: { name: 'x', scopes: ['read'], tenant: tenants[target] } }),
  },
  'keys.list': {
    ...many('never', (world, side) => world.key(side)),
    request: async (world, target) => {
      for (const side of ['own', 'foreign'] as const) await world.key(side);
      return target === 'own' || target === 'sibling' ? {} : { query: { tenant: tenants[target] } };
    },
  },
  'keys.get': ofKey(),
  'keys.delete': ofKey(),
  'keys.rotate': ofKey({ grace_s: 0 }),

  'tenants.list': {
    about: 'many',
    portal: 'never',
    request: async (world) => {
      await declareTenants(world);
      return {};
    },
  },
  'tenants.get': {
    about: 'one',
    portal: 'never',
    request: async (world, target) => {
      await declareTenants(world);
      return { params: { name: tenants[target] } };
    },
  },
  'tenants.put': everything(named(tenant, {})),
  'tenants.delete': everything(named(tenant)),

  'eventTypes.list': publicCase(),
  'eventTypes.get': publicCase(named(eventType)),
  'eventTypes.put': everything(named(fresh, {})),
  'eventTypes.delete': everything(named(eventType)),
  'templates.list': { ...publicCase(), portal: 'never' },
  'templates.get': { ...publicCase(named(template)), portal: 'never' },
  'templates.put': everything(named(fresh, { timeout_ms: 3000 })),
  'templates.delete': everything(named(template)),
  'teams.list': everything(),
  'teams.get': everything(named(team)),
  'teams.overview': everything(named(team)),
  'teams.put': everything(named(fresh, { channels: [] })),
  'teams.delete': everything(named(team)),
  'channels.list': everything(),
  'channels.get': everything(named(channel)),
  'channels.put': everything(named(fresh, channelBody)),
  'channels.test': everything(named(channel)),
  'channels.delete': everything(named(channel)),
  'slos.list': everything(),
  'slos.get': everything(named(slo)),
  'slos.put': everything(named(fresh, sloBody)),
  'slos.delete': everything(named(slo)),
  'slos.status': everything(named(slo)),
  'slos.history': everything(named(slo)),
  'slos.minutes': everything(named(slo)),
  'slos.spend': everything(named(slo)),
  'conformance.get': everything(),
  'nodes.list': everything(),
  'markers.list': everything(),
  'markers.create': everything(async () => ({ body: { label: 'v2' } })),
  'markers.delete': everything(async (world) => ({
    params: { id: (await world.admin('markers.create', { body: { label: 'v1' } }))['id'] as string },
  })),
  // The world is too young for a comparison.
  'impact.get': {
    ...everything(async () => ({ query: { at: '2026-01-01T00:00:00Z' } })),
    status: 422,
  },
  'auditLog.list': {
    ...many('never'),
    request: async (world, target) => {
      // Each is an entry of its tenant.
      for (const side of ['own', 'foreign'] as const) await world.key(side);
      return target === 'own' || target === 'sibling' ? {} : { query: { tenant: tenants[target] } };
    },
  },
  'secrets.status': everything(),
  'secrets.rotate': everything(),

  'me.get': publicCase(),
  'sessions.create': publicCase(async () => ({ body: {} })),
  'sessions.delete': publicCase(),
  'portalLinks.create': {
    about: 'tenant',
    portal: 'never',
    request: async (_, target) => ({ body: { tenant: tenants[target] } }),
  },

  'service.publicKeys': publicCase(publishedKeys),
  'service.health': publicCase(),
  'service.ready': publicCase(),
  'service.openapi': publicCase(),
  'service.error': publicCase(async () => ({ params: { code: 'not_found' } })),
  // Open to every client that can reach it, unless a key protects it.
  'service.metrics': { ...publicCase(), portal: 'never' },
};
