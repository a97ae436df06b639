import { type Endpoint, freshEndpoint } from '../domain/endpoint.ts';
import { invalid } from '../domain/errors.ts';
import { type Template, templatesBy } from '../domain/template.ts';
import type { StoreRead } from '../store/store.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { type EndpointFields, fieldsFrom, hasPolicy, headersFrom, policyFrom } from './endpoint-fields.ts';
import { orderingFrom } from './endpoint-ordering.ts';
import { checkReach, reachFrom } from './endpoint-reach.ts';
import { receiverUrl } from './receiver-url.ts';

export interface EndpointIdentity {
  readonly id: string;
  readonly tenant: string;
  /** Sealed. */
  readonly secret: string;
  readonly createdAt: number;
}

/** Builds endpoints from what callers declare and what is stored: for decisions of the `ConfigWriter`. */
export interface EndpointDeclaration {
  /** The endpoint of this body; `before`: the one whose secrets it may keep. */
  fresh(
    identity: EndpointIdentity,
    wire: EndpointFields & { readonly url: string },
    before?: Endpoint,
  ): Promise<Endpoint>;
  /** What this body changes. */
  change(wire: EndpointFields, before: Endpoint): Promise<Partial<Endpoint>>;
}

export function endpointDeclaration(
  deps: Pick<ServiceDependencies, 'store' | 'keyring' | 'refuseHost' | 'clock'>,
): EndpointDeclaration {
  const { keyring, refuseHost } = deps;
  const { read } = deps.store;
  return {
    fresh: async (identity, wire, before) => {
      await checkOwner(read, wire);
      const url = receiverUrl(wire.url, refuseHost);
      const name =
        wire.template === undefined ? await templateOfTypes(read, wire.event_types ?? ['*']) : wire.template;
      const template = name === null ? null : await templateNamed(read, name);
      const fresh = freshEndpoint(
        { ...identity, url },
        {
          ...fieldsFrom(wire),
          ...orderingFrom(wire, { ordering: 'none', onDead: 'skip' }),
          ...(wire.headers === undefined
            ? {}
            : { headers: headersFrom(wire.headers, before?.headers ?? {}, keyring) }),
          ...reachFrom(wire, before ?? null, deps),
          ...policyFrom(wire, { own: [] }, template),
        },
      );
      checkReach(fresh);
      return fresh;
    },
    change: async (wire, before) => {
      if (before.channel !== undefined && (wire.url !== undefined || wire.body !== undefined))
        throw invalid(
          wire.url === undefined ? '/body' : '/url',
          'of a channel is declared with the channel: PUT /v1/channels/{name}',
        );
      await checkOwner(read, wire);
      const name = wire.template === undefined ? before.template : wire.template;
      const change = {
        ...fieldsFrom(wire),
        ...orderingFrom(wire, before),
        ...reachFrom(wire, before, deps),
        ...(wire.url === undefined ? {} : { url: receiverUrl(wire.url, refuseHost) }),
        ...(wire.headers === undefined
          ? {}
          : { headers: headersFrom(wire.headers, before.headers, keyring) }),
        ...(hasPolicy(wire)
          ? policyFrom(wire, before, name === null ? null : await templateNamed(read, name))
          : {}),
      };
      checkReach({ ...before, ...change });
      return change;
    },
  };
}

type Documents = Pick<StoreRead, 'documents'>;

async function templateNamed(read: Documents, name: string): Promise<Template> {
  const template = templatesBy(await read.documents('template')).get(name);
  if (template === undefined)
    throw invalid('/template', `does not exist: declare the template ${name} first`);
  return template;
}

/** The template that all subscribed types name, if they name the same one. */
async function templateOfTypes(read: Documents, eventTypes: readonly string[]): Promise<string | null> {
  const declared = new Map(
    (await read.documents('event_type')).map(({ name, document }) => [name, document.template]),
  );
  const [first = null, ...others] = new Set(eventTypes.map((type) => declared.get(type) ?? null));
  return others.length === 0 ? first : null;
}

async function checkOwner(read: Documents, { owner }: EndpointFields): Promise<void> {
  if (owner === undefined || owner === null) return;
  if (!(await read.documents('team')).some(({ name }) => name === owner))
    throw invalid('/owner', `does not exist: declare the team ${owner} first`);
}
