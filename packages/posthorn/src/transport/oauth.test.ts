import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { authority, server } from '../../../../test/certificates.ts';
import { aClock } from '../../../../test/manual-clock.ts';
import { aConnectProxy } from '../../../../test/proxies.ts';
import { aReceiver, type Received, until } from '../../../../test/support.ts';
import { aTokenServer, type TokenServer } from '../../../../test/token-server.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { createAddressGuard } from './address-guard.ts';
import { createHttpTransport } from './http-transport.ts';
import { parseProxy } from './proxy.ts';
import type { OAuthClient, Reach } from './reach.ts';
import type { OutboundRequest } from './transport.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const client: OAuthClient = {
  tokenUrl: 'http://127.0.0.1:1/token',
  clientId: 'posthorn',
  clientSecret: 's3cret+/=',
  scope: null,
  audience: null,
  method: 'basic',
};

const reachBy = (fields: Partial<OAuthClient>, more: Partial<Reach> = {}): Reach => {
  const oauth = { ...client, ...fields };
  return { key: JSON.stringify([oauth, more]), tls: null, proxy: null, oauth, ...more };
};

function aPost(clock: Clock = systemClock, guard = createAddressGuard({ allowPrivateNetworks: true })) {
  const transport = createHttpTransport({ clock, guard });
  closing.push(() => transport.close());
  return (url: string, reach: Reach | null, fields: Partial<OutboundRequest> = {}) =>
    transport.post({
      url,
      headers: ['x-a', 'b'],
      body: Buffer.from('{}'),
      timeoutMs: 20_000,
      sender: 'ep_1',
      reach,
      ...fields,
    });
}

async function tokens(answer?: Parameters<typeof aTokenServer>[0]): Promise<TokenServer> {
  const made = await aTokenServer(answer);
  closing.push(() => made.close());
  return made;
}

/** A receiver that takes only these tokens, if they are given. */
async function aGuardedReceiver(takes?: readonly string[]) {
  const receiver = await aReceiver(({ headers }: Received, response) => {
    const token = String(headers.authorization).replace('Bearer ', '');
    response.statusCode = takes === undefined || takes.includes(token) ? 200 : 401;
    response.end(`you sent ${token}`);
  });
  closing.push(() => receiver.close());
  return { ...receiver, sent: () => receiver.requests.map(({ headers }) => headers.authorization) };
}

describe('a token', () => {
  test('is fetched once for all attempts that wait for it, and kept', async () => {
    const server = await tokens((response, nth) =>
      setTimeout(() => response.end(JSON.stringify({ access_token: `token-${nth}`, expires_in: 60 })), 50),
    );
    const receiver = await aGuardedReceiver();
    const post = aPost();
    const reach = reachBy({ tokenUrl: server.url, scope: 'hooks:write', audience: 'https://receiver' });
    const results = await Promise.all(Array.from({ length: 20 }, () => post(receiver.url, reach)));
    for (const result of results)
      expect(result).toMatchObject({ ok: true, message: null, responseExcerpt: 'you sent …' });
    expect(await post(receiver.url, reach)).toMatchObject({ ok: true });
    expect(new Set(receiver.sent())).toEqual(new Set(['Bearer token-1']));
    expect(server.requests).toHaveLength(1);
    const [{ authorization, form }] = server.requests as [TokenServer['requests'][number]];
    // RFC 6749, 2.3.1: form-encoded, then Basic.
    expect(authorization).toBe(`Basic ${Buffer.from('posthorn:s3cret%2B%2F%3D').toString('base64')}`);
    expect(Object.fromEntries(form)).toEqual({
      grant_type: 'client_credentials',
      scope: 'hooks:write',
      audience: 'https://receiver',
    });
  });

  test('credentials in the body', async () => {
    const server = await tokens();
    const receiver = await aGuardedReceiver();
    await aPost()(receiver.url, reachBy({ tokenUrl: server.url, method: 'body' }));
    expect(server.requests[0]!.authorization).toBeUndefined();
    expect(Object.fromEntries(server.requests[0]!.form)).toEqual({
      grant_type: 'client_credentials',
      client_id: 'posthorn',
      client_secret: 's3cret+/=',
    });
  });

  test('is renewed before it expires, while the present one goes on; once it has expired it is waited for', async () => {
    const server = await tokens((response, nth) =>
      response.end(JSON.stringify({ access_token: `token-${nth}`, expires_in: '100' })),
    );
    const receiver = await aGuardedReceiver();
    const clock = aClock();
    const post = aPost(clock);
    const reach = reachBy({ tokenUrl: server.url });
    await post(receiver.url, reach);
    clock.pass(79_000);
    await post(receiver.url, reach);
    expect(server.requests).toHaveLength(1);
    clock.pass(2000);
    await post(receiver.url, reach);
    await until('the next one is there', () => server.requests.length === 2);
    await until('it is used', async () => {
      await post(receiver.url, reach);
      return receiver.sent().at(-1) === 'Bearer token-2';
    });
    expect(server.requests).toHaveLength(2);
    clock.pass(101_000);
    await post(receiver.url, reach);
    expect(receiver.sent().at(-1)).toBe('Bearer token-3');
  });

  test('other settings have another token; each endpoint has its own', async () => {
    const server = await tokens();
    const receiver = await aGuardedReceiver();
    const post = aPost();
    await post(receiver.url, reachBy({ tokenUrl: server.url }));
    await post(receiver.url, reachBy({ tokenUrl: server.url, clientSecret: 'rotated' }));
    await post(receiver.url, reachBy({ tokenUrl: server.url, clientSecret: 'rotated' }), { sender: 'ep_2' });
    expect(receiver.sent()).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-3']);
  });
});

describe('a 401 of the receiver', () => {
  test('costs one more request with a fresh token, and the attempt says so', async () => {
    const server = await tokens();
    const receiver = await aGuardedReceiver(['token-2']);
    const post = aPost();
    const reach = reachBy({ tokenUrl: server.url });
    const results = await Promise.all(Array.from({ length: 5 }, () => post(receiver.url, reach)));
    for (const result of results)
      expect(result).toMatchObject({
        ok: true,
        statusCode: 200,
        message: 'sent again with a new token: the receiver answered 401 to the one before',
      });
    expect(server.requests).toHaveLength(2);
    expect(receiver.requests).toHaveLength(10);
    expect(await post(receiver.url, reach)).toMatchObject({ ok: true, message: null });
  });

  test('that stays one is an answer like any other: no request is made a third time, and no token fetched for each', async () => {
    const server = await tokens();
    const receiver = await aGuardedReceiver([]);
    const clock = aClock();
    const post = aPost(clock);
    const reach = reachBy({ tokenUrl: server.url });
    const first = await post(receiver.url, reach);
    expect(first).toMatchObject({ ok: false, statusCode: 401, errorClass: 'http_4xx' });
    expect(first.message).toContain('sent again with a new token');
    expect(first.responseExcerpt).toBe('you sent …');
    expect(receiver.requests).toHaveLength(2);
    for (let n = 0; n < 10; n++) expect(await post(receiver.url, reach)).toMatchObject({ statusCode: 401 });
    expect(server.requests).toHaveLength(2);
    clock.pass(61_000);
    await post(receiver.url, reach);
    expect(server.requests).toHaveLength(3);
  });
});

describe('a token server', () => {
  const json = (body: unknown) => (response: { end(text: string): unknown }) =>
    response.end(JSON.stringify(body));
  test.each<readonly [string, Parameters<typeof aTokenServer>[0], string]>([
    [
      'that refuses the client',
      (response) => response.writeHead(401).end('{"error":"invalid_client","error_description":"s3cret+/="}'),
      'HTTP 401 invalid_client',
    ],
    [
      'that repeats the secret',
      (response) => response.writeHead(400).end('{"error":"s3cret+/="}'),
      'HTTP 400',
    ],
    ['that fails', (response) => response.writeHead(503).end(), 'HTTP 503'],
    [
      'that redirects',
      (response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
      'it redirects (HTTP 302), which is not followed',
    ],
    ['that answers with a page', (response) => response.end('<html>'), 'its answer is not JSON'],
    ['that answers with a list', json([1]), 'its answer is not JSON'],
    ['that gives no token', json({ token_type: 'bearer' }), 'its answer does not contain access_token'],
    ['that gives a number', json({ access_token: 5 }), 'its answer does not contain access_token'],
    [
      'that gives a token with a line end',
      json({ access_token: 'a\r\nx: y' }),
      'characters that no header may have',
    ],
    [
      'that gives a token of another type',
      json({ access_token: 'a', token_type: 'mac' }),
      'not a bearer token',
    ],
    [
      'that gives one that has expired',
      json({ access_token: 'a', expires_in: 0 }),
      'its token has expired already',
    ],
    ['that gives no time', json({ access_token: 'a', expires_in: 'soon' }), 'its expires_in is not a number'],
    ['that gives a huge token', json({ access_token: 'a'.repeat(9000) }), 'its token is longer than 8 KiB'],
    [
      'that answers with far too much',
      json({ access_token: 'a', more: 'x'.repeat(3_000_000) }),
      'its answer is longer than 16 KiB',
    ],
    ['that is silent', () => {}, 'within the timeout of 500 ms'],
    ['that hangs up', (response) => response.socket!.destroy(), 'ECONNRESET'],
  ])('%s is said to have failed, and the receiver hears nothing', async (_, answer, words) => {
    const server = await tokens(answer);
    const receiver = await aGuardedReceiver();
    const result = await aPost()(receiver.url, reachBy({ tokenUrl: server.url }), { timeoutMs: 1000 });
    expect(result).toMatchObject({ ok: false, statusCode: null, errorClass: 'token' });
    expect(result.message).toContain(`the token server ${new URL(server.url).host} gave no token: `);
    expect(result.message).toContain(words);
    expect(result.message).not.toContain('s3cret');
    expect(receiver.requests).toEqual([]);
  });

  test('that never ends its answer is not waited for', async () => {
    const server = await tokens((response) => {
      response.write('{"access_token":"a"');
      const more = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(more));
    });
    const receiver = await aGuardedReceiver();
    expect(await aPost()(receiver.url, reachBy({ tokenUrl: server.url }))).toMatchObject({
      errorClass: 'token',
      message: expect.stringContaining('did not end in time'),
    });
  });

  test('is checked by the address guard like a receiver (G9)', async () => {
    const post = aPost(systemClock, createAddressGuard());
    for (const tokenUrl of [
      'http://127.0.0.1:1/',
      'http://169.254.169.254/latest/meta-data/',
      'http://localhost/',
    ])
      expect(await post('http://93.184.216.34/', reachBy({ tokenUrl }), { sender: tokenUrl })).toMatchObject({
        errorClass: 'token',
        message: expect.stringMatching(/is not a public address|metadata|is a name of this machine/),
      });
  });

  test('that is down is asked again after a pause, however many attempts want a token', async () => {
    const server = await tokens((response) => response.writeHead(500).end());
    const receiver = await aGuardedReceiver();
    const clock = aClock();
    const post = aPost(clock);
    const reach = reachBy({ tokenUrl: server.url });
    for (let n = 0; n < 20; n++)
      expect(await post(receiver.url, reach)).toMatchObject({
        errorClass: 'token',
        message: expect.stringContaining('HTTP 500'),
      });
    expect(server.requests).toHaveLength(1);
    clock.pass(501);
    await post(receiver.url, reach);
    clock.pass(501);
    await post(receiver.url, reach);
    expect(server.requests).toHaveLength(2);
  });

  test('that hangs holds up its own endpoint alone (G8)', async () => {
    const server = await tokens(() => {});
    const receiver = await aGuardedReceiver();
    const post = aPost();
    let ended = false;
    const waiting = Promise.all(
      Array.from({ length: 50 }, () =>
        post(receiver.url, reachBy({ tokenUrl: server.url }), { timeoutMs: 1000 }),
      ),
    ).finally(() => (ended = true));
    let others = 0;
    while (!ended && others < 500) {
      expect(await post(receiver.url, null, { sender: 'ep_2' })).toMatchObject({ ok: true });
      others++;
    }
    expect(others).toBeGreaterThan(20);
    for (const result of await waiting) expect(result).toMatchObject({ errorClass: 'token' });
    expect(server.requests).toHaveLength(1);
  });

  test('behind a private authority, through the proxy of the endpoint', async () => {
    const secure = createHttpsServer(server, (request, response) => {
      request.resume();
      response.end(JSON.stringify({ access_token: 'over-tls', expires_in: 60 }));
    });
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    closing.push(
      () => secure.close(),
      () => secure.closeAllConnections(),
    );
    const receiver = await aGuardedReceiver(['over-tls']);
    const { port } = secure.address() as AddressInfo;
    const proxy = await aConnectProxy((asked) => Number(asked.split(':').pop()));
    closing.push(() => proxy.close());
    const tls = { certificate: null, key: null, ca: authority.cert, minVersion: null, serverName: null };
    const reach = reachBy(
      { tokenUrl: `https://localhost:${port}/token` },
      { tls, proxy: parseProxy(proxy.url, false) },
    );
    expect(await aPost()(receiver.url, reach)).toMatchObject({ ok: true });
    expect(proxy.asked).toEqual([
      expect.stringMatching(new RegExp(`^(127\\.0\\.0\\.1|\\[::1\\]):${port}$`)),
      `127.0.0.1:${new URL(receiver.url).port}`,
    ]);
  });
});
