import type { Answer } from '../../contract/table.ts';
import { PosthornError } from '../../domain/errors.ts';
import type { Store } from '../../store/store.ts';
import type { Of } from '../handler.ts';
import { type BoundCaller, type Confinements, openToKeys } from './confinement.ts';
import { portalAttempt } from './portal-attempt.ts';
import { missing, ownEndpoint, ownFilter, ownTenant } from './own.ts';

type Endpoint = Answer<'endpoints.get'>;

/**
 * A portal session sees the settings of its endpoint, but nothing about its operator: owners, policies, notes, outbound
 * proxies, problems with secret keys.
 */
const portalEndpoint = <E extends Endpoint>(endpoint: E): E => ({
  ...endpoint,
  owner: null,
  template: null,
  template_version: null,
  metadata: {},
  proxy: null,
  secrets_error: null,
});

type FailedAttempt = Answer<'endpoints.health'>['errors'][number];

const withoutNode = (failed: FailedAttempt): FailedAttempt => ({
  ...failed,
  attempt: portalAttempt(failed.attempt),
});

/** For an operation on one endpoint, by its id or name. */
interface OfOne {
  readonly params: { readonly id: string };
  readonly query: { readonly tenant?: string | undefined };
}

function refuseEndpointBound({ endpointIds }: BoundCaller): void {
  if (endpointIds !== null)
    throw new PosthornError(
      'forbidden',
      'This key is bound to endpoints and cannot create others. Use a key of the tenant.',
    );
}

/** The health of an endpoint as a portal shows it. */
const portalHealth = <H extends Answer<'endpoints.health'>>({ failures, errors, ...health }: H) => ({
  ...health,
  failures: {
    ...failures,
    by_class: failures.by_class.map((one) => ({
      ...one,
      last: one.last === null ? null : withoutNode(one.last),
    })),
  },
  errors: errors.map(withoutNode),
});

export function endpointConfinements(store: Store): Confinements<Of<'endpoints'>> {
  return { ...creation(store), ...existing(store) };
}

/** What may name an endpoint that is new, or is about several. */
function creation(
  store: Store,
): Confinements<'endpoints.create' | 'endpoints.check' | 'endpoints.list' | 'endpoints.ensure'> {
  return {
    'endpoints.create': {
      bound: async (input, caller, next) => {
        const tenant = ownTenant(caller, input.body.tenant, missing.tenant);
        refuseEndpointBound(caller);
        return await next({ ...input, body: { ...input.body, tenant } });
      },
      portal: 'never',
    },
    'endpoints.check': openToKeys,
    'endpoints.list': {
      bound: async (input, caller, next) => {
        const { owner, unowned, template } = input.query;
        if (caller.can !== null && [owner, unowned, template].some((asked) => asked !== undefined))
          throw new PosthornError(
            'forbidden',
            'A portal does not show who owns endpoints, or which templates they follow.',
          );
        return await next({ ...input, query: await ownFilter(store.read, caller, input.query) });
      },
      portal: 'read',
      portalAnswer: (page) => ({ ...page, items: page.items.map(portalEndpoint) }),
    },
    'endpoints.ensure': {
      bound: async (input, caller, next) => {
        const tenant = ownTenant(caller, input.query.tenant ?? input.body.tenant, missing.tenant);
        const [found] = await store.read.endpointsNamed([tenant], [input.params.id]);
        if (found === undefined || caller.endpointIds?.includes(found.id) === false)
          refuseEndpointBound(caller);
        return await next({ ...input, query: { ...input.query, tenant } });
      },
      portal: 'never',
    },
  };
}

function existing(
  store: Store,
): Confinements<
  Exclude<Of<'endpoints'>, 'endpoints.create' | 'endpoints.check' | 'endpoints.list' | 'endpoints.ensure'>
> {
  const ofOne = async <I extends OfOne, A>(
    input: I,
    caller: BoundCaller,
    next: (input: I) => Promise<A>,
  ): Promise<A> => {
    const { params, query } = input;
    const id = await ownEndpoint(store.read, caller, { reference: params.id, tenant: query.tenant });
    return await next({ ...input, params: { id }, query: { tenant: caller.tenant } });
  };

  return {
    'endpoints.get': { bound: ofOne, portal: 'read', portalAnswer: portalEndpoint },
    'endpoints.health': {
      bound: ofOne,
      portal: 'read',
      portalAnswer: portalHealth,
    },
    'endpoints.publicKeys': { bound: ofOne, portal: 'read' },
    'endpoints.update': { bound: ofOne, portal: 'never' },
    'endpoints.delete': { bound: ofOne, portal: 'never' },
    'endpoints.pause': { bound: ofOne, portal: 'never' },
    'endpoints.resume': { bound: ofOne, portal: 'never' },
    'endpoints.rotateSecret': { bound: ofOne, portal: 'rotate', portalAnswer: portalEndpoint },
    'endpoints.test': {
      bound: async (input, caller, next) => {
        const { params, query } = input;
        const id = await ownEndpoint(store.read, caller, { reference: params.id, tenant: query.tenant });
        return await next({ ...input, params: { id }, query: { ...query, tenant: caller.tenant } });
      },
      portal: 'test',
      portalAnswer: (test) => ({
        ...test,
        attempt: test.attempt === null ? null : portalAttempt(test.attempt),
      }),
    },
  };
}
