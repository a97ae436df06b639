import { isDeepStrictEqual } from 'node:util';
import type { Answer } from '../contract/table.ts';
import type { AuditEntry } from '../domain/audit-entry.ts';
import { changedEndpoint, type Endpoint, maxFormerSecrets, rotated } from '../domain/endpoint.ts';
import { invalid, PosthornError } from '../domain/errors.ts';
import { timeOrderedId } from '../domain/ids.ts';
import { publishedKeys } from '../domain/signing-keys.ts';
import { defaultTenant } from '../domain/tenant.ts';
import { secondMs } from '../domain/time.ts';
import { newSecret, parseSecret } from '../signing/standard-webhooks.ts';
import type { EndpointChange } from '../store/store.ts';
import { auditEntries, type Change, endpointChange } from './audit.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointDeclaration, type EndpointIdentity } from './endpoint-declaration.ts';
import { endpointEnsurer } from './endpoint-ensured.ts';
import { endpointList } from './endpoint-list.ts';
import { endpointPreview } from './endpoint-preview.ts';
import { endpointCheckService } from './endpoint-check.ts';
import { endpointDiagnosisService } from './endpoint-diagnosis.ts';
import { endpointTestService } from './endpoint-test.ts';
import { type EndpointRef, findEndpoint } from './endpoint-ref.ts';
import { type Health, noHealth, readKnown, shownWith, wireEndpoint } from './endpoint-shown.ts';
import { type Call, type Handlers, type Of, Reply } from './handler.ts';
import { rotateSigningKeys, wirePublicKeys, withSigningKey } from './signing-keys.ts';
import { refuseTooManyEndpoints } from './tenants.ts';
import { refuseTransformation } from './transformations.ts';

type Id = Of<'endpoints'>;

type Scoped = {
  readonly params: { readonly id: string };
  readonly query: { readonly tenant?: string | undefined };
};

/** The endpoint that a request names: by its id, or by its name in the tenant of the query. */
const endpointRef = ({ params: { id }, query: { tenant } }: Scoped): EndpointRef => ({
  reference: id,
  tenant,
});

const shownBy =
  ({ keyring }: Pick<ServiceDependencies, 'keyring'>) =>
  (endpoint: Endpoint, health: Health, before = endpoint): Answer<'endpoints.get'> =>
    shownWith(keyring, endpoint, health, before);

const healthReader =
  ({ store, clock }: Pick<ServiceDependencies, 'store' | 'clock'>) =>
  (endpoints: readonly Endpoint[]): Promise<Health> =>
    readKnown(store.read, endpoints, clock.now());

type ChangeEndpoint = (
  ref: EndpointRef,
  by: { readonly call: Call; readonly action: Id },
  fields: (before: Endpoint) => Promise<Partial<Endpoint>>,
) => Promise<Answer<'endpoints.get'>>;

/** The engine learns of changes in the order of their commits. Returns the endpoint as it is then. */
function endpointChanger(deps: ServiceDependencies): ChangeEndpoint {
  const { store, config, engine, clock } = deps;
  const [shown, readHealth] = [shownBy(deps), healthReader(deps)];
  return async (ref, by, fields) => {
    const { endpoints, answer } = await config.change(async () => {
      const before = await findEndpoint(store.read, ref);
      const now = clock.now();
      const fresh = { ...(await fields(before)), updatedAt: now };
      // Read before anything is stored: an error after that would claim that nothing was (G5).
      const health = await readHealth([{ ...before, ...fresh }]);
      const audit = updateEntries(by.call, by.action, before, fresh);
      const updateEndpoints = [{ id: before.id, change: fresh }];
      return { write: { now, updateEndpoints, audit }, answer: { before, health } };
    });
    const endpoint = endpoints[0]!;
    engine.endpointChanged(endpoint.id, endpoint);
    return shown(endpoint, answer.health, answer.before);
  };
}

/** The identity of an endpoint that is created now, and its secret in clear: given, or made. */
function newIdentity(
  { clock, random, keyring }: ServiceDependencies,
  tenant: string,
  given: string | undefined,
): { readonly identity: EndpointIdentity; readonly secret: string; readonly now: number } {
  const now = clock.now();
  const secret = given === undefined ? newSecret(random) : checkedSecret(given);
  const identity = {
    id: timeOrderedId('ep', now, random.bytes(12)),
    tenant,
    secret: keyring.seal(secret, 'signing'),
    createdAt: now,
  };
  return { identity, secret, now };
}

/** Endpoints: created, changed, paused, deleted and tested. */
export function endpointService(deps: ServiceDependencies): Handlers<Of<'endpoints'>> {
  return {
    'endpoints.list': endpointList(deps),
    ...declaring(deps),
    ...changing(deps),
    ...signing(deps),
    ...endpointDiagnosisService(deps),
    ...endpointCheckService(deps),
    ...endpointTestService(deps),
  };
}

function declaring(
  deps: ServiceDependencies,
): Handlers<'endpoints.create' | 'endpoints.get' | 'endpoints.ensure'> {
  const { store, config, engine } = deps;
  const declaration = endpointDeclaration(deps);
  const ensured = endpointEnsurer(deps);
  const [shown, readHealth] = [shownBy(deps), healthReader(deps)];
  return {
    'endpoints.create': async ({ body: { tenant = defaultTenant, secret: given, ...settings } }, call) => {
      await refuseTransformation(deps, settings.transformation, tenant);
      const { identity, secret, now } = newIdentity(deps, tenant, given);
      const { answer: endpoint } = await config.change(async () => {
        const answer = withSigningKey(await declaration.fresh(identity, settings), now, deps);
        await refuseTooManyEndpoints(store.read, tenant);
        const audit = createEntries(call, 'endpoints.create', answer);
        return { write: { now, createEndpoints: [answer], audit }, answer };
      });
      engine.endpointChanged(endpoint.id, endpoint);
      return { ...shown(endpoint, noHealth), secret };
    },

    'endpoints.get': async (request) => {
      const endpoint = await findEndpoint(store.read, endpointRef(request));
      return shown(endpoint, await readHealth([endpoint]));
    },

    'endpoints.ensure': async (
      { params: { id: name }, query, body: { tenant: ownTenant, ...settings } },
      call,
    ) => {
      const tenant = query.tenant ?? ownTenant ?? defaultTenant;
      if (ownTenant !== undefined && ownTenant !== tenant)
        throw invalid('/tenant', `is not the tenant of the query, ${tenant}`);
      if (settings.name !== undefined && settings.name !== name)
        throw invalid('/name', `is not the name in the path, ${name}`);
      await refuseTransformation(deps, settings.transformation, tenant);
      const { identity, secret, now } = newIdentity(deps, tenant, settings.secret);
      const decide = (): ReturnType<typeof ensured> => ensured(identity, { ...settings, name }, now);
      if (query.dry_run === 'true') {
        const { before, after } = await decide();
        const health = before === undefined ? noHealth : await readHealth([after]);
        return { ...shown(after, health, before), dry_run: endpointPreview(before, after) };
      }
      const { answer, endpoints } = await config.change(async () => {
        const { before, after } = await decide();
        if (before === undefined) {
          const audit = createEntries(call, 'endpoints.ensure', after);
          return { write: { now, createEndpoints: [after], audit }, answer: null };
        }
        const found = { before, health: await readHealth([after]) };
        // An identical request changes nothing.
        if (isDeepStrictEqual(after, before)) return { write: null, answer: found };
        const updated = { ...after, updatedAt: now };
        const audit = updateEntries(call, 'endpoints.ensure', before, updated);
        const updateEndpoints = [{ id: before.id, change: updated }];
        return { write: { now, updateEndpoints, audit }, answer: found };
      });
      const endpoint = endpoints[0] ?? answer!.before;
      if (endpoints.length > 0) engine.endpointChanged(endpoint.id, endpoint);
      if (answer !== null) return shown(endpoint, answer.health, answer.before);
      return new Reply<Answer<'endpoints.ensure'>>({ ...shown(endpoint, noHealth), secret }, { other: true });
    },
  };
}

function changing(
  deps: ServiceDependencies,
): Handlers<'endpoints.update' | 'endpoints.delete' | 'endpoints.pause' | 'endpoints.resume'> {
  const { store, config, engine, clock } = deps;
  const declaration = endpointDeclaration(deps);
  const change = endpointChanger(deps);
  return {
    'endpoints.update': async ({ body, ...request }, call) => {
      // The owner of the endpoint is not known yet: a caller of a tenant can only mean one of its own.
      await refuseTransformation(deps, body.transformation, call.caller.tenant ?? defaultTenant);
      return await change(endpointRef(request), { call, action: 'endpoints.update' }, async (before) => {
        const changed = await declaration.change(body, before);
        const { signingKeys } = withSigningKey({ ...before, ...changed }, clock.now(), deps);
        return { ...changed, signingKeys };
      });
    },

    'endpoints.delete': async (request, call) => {
      const { answer: id } = await config.change(async () => {
        const endpoint = await findEndpoint(store.read, endpointRef(request));
        const now = clock.now();
        const audit = auditEntries(call, now, {
          action: 'endpoints.delete',
          ...auditTarget(endpoint),
          before: wireEndpoint(endpoint),
        });
        return { write: { now, deleteEndpoints: [endpoint.id], audit }, answer: endpoint.id };
      });
      engine.endpointChanged(id, null);
      return undefined;
    },

    'endpoints.pause': async ({ body: { reason = 'operator' }, ...request }, call) =>
      await change(endpointRef(request), { call, action: 'endpoints.pause' }, async () => ({
        enabled: false,
        pausedReason: reason,
      })),

    'endpoints.resume': async (request, call) => {
      const by = { call, action: 'endpoints.resume' } as const;
      const resumed = await change(endpointRef(request), by, async () => ({
        enabled: true,
        pausedReason: null,
      }));
      await engine.clearThrottles([resumed.id]);
      return { ...resumed, throttled_until: null };
    },
  };
}

function signing(deps: ServiceDependencies): Handlers<'endpoints.rotateSecret' | 'endpoints.publicKeys'> {
  const { store, clock, random, keyring } = deps;
  const change = endpointChanger(deps);
  return {
    'endpoints.rotateSecret': async ({ body: { grace_s: graceS, secret: given }, ...request }, call) => {
      const secret = given === undefined ? newSecret(random) : checkedSecret(given);
      let hasSecret = false;
      const by = { call, action: 'endpoints.rotateSecret' } as const;
      const changed = await change(endpointRef(request), by, async ({ secrets, signingKeys, signatures }) => {
        const [now, graceMs] = [clock.now(), graceS * secondMs];
        hasSecret = signatures.includes('v1');
        if (!hasSecret && given !== undefined)
          throw invalid('/secret', 'is not used by an endpoint that signs only with v1a');
        const fresh = { secret: keyring.seal(secret, 'signing'), expiresAt: null };
        const newSecrets = hasSecret ? rotated(secrets, fresh, now, graceMs) : secrets;
        const newKeys = signatures.includes('v1a')
          ? rotateSigningKeys(signingKeys, now, graceMs, deps)
          : signingKeys;
        if (newSecrets === null || newKeys === null)
          throw new PosthornError(
            'too_many_secrets',
            `${maxFormerSecrets} previous secrets of this endpoint still sign until their grace period ends. Wait for the first to end, or send a grace_s of 0 to retire the current one at once.`,
          );
        return { secrets: newSecrets, signingKeys: newKeys };
      });
      return hasSecret ? { ...changed, secret } : changed;
    },

    'endpoints.publicKeys': async (request) => {
      const { signingKeys } = await findEndpoint(store.read, endpointRef(request));
      return wirePublicKeys(publishedKeys(signingKeys, clock.now()));
    },
  };
}

const auditTarget = ({ id, tenant }: Endpoint): Pick<Change, 'target' | 'tenant'> => ({
  target: { kind: 'endpoint', id },
  tenant,
});

function createEntries(call: Call, action: Id, endpoint: Endpoint): readonly AuditEntry[] {
  const after = wireEndpoint(endpoint);
  return auditEntries(call, endpoint.createdAt, { action, ...auditTarget(endpoint), after });
}

function updateEntries(
  call: Call,
  action: Id,
  before: Endpoint,
  change: EndpointChange,
): readonly AuditEntry[] {
  const sides = endpointChange(before, changedEndpoint(before, change), wireEndpoint);
  return auditEntries(call, change.updatedAt, { action, ...auditTarget(before), ...sides });
}

function checkedSecret(secret: string): string {
  try {
    parseSecret(secret);
    return secret;
  } catch (error) {
    const { message } = error as Error;
    throw new PosthornError('invalid_request', message, [{ path: '/secret', message }]);
  }
}
