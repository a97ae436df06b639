import type { Input } from '../contract/table.ts';
import { type Endpoint, replacedEndpoint, rotated } from '../domain/endpoint.ts';
import { sealsThis } from '../secrets/keyring.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointDeclaration, type EndpointIdentity } from './endpoint-declaration.ts';
import { withSigningKey } from './signing-keys.ts';
import { refuseTooManyEndpoints } from './tenants.ts';

type Declared = Omit<Input<'endpoints.ensure'>['body'], 'tenant'> & { readonly name: string };

/** What a declaration by name makes of the endpoint of that name; undefined `before`: it does not exist. */
interface Ensured {
  readonly before: Endpoint | undefined;
  readonly after: Endpoint;
}

/** Computes the result of a declaration by name, and changes nothing. */
export function endpointEnsurer(
  deps: ServiceDependencies,
): (identity: EndpointIdentity, declared: Declared, now: number) => Promise<Ensured> {
  const { store, keyring } = deps;
  const declaration = endpointDeclaration(deps);
  return async (identity, { secret: given, ...settings }, now) => {
    const [before] = await store.read.endpointsNamed([identity.tenant], [settings.name]);
    const fresh = await declaration.fresh(identity, settings, before);
    if (before === undefined) {
      await refuseTooManyEndpoints(store.read, identity.tenant);
      return { before, after: withSigningKey(fresh, now, deps) };
    }
    const kept = {
      ...replacedEndpoint(before, fresh, settings.enabled !== undefined),
      ...(given === undefined || sealsThis(keyring, before.secrets[0]!.secret, given, 'signing')
        ? {}
        : { secrets: rotated(before.secrets, fresh.secrets[0]!, now, 0) ?? fresh.secrets }),
    };
    return { before, after: withSigningKey(kept, now, deps) };
  };
}
