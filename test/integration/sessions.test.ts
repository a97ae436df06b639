import { hash } from 'node:crypto';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compose, open } from '../../packages/posthorn/src/posthorn.ts';
import type { Posthorn } from '../../packages/posthorn/src/index.ts';
import type { NodeOptions } from '../../packages/posthorn/src/options.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { type Answer, askAt, type AskedRequest, type Body } from './asking.ts';
import { apiKey } from './serving.ts';

// Browsers: signing in and out, what a session may do, when it ends, and links for receivers (G9).

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

const hourMs = 3_600_000;
/** Failures are limited for each address: what fails on purpose, or until a node knows better, comes from others. */
const [waiting, wrongly] = ['127.0.0.77', '127.0.0.78'].map(
  (localAddress) => new Agent({ localAddress }),
) as [Agent, Agent];
afterAll(() => Promise.all([waiting.close(), wrongly.close()]));
/** What a browser says of a request from a page of the server. */
const samePage = { 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' };

describe.each([
  ['SQLite, one node', 1],
  ['PostgreSQL, two nodes', 2],
])('%s', (_, count) => {
  let nodes: Posthorn[] = [];
  let urls: string[] = [];
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  const startNode = async (database: string, more: Partial<NodeOptions> = {}): Promise<string> => {
    const options = {
      database,
      allowPrivateNetworks: true,
      plaintextSecrets: true,
      adminKeyHashes: [hash('sha256', apiKey)],
      ...more,
    };
    const node = compose(await open(options), options);
    await node.start();
    nodes.push(node);
    return await node.listen({ host: '127.0.0.1', port: 0 });
  };
  let database: string;
  beforeAll(async () => {
    receiver = await aReceiver();
    database = count === 1 ? tempDir() : await postgres.createDatabase();
    for (let n = 0; n < count; n++) urls.push(await startNode(database));
  });
  afterAll(async () => {
    for (const node of nodes) await node.stop();
    nodes = [];
    urls = [];
    await receiver.close();
  });

  let calls = 0;
  const ask = (method: string, path: string, request: AskedRequest = {}): Promise<Answer> =>
    askAt(urls[calls++ % urls.length]! + path, method, request);
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
  const admin = async (method: string, path: string, body?: unknown): Promise<Body> => {
    const answer = await ask(method, path, {
      headers: bearer(apiKey),
      ...(body === undefined ? {} : { body }),
    });
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    return answer.body;
  };
  const newKey = async (fields: Body = {}): Promise<{ id: string; key: string }> => {
    const request = { name: 'browser', scopes: ['read', 'operate'], ...fields };
    const made = (await admin('POST', '/v1/keys', request)) as { id: string; key: string };
    await everyNode('the key is known', bearer(made.key), 200);
    return made;
  };
  /** Signs in, and returns what the browser sends from then on. */
  const signIn = async (body: Body, headers: Record<string, string> = {}): Promise<{ cookie: string }> => {
    const answer = await ask('POST', '/v1/sessions', { body, headers });
    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
    return { cookie: answer.headers.get('set-cookie')!.split(';')[0]! };
  };
  const statusOf = async (headers: Record<string, string>): Promise<number> =>
    (await ask('GET', '/v1/me', { headers })).status;
  /** Waits until every node answers this caller so. */
  const everyNode = async (what: string, headers: Record<string, string>, status: number): Promise<void> => {
    for (const url of urls)
      await until(
        what,
        async () => (await fetch(`${url}/v1/me`, { headers, dispatcher: waiting })).status === status,
      );
  };
  const endsOnAllNodes = (what: string, headers: Record<string, string>) => everyNode(what, headers, 401);

  test('a key is exchanged for a cookie, in the header or in the body, and the session sees what the key sees', async () => {
    const { id, key } = await newKey();
    for (const given of [{ headers: bearer(key), body: {} }, { body: { key } }]) {
      const begun = await ask('POST', '/v1/sessions', given);
      expect(begun.status).toBe(201);
      expect(begun.headers.get('set-cookie')).toMatch(
        /^posthorn=phs_[\w-]{43}; Path=\/; Max-Age=604(800|799); HttpOnly; SameSite=Strict$/,
      );
      expect(begun.headers.get('cache-control')).toBe('no-store');
      expect(begun.body).toMatchObject({
        kind: 'session',
        name: 'browser',
        scopes: ['read', 'operate'],
        tenant: null,
        endpoint_ids: null,
        payloads: 'masked',
        can: null,
      });
      const leftMs = Date.parse(begun.body['expires_at'] as string) - Date.parse(begun.body['now'] as string);
      expect(Math.ceil(leftMs / hourMs)).toBe(7 * 24);
      const cookie = { cookie: begun.headers.get('set-cookie')!.split(';')[0]! };
      for (let n = 0; n < count; n++) {
        const me = await ask('GET', '/v1/me', { headers: cookie });
        expect({ ...me.body, now: begun.body['now'] }).toEqual({
          ...begun.body,
          public_url: me.body['public_url'],
        });
        expect(me.headers.get('cache-control')).toBe('no-store');
        expect(me.headers.get('access-control-allow-origin')).toBeNull();
      }
      expect((await ask('GET', '/v1/deliveries', { headers: cookie })).status).toBe(200);
      // The scopes are the key's.
      expect(await ask('GET', '/v1/keys', { headers: cookie })).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      });
    }
    await until(
      'its last use is known',
      async () => (await admin('GET', `/v1/keys/${id}`))['last_used_at'] !== null,
    );
    expect((await ask('GET', '/v1/me', { headers: bearer(key) })).body).toMatchObject({
      kind: 'key',
      expires_at: null,
    });
  });

  test('wrong keys, tokens and cookies are all answered alike', async () => {
    const { key } = await newKey();
    const { cookie } = await signIn({ key });
    const secret = cookie.slice('posthorn='.length);
    const failing = (
      method: string,
      path: string,
      given: { body?: unknown; headers?: Record<string, string> },
    ) => ask(method, path, { ...given, by: wrongly });
    const wrong = [
      await failing('POST', '/v1/sessions', { body: { key: 'phk_wrong_0123456789' } }),
      await failing('POST', '/v1/sessions', { body: { token: 'phl_wrong_0123456789' } }),
      await failing('POST', '/v1/sessions', { body: {} }),
      // A session cannot open another session, and is not a key.
      await failing('POST', '/v1/sessions', {
        body: {},
        headers: { cookie, 'sec-fetch-site': 'same-origin' },
      }),
      await failing('POST', '/v1/sessions', { body: { key: secret } }),
      await failing('POST', '/v1/sessions', { body: { token: secret } }),
      await failing('GET', '/v1/me', { headers: bearer(secret) }),
      await failing('GET', '/v1/me', { headers: { cookie: 'posthorn=phs_wrong' } }),
      await failing('GET', '/v1/me', { headers: { cookie: `posthorn=${key}` } }),
      await failing('GET', '/v1/me', { headers: { cookie: `__Host-${cookie}` } }),
      // Authorization wins over a cookie.
      await failing('GET', '/v1/me', { headers: { cookie, ...bearer('phk_wrong_0123456789') } }),
    ];
    expect(wrong.map(({ status }) => status)).toEqual(wrong.map(() => 401));
    expect(new Set(wrong.map(({ body: { request_id: __, ...rest } }) => JSON.stringify(rest))).size).toBe(1);
    expect((await ask('POST', '/v1/sessions', { body: { key, token: 'phl_x' } })).status).toBe(422);
    expect((await ask('POST', '/v1/sessions', { body: { key: 7 } })).status).toBe(422);
  });

  test('a change with a cookie has to come from a page of this server', async () => {
    const { key } = await newKey();
    const { cookie } = await signIn({ key });
    const declare = (headers: Record<string, string>) =>
      ask('PUT', '/v1/teams/browsers', { body: {}, headers: { cookie, ...headers } });
    expect((await declare(samePage)).status).toBe(200);
    for (const headers of [{}, { 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }])
      expect(await declare(headers)).toMatchObject({ status: 403, body: { code: 'cross_site' } });
    // Also without a body.
    const remove = (headers: Record<string, string>) =>
      ask('DELETE', '/v1/teams/browsers', { headers: { cookie, ...headers } });
    expect((await remove({ 'sec-fetch-site': 'same-origin' })).status).toBe(403);
    expect((await remove(samePage)).status).toBe(204);
    // A key is not a cookie: programs do not have pages.
    expect(
      (await ask('PUT', '/v1/teams/browsers', { body: {}, headers: { cookie, ...bearer(key) } })).status,
    ).toBe(200);
    expect(
      (
        await ask('OPTIONS', '/v1/teams/browsers', { headers: { origin: 'https://evil.example' } })
      ).headers.get('access-control-allow-origin'),
    ).toBeNull();
  });

  test('signing out ends the session on every node, and clears the cookie', async () => {
    const { key } = await newKey();
    const [session, other] = [await signIn({ key }), await signIn({ key })];
    expect(await statusOf(session)).toBe(200);
    const out = await ask('DELETE', '/v1/sessions', { headers: { ...session, ...samePage } });
    expect(out.status).toBe(204);
    expect(out.headers.get('set-cookie')).toBe('posthorn=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict');
    await endsOnAllNodes('it is over', session);
    expect(await statusOf(other)).toBe(200);
    // With a key there is nothing to end.
    expect((await ask('DELETE', '/v1/sessions', { headers: bearer(key) })).status).toBe(204);
    expect(await statusOf(bearer(key))).toBe(200);
  });

  test('a session ends when its key is revoked, rotated away or expired', async () => {
    const revoked = await newKey();
    const first = await signIn({ key: revoked.key });
    await admin('DELETE', `/v1/keys/${revoked.id}`);
    await endsOnAllNodes('its key is revoked', first);

    const rotated = await newKey();
    const second = await signIn({ key: rotated.key });
    const { key: next } = await admin('POST', `/v1/keys/${rotated.id}/rotate`, { grace_s: 3600 });
    await everyNode('the new key is known', bearer(next as string), 200);
    const third = await signIn({ key: next as string });
    expect(await statusOf(second)).toBe(200);
    await admin('POST', `/v1/keys/${rotated.id}/rotate`, { grace_s: 3600 });
    await endsOnAllNodes('its key is rotated away', second);
    expect(await statusOf(third)).toBe(200);

    const expiring = await newKey({ expires_at: new Date(Date.now() + 5000).toISOString() });
    const fourth = await signIn({ key: expiring.key });
    expect((await ask('GET', '/v1/me', { headers: fourth })).body['expires_at']).toBe(
      (await admin('GET', `/v1/keys/${expiring.id}`))['expires_at'],
    );
    await endsOnAllNodes('its key has expired', fourth);
  });

  test('a repeat with the same Idempotency-Key and session has one effect', async () => {
    const { key } = await newKey();
    const session = await signIn({ key });
    const create = (headers: Record<string, string>) =>
      ask('POST', '/v1/endpoints', {
        body: { url: receiver.url, event_types: ['none'] },
        headers: { 'idempotency-key': 'once', ...samePage, ...headers },
      });
    const [made, again] = [await create(session), await create(session)];
    expect(again.body).toEqual(made.body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    // Another session is another caller.
    expect((await create(await signIn({ key }))).body['id']).not.toBe(made.body['id']);
  });

  test('sessions of one key are bounded: the oldest ends', async () => {
    const { key } = await newKey();
    const first = await signIn({ key });
    // The clocks of two nodes differ by some milliseconds: of two that began so close, either may be the oldest.
    const begunAt = Date.now();
    await until('a later time on every node', () => Date.now() > begunAt + 100);
    const second = await signIn({ key });
    for (let n = 0; n < 99; n++) await signIn({ key });
    await endsOnAllNodes('there are 100 newer ones', first);
    expect(await statusOf(second)).toBe(200);
  });

  test('signing in is refused over plain HTTP, and has a secure cookie where TLS ends before the server', async () => {
    const { key } = await newKey();
    const proxied = { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' };
    expect(await ask('POST', '/v1/sessions', { body: { key }, headers: proxied })).toMatchObject({
      status: 403,
      body: { code: 'insecure_connection' },
    });
    expect(
      await ask('POST', '/v1/sessions', { body: { key }, headers: { 'sec-fetch-site': 'cross-site' } }),
    ).toMatchObject({ status: 403, body: { code: 'cross_site' } });
    // A cookie of an insecure connection is not looked at.
    const session = await signIn({ key });
    expect((await ask('GET', '/v1/me', { headers: { ...session, ...proxied }, by: wrongly })).status).toBe(
      401,
    );
  });

  test('the failed ones are limited for an address, which no header can change', async () => {
    const answers = await Promise.all(
      Array.from({ length: 80 }, () =>
        ask('POST', '/v1/sessions', { body: { key: 'phk_wrong_0123456789' }, by: wrongly }),
      ),
    );
    expect(answers.map(({ status }) => status)).toContain(429);
    expect(answers.find(({ status }) => status === 429)!.headers.get('retry-after')).toMatch(/^\d+$/);
    const headers = { ...bearer('phk_wrong_0123456789'), 'x-forwarded-for': '203.0.113.7' };
    expect((await ask('GET', '/v1/me', { headers, by: wrongly })).status).toBe(429);
  });
});

describe('portal links', () => {
  let node: Posthorn;
  let url: string;
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  let stop: () => Promise<unknown>;
  const origin = 'https://posthorn.example.com';
  beforeAll(async () => {
    receiver = await aReceiver((_, response) => {
      response.statusCode = 500;
      response.end();
    });
    const options: NodeOptions = {
      database: tempDir(),
      allowPrivateNetworks: true,
      adminKeyHashes: [hash('sha256', apiKey)],
      publicUrl: `${origin}/`,
      trustedProxies: ['127.0.0.1', '10.0.0.0/8'],
    };
    node = compose(await open(options), options);
    await node.start();
    url = await node.listen({ host: '127.0.0.1', port: 0 });
    stop = () => node.stop();
  });
  afterAll(async () => {
    await stop();
    await receiver.close();
  });
  const ask = (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: unknown,
  ): Promise<Answer> => askAt(url + path, method, { headers, body });
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
  const admin = (method: string, path: string, body?: unknown) => ask(method, path, bearer(apiKey), body);
  const anEndpoint = async (tenant: string): Promise<string> =>
    (await admin('POST', '/v1/endpoints', { tenant, url: receiver.url })).body['id'] as string;

  test('a link opens sessions until it expires; they see the tenant, its endpoints and nothing else', async () => {
    const [own, sibling] = [await anEndpoint('acme'), await anEndpoint('acme')];
    await anEndpoint('other');
    const made = await admin('POST', '/v1/portal-links', {
      tenant: 'acme',
      endpoint_ids: [own],
      can: ['redrive'],
      expires_in_s: 600,
    });
    expect(made.status).toBe(201);
    const { token, url: link, expires_at: expiresAt } = made.body as Record<string, string>;
    expect(link).toBe(`${origin}/portal#t=${token}`);
    const cookies: string[] = [];
    for (let n = 0; n < 2; n++) {
      const begun = await ask('POST', '/v1/sessions', {}, { token });
      expect(begun.status).toBe(201);
      expect(begun.headers.get('set-cookie')).toMatch(
        /^__Host-posthorn=phs_[\w-]{43}; Path=\/; Max-Age=(600|59\d); HttpOnly; SameSite=Strict; Secure$/,
      );
      expect(begun.body).toMatchObject({
        kind: 'portal',
        scopes: ['read'],
        tenant: 'acme',
        endpoint_ids: [own],
        payloads: 'full',
        can: ['redrive'],
        public_url: origin,
        expires_at: expiresAt,
      });
      cookies.push(begun.headers.get('set-cookie')!.split(';')[0]!);
    }
    // By cookie, and by the token itself where cookies do not reach.
    for (const by of [{ cookie: cookies[0]! }, bearer(token!)]) {
      const me = await ask('GET', '/v1/me', by);
      expect(me.body).toMatchObject({ kind: 'portal', tenant: 'acme', expires_at: expiresAt });
      expect((await ask('GET', '/v1/keys', by)).status).toBe(403);
      const { body: list } = await ask('GET', '/v1/endpoints', by);
      expect((list['items'] as Body[]).map(({ id }) => id)).toEqual([own]);
      expect((await ask('GET', `/v1/endpoints/${sibling}`, by)).status).toBe(404);
      expect((await ask('POST', '/v1/events', { ...by, ...samePage }, { type: 'x', data: {} })).status).toBe(
        403,
      );
      expect((await ask('DELETE', `/v1/endpoints/${own}`, { ...by, ...samePage })).status).toBe(403);
      expect((await ask('POST', `/v1/endpoints/${own}/test`, { ...by, ...samePage }, {})).status).toBe(403);
    }
    await admin('POST', '/v1/events', { tenant: 'acme', type: 'x', data: {} });
    const { body: deliveries } = await ask('GET', '/v1/deliveries', { cookie: cookies[0]! });
    const [delivery, ...others] = deliveries['items'] as Body[];
    expect(others).toEqual([]);
    const redrive = (headers: Record<string, string>) =>
      ask('POST', `/v1/deliveries/${delivery!['id'] as string}/redrive`, { cookie: cookies[0]!, ...headers });
    expect(await redrive({})).toMatchObject({ status: 403, body: { code: 'cross_site' } });
    expect((await redrive(samePage)).status).toBeLessThan(300);
  });

  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['198.51.100.1, 203.0.113.7, 10.1.2.3', '203.0.113.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['198.51.100.1, <script>', '127.0.0.1'],
    ['', '127.0.0.1'],
  ])('behind a trusted proxy, X-Forwarded-For %j is the address %s', async (forwarded, address) => {
    const name = `from ${forwarded.length}`;
    await ask(
      'POST',
      '/v1/keys',
      { ...bearer(apiKey), 'x-forwarded-for': forwarded },
      { name, scopes: ['read'] },
    );
    const { body } = await admin('GET', '/v1/audit-log?limit=20');
    const entries = body['items'] as { from: string | null; after: { name?: string } | null }[];
    expect(entries.find(({ after }) => after?.name === name)).toMatchObject({ from: address });
  });

  test('a link ends with the key that made it, and when it is signed out by its token', async () => {
    const { body: key } = await admin('POST', '/v1/keys', { name: 'shop', scopes: ['admin'] });
    const create = async () =>
      (await ask('POST', '/v1/portal-links', bearer(key['key'] as string), { tenant: 'acme' })).body[
        'token'
      ] as string;
    const [first, second] = [await create(), await create()];
    expect((await ask('DELETE', '/v1/sessions', bearer(first))).status).toBe(204);
    expect((await ask('GET', '/v1/me', bearer(first))).status).toBe(401);
    expect((await ask('GET', '/v1/me', bearer(second))).status).toBe(200);
    await admin('DELETE', `/v1/keys/${key['id'] as string}`);
    expect((await ask('GET', '/v1/me', bearer(second))).status).toBe(401);
  });

  test('G9: the sessions that a link has opened end when it does', async () => {
    const token = (await admin('POST', '/v1/portal-links', { tenant: 'acme' })).body['token'] as string;
    const begun = await ask('POST', '/v1/sessions', {}, { token });
    const cookie = { cookie: begun.headers.get('set-cookie')!.split(';')[0]! };
    expect((await ask('GET', '/v1/me', cookie)).status).toBe(200);
    expect((await ask('DELETE', '/v1/sessions', bearer(token))).status).toBe(204);
    await until('it is over', async () => (await ask('GET', '/v1/me', cookie)).status === 401);
  });

  test.each(['masked', 'none'])(
    'G9: a link shows no more of payloads than the key that made it: %s',
    async (payloads) => {
      const key = { name: 'support', scopes: ['admin'], tenant: 'acme', payloads };
      const { body: made } = await admin('POST', '/v1/keys', key);
      const event = { tenant: 'acme', type: 'x', id: `evt_card_${payloads}`, data: '4111111111111111' };
      await admin('POST', '/v1/events', event);
      const link = await ask('POST', '/v1/portal-links', bearer(made['key'] as string), { tenant: 'acme' });
      const { token } = link.body as { token: string };
      const begun = await ask('POST', '/v1/sessions', {}, { token });
      const cookie = { cookie: begun.headers.get('set-cookie')!.split(';')[0]! };
      expect(begun.body['payloads']).toBe(payloads);
      for (const by of [bearer(token), cookie]) {
        const shown = await ask('GET', `/v1/events/${event.id}`, by);
        expect(shown.body).toMatchObject({
          payloads,
          data: payloads === 'none' ? null : '[card number]',
        });
      }
    },
  );

  test('only an admin makes links, for endpoints that are there', async () => {
    const { body: key } = await admin('POST', '/v1/keys', { name: 'ops', scopes: ['read', 'operate'] });
    const foreign = await anEndpoint('other');
    expect(
      (await ask('POST', '/v1/portal-links', bearer(key['key'] as string), { tenant: 'acme' })).status,
    ).toBe(403);
    expect(
      await admin('POST', '/v1/portal-links', { tenant: 'acme', endpoint_ids: [foreign, 'ep_none'] }),
    ).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/endpoint_ids/0' }, { path: '/endpoint_ids/1' }] },
    });
    for (const body of [
      {},
      { tenant: 'posthorn' },
      { tenant: 'a', expires_in_s: 1 },
      { tenant: 'a', can: ['delete'] },
    ])
      expect((await admin('POST', '/v1/portal-links', body)).status).toBe(422);
  });

  test('the application makes links too, and what opens them is in no audit entry', async () => {
    const { token } = await node.portalLinks.create({ tenant: 'acme' });
    expect((await ask('GET', '/v1/me', bearer(token))).body).toMatchObject({ kind: 'portal', can: [] });
    await expect(node.sessions.create({ key: apiKey })).rejects.toMatchObject({ code: 'unauthorized' });
    expect(await node.me.get()).toMatchObject({ kind: 'library', scopes: ['admin'] });
  });
});
