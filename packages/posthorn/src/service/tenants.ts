import type { Answer } from '../contract/table.ts';
import type { StoredDocument } from '../domain/documents.ts';
import { PosthornError } from '../domain/errors.ts';
import { type KeyRecord, keyState } from '../domain/key.ts';
import { maxTenants, type TenantDocument } from '../domain/tenant.ts';
import { isoOrNull } from '../domain/time.ts';
import type { Store, StoreRead } from '../store/store.ts';
import {
  deleteDocument,
  documentBy,
  declaredNames,
  putDocument,
  refuseFaults,
  requireDocument,
} from './declared.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { fingerprint } from './fingerprint.ts';
import type { Handlers, Of } from './handler.ts';
import { toPage } from './paging.ts';

/** Tenants: whose webhooks they are, and the limits of each. */
export function tenantService(deps: ServiceDependencies): Handlers<Of<'tenants'>> {
  const { store, clock, tenantGate } = deps;
  return {
    'tenants.list': async ({ query }) =>
      toPage((await store.read.documents('tenant')).map(wireTenant), query, ({ name }) => [name]),

    'tenants.get': async ({ params: { name } }) =>
      wireTenant(await requireDocument(store.read, 'tenant', name)),

    'tenants.put': async ({ params: { name }, body }, call) => {
      const before = await documentBy(store.read, 'tenant', name);
      const document = { ...body, times: timesAfter(before, body, clock.now()) };
      const declared = await putDocument(deps, {
        kind: 'tenant',
        name,
        document,
        by: call,
        action: 'tenants.put',
        tenant: name,
        shown: wireTenant,
        check: async () => {
          const names = await declaredNames(store.read, 'tenant');
          if (names.size >= maxTenants && !names.has(name))
            refuseFaults([{ path: '', message: `at most ${maxTenants} tenants can be declared` }]);
        },
      });
      await tenantGate.refresh();
      return declared;
    },

    'tenants.delete': async ({ params: { name } }, by) => {
      await deleteDocument(deps, {
        kind: 'tenant',
        name,
        by,
        action: 'tenants.delete',
        tenant: name,
        shown: wireTenant,
        inUse: () => tenantUse(store, name, clock.now()),
      });
      await tenantGate.refresh();
    },
  };
}

/** What the tenant still has, and must be removed before it can be deleted; or null. */
async function tenantUse(store: Store, tenant: string, now: number): Promise<string | null> {
  if ((await store.read.endpointCount(tenant)) > 0)
    return `The tenant ${tenant} has endpoints. Delete them first.`;
  const limit = 1000;
  for (let after: string | null = null; ;) {
    const keys: readonly KeyRecord[] = await store.read.keys({ tenants: [tenant], after, limit });
    const key = keys.find((one) => keyState(one, now) === 'active');
    if (key !== undefined) return `The key ${key.id} is bound to the tenant ${tenant}. Revoke it first.`;
    if (keys.length < limit) return null;
    after = keys.at(-1)!.id;
  }
}

/** Rejects with `tenant_limit` if the tenant may not have another endpoint: for decisions of the `ConfigWriter`. */
export async function refuseTooManyEndpoints(
  store: Pick<StoreRead, 'document' | 'documents' | 'endpointCount'>,
  tenant: string,
): Promise<void> {
  const most = (await documentBy(store, 'tenant', tenant))?.limits.endpoints ?? null;
  if (most === null || (await store.endpointCount(tenant)) < most) return;
  throw new PosthornError(
    'tenant_limit',
    `The tenant ${tenant} has reached its limit of ${most} endpoints. Delete one, or declare the tenant with a higher limit.`,
  );
}

/** The same again is not an update. */
function timesAfter(
  before: TenantDocument | null,
  after: Omit<TenantDocument, 'times'>,
  now: number,
): NonNullable<TenantDocument['times']> | undefined {
  if (before === null) return { created: now, updated: now };
  const { times, ...was } = before;
  if (fingerprint(was) === fingerprint(after)) return times;
  return { created: times?.created ?? now, updated: now };
}

export function wireTenant({ name, document }: StoredDocument<'tenant'>): Answer<'tenants.get'> {
  const { times = null, ...declared } = document;
  return {
    name,
    fingerprint: fingerprint(declared),
    ...declared,
    created_at: isoOrNull(times?.created ?? null),
    updated_at: isoOrNull(times?.updated ?? null),
  };
}
