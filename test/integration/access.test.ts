import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Operation } from '../../packages/posthorn/src/contract/operation.ts';
import { type OperationId, table } from '../../packages/posthorn/src/contract/table.ts';
import { keyScopes, type PortalAction, portalActions } from '../../packages/posthorn/src/domain/caller.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { accessCases } from '../access/cases.ts';
import {
  type Answer,
  createWorld,
  owner,
  template,
  tenants,
  type Target,
  type World,
} from '../access/world.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { evaluated, evaluatedOnce, tempDir, until } from '../support.ts';
import { serve } from './serving.ts';

// Every operation is called with every kind of key, against a real server on both stores (G9).

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

const ids = Object.keys(table) as OperationId[];
const operation = (id: OperationId): Operation => table[id];
/** A sign-in presents a key, in the header or in the body. */
const takesAnyKey = (id: OperationId): boolean => operation(id).scope === 'any' || id === 'sessions.create';
const hasKey = (id: OperationId): boolean =>
  takesAnyKey(id) || !['none', 'metrics'].includes(operation(id).scope);

describe.each([
  ['SQLite', async () => await openSqliteStore({ dataDir: tempDir(), thread: true })],
  ['PostgreSQL', async () => (await openPostgresStore(await postgres.createDatabase())).store],
])('G9: every operation by every kind of key on %s', (_, open: () => Promise<Store>) => {
  let server: Awaited<ReturnType<typeof serve>>;
  let store: Store;
  let world: World;
  const keys: Record<string, string> = {};
  beforeAll(async () => {
    store = await open();
    // After the start only the test steps the alerts.
    server = await serve({ ...evaluatedOnce, logLevel: 'error' }, store);
    await evaluated(store);
    world = await createWorld(server.url, store);
    const key = async (fields: object): Promise<string> =>
      (await world.admin('keys.create', { body: { name: 'x', ...fields } }))['key'] as string;
    for (const scope of keyScopes) keys[scope] = await key({ scopes: [scope] });
    const all = ['publish', 'read', 'operate', 'admin'];
    keys['ofTenant'] = await key({ scopes: all, tenant: tenants.own });
    keys['ofAnother'] = await key({ scopes: all, tenant: tenants.foreign });
    keys['ofEndpoint'] = await key({
      scopes: ['read', 'operate'],
      endpoint_ids: [world.sides.own.endpointId],
    });
    const ended = { revoked: {}, expired: { expires_at: new Date(Date.now() + 300).toISOString() } };
    for (const [kind, fields] of Object.entries(ended)) {
      const made = await world.admin('keys.create', { body: { name: kind, scopes: ['admin'], ...fields } });
      keys[kind] = made['key'] as string;
      if (kind === 'revoked') await world.admin('keys.delete', { params: { id: made['id'] as string } });
    }
    await until(
      'it has expired',
      async () => (await world.call(keys['expired']!, 'nodes.list', {})).status === 401,
    );
  });
  afterAll(async () => {
    await server.stop();
  });

  const call = async (id: OperationId, key: string | null, target: Target): Promise<Answer> =>
    await world.call(key, id, await accessCases[id].request(world, target));
  const expectSuccess = ({ status }: Answer, id: OperationId): void => {
    const { status: first, otherStatus = first } = operation(id);
    expect([first, otherStatus, accessCases[id].status], id).toContain(status);
  };
  const withoutId = ({ text }: Answer): unknown => {
    const body = JSON.parse(text) as Record<string, unknown>;
    return { ...body, request_id: undefined };
  };
  /** Refused as what does not exist is, word for word. */
  const isMissing = async (id: OperationId, key: string, target: Target, status: number): Promise<void> => {
    const [answer, missing] = [await call(id, key, target), await call(id, key, 'missing')];
    expect([answer.status, missing.status], `${id} ${target}`).toEqual([status, status]);
    expect(withoutId(answer), `${id} ${target}`).toEqual(withoutId(missing));
  };
  /** The answer names nothing of a side that its caller does not know of. */
  const expectSilentOn = (id: OperationId, { text }: Answer, side: 'own' | 'sibling' | 'foreign'): void => {
    if (accessCases[id].about === 'public') return;
    expect(
      [...world.marks[side]].filter((mark) => text.includes(mark)),
      `${id} names what is ${side}`,
    ).toEqual([]);
  };
  const expectForbidden = ({ status, text }: Answer, id: OperationId): void => {
    expect([status, text.includes('"code":"forbidden"')], id).toEqual([403, true]);
  };

  test.each(ids)('%s without a valid key', async (id) => {
    const refused: unknown[] = [];
    for (const key of [null, 'phk_wrong', keys['expired']!, keys['revoked']!]) {
      const answer = await call(id, key, 'own');
      if (!hasKey(id)) expectSuccess(answer, id);
      else {
        // Too many of them are refused too, by their address.
        expect([401, 429]).toContain(answer.status);
        if (answer.status === 401) refused.push(withoutId(answer));
      }
    }
    for (const one of refused) expect(one).toEqual(refused[0]);
  });

  test.each(ids)('%s by each scope alone', async (id) => {
    const { scope } = operation(id);
    for (const held of keyScopes) {
      const answer = await call(id, keys[held]!, 'own');
      if (!hasKey(id) || takesAnyKey(id) || held === scope || held === 'admin') expectSuccess(answer, id);
      else expectForbidden(answer, id);
    }
  });

  test.each(ids)('%s by a key of the tenant', async (id) => {
    const { about } = accessCases[id];
    const key = keys['ofTenant']!;
    const own = await call(id, key, 'own');
    if (about === 'everything') return expectForbidden(own, id);
    expectSuccess(own, id);
    expectSilentOn(id, own, 'foreign');
    if (about === 'public') return;
    const foreign = await call(id, key, 'foreign');
    expectSilentOn(id, foreign, 'foreign');
    await isMissing(id, key, 'foreign', about === 'many' ? 200 : 404);
    if (about !== 'tenant') expectSuccess(await call(id, key, 'sibling'), id);
  });

  test.each(ids)('%s by a key of another tenant', async (id) => {
    const { about } = accessCases[id];
    const key = keys['ofAnother']!;
    const answer = await call(id, key, 'own');
    if (about === 'everything') return expectForbidden(answer, id);
    expectSilentOn(id, answer, 'own');
    expectSilentOn(id, answer, 'sibling');
    if (about === 'one' || about === 'tenant') await isMissing(id, key, 'own', 404);
    else expectSuccess(answer, id);
  });

  const links = new Map<string, string>();
  /** The token of a link to the first endpoint that allows this. */
  const linkTo = async (can: readonly PortalAction[]): Promise<string> => {
    const known = links.get(can.join());
    if (known !== undefined) return known;
    const { tenant, endpointId } = world.sides.own;
    const made = await world.admin('portalLinks.create', {
      body: { tenant, endpoint_ids: [endpointId], can },
    });
    links.set(can.join(), made['token'] as string);
    return made['token'] as string;
  };

  test.each(ids)('%s by the holder of a portal link', async (id) => {
    const { portal, about, endpointBound } = accessCases[id];
    const all = await linkTo(portalActions);
    if (portal === 'never' && hasKey(id)) {
      expectForbidden(await call(id, all, 'own'), id);
      return;
    }
    const others = portalActions.filter((action) => action !== portal);
    const isAction = portalActions.some((action) => action === portal);
    if (isAction) expectForbidden(await call(id, await linkTo(others), 'own'), id);
    const allowing = portalActions.filter((action) => action === portal);
    const own = await call(id, await linkTo(allowing), 'own');
    expectSuccess(own, id);
    // It has ended the link.
    if (id === 'sessions.delete') links.clear();
    if (about === 'public' || endpointBound === 'missing') return;
    expectSilentOn(id, own, 'sibling');
    expectSilentOn(id, own, 'foreign');
    // Nor does it show who owns endpoints, which templates there are, and which processes.
    for (const hidden of [owner, template, '"local"']) expect(own.text).not.toContain(hidden);
    for (const target of ['sibling', 'foreign'] as const) {
      expectSilentOn(id, await call(id, all, target), target);
      if (about === 'one') await isMissing(id, all, target, 404);
    }
  });

  test.each(ids)('%s by a key of one endpoint', async (id) => {
    const { about, endpointBound } = accessCases[id];
    const { scope } = operation(id);
    const key = keys['ofEndpoint']!;
    const own = await call(id, key, 'own');
    if (endpointBound === 'missing') return await isMissing(id, key, 'own', 404);
    const lacksScope = hasKey(id) && !takesAnyKey(id) && !(['read', 'operate'] as string[]).includes(scope);
    if (lacksScope || about === 'everything' || endpointBound === 'forbidden')
      return expectForbidden(own, id);
    expectSuccess(own, id);
    expectSilentOn(id, own, 'foreign');
    expectSilentOn(id, own, 'sibling');
    if (about === 'public') return;
    for (const target of ['sibling', 'foreign'] as const) {
      const answer = await call(id, key, target);
      expectSilentOn(id, answer, target);
      // A tenant's key may not know which names are taken; nothing by this name and another's are refused alike.
      if (about === 'one' && id !== 'tenants.get') await isMissing(id, key, target, 404);
    }
  });
});
