import { type Endpoint, freshEndpoint } from '../domain/endpoint.ts';
import { invalid } from '../domain/errors.ts';
import { type Template, templatesBy } from '../domain/template.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { type EndpointFields, fieldsFrom, hasPolicy, headersFrom, policyFrom } from './endpoint-fields.ts';
import { orderingFrom } from './endpoint-ordering.ts';
import { receiverUrl } from './receiver-url.ts';

export interface EndpointIdentity {
  readonly id: string;
  readonly tenant: string;
  /** Sealed. */
  readonly secret: string;
  readonly createdAt: number;
}

/** From what callers declare to endpoints, by what is stored: for decisions of the `ConfigWriter`. */
export interface EndpointDeclaration {
  /** The endpoint that this body makes; `stored` are the headers whose values it may keep. */
  fresh(
    identity: EndpointIdentity,
    wire: EndpointFields & { readonly url: string },
    stored?: Endpoint['headers'],
  ): Promise<Endpoint>;
  /** What this body changes. */
  change(wire: EndpointFields, before: Endpoint): Promise<Partial<Endpoint>>;
}

export function endpointDeclaration({
  store,
  keyring,
  refuseHost,
}: Pick<ServiceDependencies, 'store' | 'keyring' | 'refuseHost'>): EndpointDeclaration {
  const templateNamed = async (name: string): Promise<Template> => {
    const template = templatesBy(await store.documents('template')).get(name);
    if (template === undefined) throw invalid('/template', `there is no template ${name}`);
    return template;
  };

  /** The template that all the types name to which an endpoint subscribes, where they name the same one. */
  const templateOfTypes = async (eventTypes: readonly string[]): Promise<string | null> => {
    const declared = new Map(
      (await store.documents('event_type')).map(({ name, document }) => [name, document.template]),
    );
    const [first = null, ...others] = new Set(eventTypes.map((type) => declared.get(type) ?? null));
    return others.length === 0 ? first : null;
  };

  const checkOwner = async ({ owner }: EndpointFields): Promise<void> => {
    if (owner === undefined || owner === null) return;
    if (!(await store.documents('team')).some(({ name }) => name === owner))
      throw invalid('/owner', `there is no team ${owner}: declare it first`);
  };

  return {
    fresh: async (identity, wire, stored = {}) => {
      await checkOwner(wire);
      const url = receiverUrl(wire.url, refuseHost);
      const name =
        wire.template === undefined ? await templateOfTypes(wire.event_types ?? ['*']) : wire.template;
      const template = name === null ? null : await templateNamed(name);
      return freshEndpoint(
        { ...identity, url },
        {
          ...fieldsFrom(wire),
          ...orderingFrom(wire, { ordering: 'none', onDead: 'skip' }),
          ...(wire.headers === undefined ? {} : { headers: headersFrom(wire.headers, stored, keyring) }),
          ...policyFrom(wire, { own: [] }, template),
        },
      );
    },
    change: async (wire, before) => {
      await checkOwner(wire);
      const name = wire.template === undefined ? before.template : wire.template;
      return {
        ...fieldsFrom(wire),
        ...orderingFrom(wire, before),
        ...(wire.url === undefined ? {} : { url: receiverUrl(wire.url, refuseHost) }),
        ...(wire.headers === undefined
          ? {}
          : { headers: headersFrom(wire.headers, before.headers, keyring) }),
        ...(hasPolicy(wire)
          ? policyFrom(wire, before, name === null ? null : await templateNamed(name))
          : {}),
      };
    },
  };
}
