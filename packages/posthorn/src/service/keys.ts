import { hash } from 'node:crypto';
import type { Answer, Input, OperationId } from '../contract/table.ts';
import type { AuditEntry } from '../domain/audit-entry.ts';
import { type Caller, type KeyScope, lesserAccess, type PayloadAccess } from '../domain/caller.ts';
import { type Fault, invalid, notFound, PosthornError } from '../domain/errors.ts';
import { timeOrderedId } from '../domain/ids.ts';
import { defaultPayloads, type KeyRecord, keySettings, keyState } from '../domain/key.ts';
import { iso, isoOrNull, secondMs } from '../domain/time.ts';
import type { StoreRead } from '../store/store.ts';
import { auditEntry } from './audit.ts';
import { refuseFaults } from './declared.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { findEndpoint } from './endpoint-ref.ts';
import type { Call, Handlers, Of } from './handler.ts';
import { decodeCursor, invalidCursor, pageRead } from './paging.ts';

const missing = (): PosthornError => notFound('key by that id');
const keyBytes = 32;

/** What a key that is bound to endpoints cannot have: an event goes to every subscriber, and an admin sees everything. */
const unboundScopes: readonly KeyScope[] = ['publish', 'admin'];

/** API keys: created, shown once, rotated, revoked (G9). Only their hashes are stored. */
export function keyService(deps: ServiceDependencies): Handlers<Of<'keys'>> {
  return { ...keyReads(deps), ...keyCommands(deps) };
}

/** Returns a key as answers show it, with its last use that this node knows of. */
function shownKey(record: KeyRecord, { keyTable, clock }: ServiceDependencies): Answer<'keys.get'> {
  return wireKey({ ...record, lastUse: keyTable.lastUse(record.id) ?? record.lastUse }, clock.now());
}

function keyReads(deps: ServiceDependencies): Handlers<'keys.list' | 'keys.get'> {
  const { read } = deps.store;
  return {
    'keys.list': async ({ query: { tenant: tenants, limit, cursor, order } }) => {
      const after = decodeCursor(cursor);
      if (after !== null && !/^key_\w{1,64}$/.test(after)) throw invalidCursor();
      const keys = await read.keys({
        ...(tenants === undefined ? {} : { tenants }),
        after,
        limit: limit + 1,
        order,
      });
      const page = pageRead(keys, limit, ({ id }) => id);
      return { ...page, items: page.items.map((key) => shownKey(key, deps)) };
    },

    'keys.get': async ({ params: { id } }) => {
      const key = await read.key(id);
      if (key === null) throw missing();
      return shownKey(key, deps);
    },
  };
}

function keyCommands(deps: ServiceDependencies): Handlers<'keys.create' | 'keys.delete' | 'keys.rotate'> {
  const { store, clock, random, keyTable } = deps;
  const newKey = (): string => `phk_${Buffer.from(random.bytes(keyBytes)).toString('base64url')}`;

  /** The store adds what was changed. */
  const entry = (call: Call, action: OperationId, { id, tenant }: KeyRecord): AuditEntry =>
    auditEntry(call, clock.now(), { action, target: { kind: 'key', id }, tenant });

  return {
    'keys.create': async ({ body }, call) => {
      const now = clock.now();
      const expiresAt = body.expires_at === undefined ? null : Date.parse(body.expires_at);
      if (expiresAt !== null && expiresAt <= now) throw invalid('/expires_at', 'must be in the future');
      const key = newKey();
      const scopes = [...new Set(body.scopes)];
      const record: KeyRecord = {
        id: timeOrderedId('key', now, random.bytes(12)),
        hash: hash('sha256', key),
        former: null,
        name: body.name,
        scopes,
        ...(await readBounds(store.read, body)),
        payloads: body.payloads ?? lesserAccess(defaultPayloads(scopes), call.caller.payloads),
        ratePerS: body.rate_limit_per_s ?? null,
        createdAt: now,
        expiresAt,
        revokedAt: null,
        lastUse: null,
      };
      demandPayloads(call.caller, record.payloads);
      await store.write.createKey(record, entry(call, 'keys.create', record));
      await keyTable.refresh();
      return { ...shownKey(record, deps), key };
    },

    'keys.delete': async ({ params: { id } }, call) => {
      const before = await store.read.key(id);
      if (before === null) throw missing();
      await store.write.revokeKey(id, clock.now(), entry(call, 'keys.delete', before));
      await keyTable.refresh();
      return undefined;
    },

    'keys.rotate': async ({ params: { id }, body: { grace_s: graceS } }, call) => {
      const before = await store.read.key(id);
      if (before === null) throw missing();
      demandPayloads(call.caller, before.payloads);
      const key = newKey();
      const now = clock.now();
      const rotation = { hash: hash('sha256', key), formerUntil: now + graceS * secondMs };
      const record = await store.write.rotateKey(id, rotation, now, entry(call, 'keys.rotate', before));
      if (record === null)
        throw new PosthornError('wrong_state', 'This key has expired or was revoked. Create another one.');
      await keyTable.refresh();
      return { ...shownKey(record, deps), key };
    },
  };
}

/** The tenant and the endpoints that a new key is bound to. */
async function readBounds(
  read: StoreRead,
  { tenant, endpoint_ids: references, scopes }: Input<'keys.create'>['body'],
): Promise<Pick<KeyRecord, 'tenant' | 'endpointIds'>> {
  if (references === undefined) return { tenant: tenant ?? null, endpointIds: null };
  const unfit = scopes.find((scope) => unboundScopes.includes(scope));
  if (unfit !== undefined)
    throw invalid('/endpoint_ids', `cannot be combined with the scope ${unfit}: bind the key to a tenant`);
  const found = await Promise.allSettled(
    references.map((reference) => findEndpoint(read, { reference, tenant })),
  );
  const faults: Fault[] = [];
  const endpoints = found.flatMap((one, at) => {
    if (one.status === 'fulfilled') return [one.value];
    if (!(one.reason instanceof PosthornError)) throw one.reason;
    faults.push({ path: `/endpoint_ids/${at}`, message: one.reason.message });
    return [];
  });
  refuseFaults(faults);
  const [first, ...others] = new Set(endpoints.map((endpoint) => endpoint.tenant));
  if (others.length > 0) throw invalid('/endpoint_ids', 'belong to several tenants: create a key for each');
  return { tenant: first!, endpointIds: [...new Set(endpoints.map(({ id }) => id))] };
}

/** A caller cannot create a key that shows more than its own. */
function demandPayloads({ payloads: own }: Caller, payloads: PayloadAccess): void {
  if (lesserAccess(own, payloads) !== payloads)
    throw new PosthornError(
      'forbidden',
      `This key sees payloads: ${own}. It cannot create a key that sees payloads: ${payloads}.`,
    );
}

function wireKey(record: KeyRecord, now: number): Answer<'keys.get'> {
  const { former, lastUse } = record;
  return {
    id: record.id,
    state: keyState(record, now),
    ...keySettings(record),
    former_until: former === null || former.until <= now ? null : iso(former.until),
    last_used_at: isoOrNull(lastUse?.at ?? null),
    last_used_from: lastUse?.from ?? null,
  };
}
