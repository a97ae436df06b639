import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  authority,
  client as clientCertificate,
  expiredClient,
  nextClient,
  otherAuthority,
} from '../certificates.ts';
import { startMutualReceiver } from '../mutual-receiver.ts';
import { aConnectProxy, anUnansweredProxy, aSocksProxy } from '../proxies.ts';
import { aReceiver, until } from '../support.ts';
import { aTokenServer } from '../token-server.ts';
import { apiKey, serve } from './serving.ts';

interface Attempt {
  readonly outcome: string;
  readonly error_class: string | null;
  readonly message: string | null;
  readonly status_code: number | null;
  readonly response_excerpt: string | null;
}
interface Answer {
  readonly status: number;
  readonly body: Record<string, never> & {
    readonly id: string;
    readonly errors?: { readonly path: string }[];
  };
  readonly text: string;
}

const secrets = [
  'basic-password-1a2b3c',
  'bearer-token-4d5e6f',
  'client-secret-7a8b9c',
  'proxy-password-0d1e2f',
  clientCertificate.key.split('\n')[1]!,
];
let server: Awaited<ReturnType<typeof serve>>;
const answers: string[] = [];
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  server = await serve();
});
afterAll(() => server.stop());
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  answers.push(text);
  return { status: response.status, body: text === '' ? ({} as never) : (JSON.parse(text) as never), text };
}

let tenant = '';
let tenants = 0;
beforeEach(() => {
  tenant = `t${++tenants}`;
});

async function create(fields: Record<string, unknown>): Promise<string> {
  const { status, body, text } = await call('POST', '/v1/endpoints', {
    tenant,
    retry: { schedule_s: [] },
    ...fields,
  });
  expect(status, text).toBe(201);
  return body.id;
}

/** Publishes one event and answers with the attempts of its only delivery, once it is over. */
async function deliver(by = tenant): Promise<readonly Attempt[]> {
  const published = await call('POST', '/v1/events', { tenant: by, type: 'payment.succeeded', data: {} });
  const list = `/v1/deliveries?tenant=${by}&event_id=${published.body.id}`;
  let found: { readonly id: string; readonly state: string } | undefined;
  await until('the delivery is over', async () => {
    const { body } = await call('GET', list);
    found = (body as unknown as { items: { id: string; state: string }[] }).items[0];
    return found !== undefined && found.state !== 'pending';
  });
  const { body } = await call('GET', `/v1/deliveries/${found!.id}`);
  return (body as unknown as { attempts: Attempt[] }).attempts;
}

/** What is closed when the test is over. */
function closed<T extends { close(): unknown }>(one: T): T {
  closing.push(() => one.close());
  return one;
}

describe('tls', () => {
  test('a client certificate and a private authority: shown, used, rotated (G9)', async () => {
    const receiver = closed(await startMutualReceiver());
    const tls = {
      client_certificate: clientCertificate.cert,
      client_key: clientCertificate.key,
      ca: authority.cert,
    };
    const id = await create({ url: receiver.url, tls });
    expect(await deliver()).toMatchObject([{ outcome: 'delivered' }]);
    const { body } = await call('GET', `/v1/endpoints/${id}`);
    const certificates = body['certificates'] as unknown as { use: string }[];
    // That of the receiver is noted a moment later.
    expect({ ...body, certificates: certificates.filter(({ use }) => use !== 'server') }).toMatchObject({
      tls: {
        client_certificate: clientCertificate.cert,
        client_key: null,
        ca: authority.cert,
        min_version: null,
      },
      certificates: [
        {
          use: 'client',
          subject: 'CN=posthorn-client',
          issuer: 'CN=Test authority, O=Posthorn tests',
          not_before: '2020-01-01T00:00:00.000Z',
          not_after: '2126-01-01T00:00:00.000Z',
          fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
        },
        { use: 'ca', subject: 'CN=Test authority, O=Posthorn tests' },
      ],
    });
    // What an answer has can be sent back.
    expect(await call('PATCH', `/v1/endpoints/${id}`, { tls: body['tls'] })).toMatchObject({ status: 200 });
    expect(await deliver()).toMatchObject([{ outcome: 'delivered' }]);

    const next = { client_certificate: nextClient.cert, client_key: nextClient.key, ca: authority.cert };
    expect(await call('PATCH', `/v1/endpoints/${id}`, { tls: next })).toMatchObject({
      body: {
        certificates: expect.arrayContaining([expect.objectContaining({ subject: 'CN=posthorn-client-2' })]),
      },
    });
    expect(await deliver()).toMatchObject([{ outcome: 'delivered' }]);
    expect(receiver.clients).toEqual(['posthorn-client', 'posthorn-client', 'posthorn-client-2']);

    await call('PATCH', `/v1/endpoints/${id}`, { tls: { ca: authority.cert } });
    const [missing] = await deliver();
    expect(missing).toMatchObject({ outcome: 'dead', error_class: 'tls' });
    expect(missing!.message).toContain('requires a client certificate');
    await call('PATCH', `/v1/endpoints/${id}`, { tls: null });
    const [unknown] = await deliver();
    expect(unknown).toMatchObject({ outcome: 'dead', error_class: 'tls' });
    expect(unknown!.message).toContain('no trusted authority');
    expect((await call('GET', `/v1/endpoints/${id}`)).body).toMatchObject({ tls: null });
  });

  test('what failed for want of a certificate is tried again as soon as there is one', async () => {
    const receiver = closed(await startMutualReceiver());
    const id = await create({
      url: receiver.url,
      tls: { ca: authority.cert },
      retry: { schedule_s: [3600] },
    });
    await call('POST', '/v1/events', { tenant, type: 'payment.succeeded', data: {} });
    const only = async () =>
      (
        (await call('GET', `/v1/deliveries?tenant=${tenant}`)).body as unknown as {
          items: { state: string; attempt_count: number }[];
        }
      ).items[0]!;
    await until('it has failed once', async () => (await only()).attempt_count === 1);
    expect(await only()).toMatchObject({ state: 'pending' });
    const tls = {
      client_certificate: clientCertificate.cert,
      client_key: clientCertificate.key,
      ca: authority.cert,
    };
    await call('PATCH', `/v1/endpoints/${id}`, { tls });
    await until('it is delivered', async () => (await only()).state === 'delivered');
  });

  const pair = { client_certificate: clientCertificate.cert, client_key: clientCertificate.key };
  test.each([
    ['another key', { ...pair, client_key: nextClient.key }, '/tls/client_key'],
    ['no key', { client_certificate: clientCertificate.cert }, '/tls/client_key'],
    ['a key alone', { client_key: clientCertificate.key }, '/tls/client_certificate'],
    [
      'an expired one',
      { client_certificate: expiredClient.cert, client_key: expiredClient.key },
      '/tls/client_certificate',
    ],
    ['no certificate', { ...pair, client_certificate: 'none' }, '/tls/client_certificate'],
    [
      'a broken one',
      { ...pair, client_certificate: clientCertificate.cert.replace('MII', 'MIX') },
      '/tls/client_certificate',
    ],
    [
      'the key in the certificate',
      { ...pair, client_certificate: clientCertificate.cert + clientCertificate.key },
      '/tls/client_certificate',
    ],
    ['no key that can be read', { ...pair, client_key: 'none' }, '/tls/client_key'],
    ['no authority', { ca: '' }, '/tls/ca'],
    ['an authority that has expired', { ca: expiredClient.cert }, '/tls/ca'],
    ['another version', { min_version: '1.1' }, '/tls/min_version'],
    ['no name', { server_name: 'a b' }, '/tls/server_name'],
    ['an unknown field', { passphrase: 'x' }, '/tls'],
    ['far too much', { ca: authority.cert.repeat(200) }, '/tls/ca'],
  ])('%s is refused', async (_, tls, path) => {
    const { status, body, text } = await call('POST', '/v1/endpoints', { url: 'https://127.0.0.1/', tls });
    expect(status, text).toBe(422);
    expect(body.errors![0]!.path).toContain(path);
    expect(text).not.toContain(clientCertificate.key.split('\n')[1]!);
  });

  test('belongs to https', async () => {
    const refused = await call('POST', '/v1/endpoints', {
      url: 'http://127.0.0.1/',
      tls: { min_version: '1.3' },
    });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: '/tls' }] } });
    const id = await create({ url: 'https://127.0.0.1:1/', tls: { min_version: '1.3' } });
    expect(await call('PATCH', `/v1/endpoints/${id}`, { url: 'http://127.0.0.1:1/' })).toMatchObject({
      status: 422,
    });
    expect(
      await call('PATCH', `/v1/endpoints/${id}`, { url: 'http://127.0.0.1:1/', tls: null }),
    ).toMatchObject({ status: 200 });
  });
});

describe('auth', () => {
  test('basic and bearer are sent, kept where null comes back, and shown nowhere (G9)', async () => {
    const receiver = closed(
      await aReceiver(({ headers }, response) => {
        response.statusCode = 500;
        response.end(
          `I saw ${headers.authorization} and ${Buffer.from(String(headers.authorization).slice(6), 'base64').toString()}`,
        );
      }),
    );
    const id = await create({
      url: receiver.url,
      auth: { type: 'basic', username: 'posthorn', password: secrets[0] },
    });
    const [first] = await deliver();
    expect(first!.response_excerpt).toContain('I saw Basic …');
    const sent = () => receiver.requests.at(-1)!.headers.authorization;
    expect(sent()).toBe(`Basic ${Buffer.from(`posthorn:${secrets[0]}`).toString('base64')}`);
    const { body } = await call('GET', `/v1/endpoints/${id}`);
    expect(body).toMatchObject({ auth: { type: 'basic', username: 'posthorn', password: null } });
    await call('PATCH', `/v1/endpoints/${id}`, {
      auth: { ...(body['auth'] as unknown as object), username: 'other' },
    });
    await deliver();
    expect(sent()).toBe(`Basic ${Buffer.from(`other:${secrets[0]}`).toString('base64')}`);

    // Another type has another secret.
    expect(
      await call('PATCH', `/v1/endpoints/${id}`, { auth: { type: 'bearer', token: null } }),
    ).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/auth/token' }] },
    });
    await call('PATCH', `/v1/endpoints/${id}`, { auth: { type: 'bearer', token: secrets[1] } });
    await deliver();
    expect(sent()).toBe(`Bearer ${secrets[1]}`);
    expect((await call('GET', `/v1/endpoints/${id}`)).body).toMatchObject({
      auth: { type: 'bearer', token: null },
    });
    await call('PATCH', `/v1/endpoints/${id}`, { auth: null });
    await deliver();
    expect(sent()).toBeUndefined();
  });

  test('OAuth: a token is fetched, kept, and renewed once after a 401', async () => {
    const tokens = closed(await aTokenServer());
    let valid = 'token-1';
    const receiver = closed(
      await aReceiver(({ headers }, response) => {
        response.statusCode = headers.authorization === `Bearer ${valid}` ? 200 : 401;
        response.end();
      }),
    );
    const auth = {
      type: 'oauth2_client_credentials',
      token_url: tokens.url,
      client_id: 'posthorn',
      client_secret: secrets[2],
      scope: 'hooks',
      auth_method: 'body',
    };
    const id = await create({ url: receiver.url, auth });
    for (let n = 0; n < 3; n++)
      expect(await deliver()).toMatchObject([{ outcome: 'delivered', message: null }]);
    expect(tokens.requests).toHaveLength(1);
    expect(Object.fromEntries(tokens.requests[0]!.form)).toMatchObject({
      client_secret: secrets[2],
      scope: 'hooks',
    });
    valid = 'token-2';
    expect(await deliver()).toMatchObject([
      {
        outcome: 'delivered',
        message: 'sent again with a new token: the receiver answered 401 to the one before',
      },
    ]);
    expect(tokens.requests).toHaveLength(2);
    const shown = { ...auth, client_secret: null, audience: null };
    expect((await call('GET', `/v1/endpoints/${id}`)).body).toMatchObject({ auth: shown });
    // What another setting keeps: the secret, for the same server alone.
    expect(await call('PATCH', `/v1/endpoints/${id}`, { auth: { ...shown, scope: 'other' } })).toMatchObject({
      status: 200,
    });
    const elsewhere = { ...shown, token_url: 'http://127.0.0.1:1/token' };
    expect(await call('PATCH', `/v1/endpoints/${id}`, { auth: elsewhere })).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/auth/client_secret' }] },
    });
  });

  test('a token server that hangs is said to have failed, and delays no other endpoint (G8)', async () => {
    const hanging = closed(await aTokenServer(() => {}));
    const receiver = closed(await aReceiver());
    const auth = {
      type: 'oauth2_client_credentials',
      token_url: hanging.url,
      client_id: 'posthorn',
      client_secret: secrets[2],
    };
    await create({ url: receiver.url, auth, timeout_ms: 2000 });
    const slow = deliver();
    tenant = `${tenant}-other`;
    await create({ url: receiver.url });
    for (let n = 0; n < 5; n++) expect(await deliver()).toMatchObject([{ outcome: 'delivered' }]);
    const [failed] = await slow;
    expect(failed).toMatchObject({ outcome: 'dead', error_class: 'token', status_code: null });
    expect(failed!.message).toContain('gave no token: ');
    expect(receiver.requests).toHaveLength(5);
  });

  test.each([
    [
      'with a header authorization',
      { auth: { type: 'bearer', token: 'x' }, headers: { Authorization: 'y' } },
      '/auth',
    ],
    ['of an unknown type', { auth: { type: 'digest', username: 'x', password: 'y' } }, '/auth'],
    [
      'with a colon in the user',
      { auth: { type: 'basic', username: 'a:b', password: 'y' } },
      '/auth/username',
    ],
    ['with a line end in the token', { auth: { type: 'bearer', token: 'x\r\ny: z' } }, '/auth/token'],
    ['without a secret', { auth: { type: 'basic', username: 'a', password: null } }, '/auth/password'],
    [
      'with a token server that is not a URL',
      {
        auth: { type: 'oauth2_client_credentials', token_url: 'ftp://a', client_id: 'a', client_secret: 'b' },
      },
      '/auth/token_url',
    ],
    [
      'with a token server that may not be reached',
      {
        auth: {
          type: 'oauth2_client_credentials',
          token_url: 'http://169.254.169.254/',
          client_id: 'a',
          client_secret: 'b',
        },
      },
      '/auth/token_url',
    ],
  ])('%s is refused', async (_, fields, path) => {
    const { status, body, text } = await call('POST', '/v1/endpoints', {
      url: 'http://127.0.0.1:1/',
      ...fields,
    });
    expect(status, text).toBe(422);
    expect(body.errors![0]!.path).toContain(path);
  });

  test('a header authorization that is added later is refused too', async () => {
    const id = await create({ url: 'http://127.0.0.1:1/', auth: { type: 'bearer', token: secrets[1] } });
    expect(await call('PATCH', `/v1/endpoints/${id}`, { headers: { authorization: 'x' } })).toMatchObject({
      status: 422,
    });
    expect(
      await call('PATCH', `/v1/endpoints/${id}`, { headers: { authorization: 'x' }, auth: null }),
    ).toMatchObject({ status: 200 });
  });
});

describe('proxy', () => {
  test('of its own, over SOCKS5 and HTTP; the password is kept and shown nowhere (G9)', async () => {
    const receiver = closed(await aReceiver());
    const port = Number(new URL(receiver.url).port);
    const socks = closed(await aSocksProxy(() => port, `user:${secrets[3]}`));
    const http = closed(await aConnectProxy(() => port));
    const id = await create({
      url: 'http://93.184.216.34/hook',
      proxy: socks.url.replace('://', `://user:${secrets[3]}@`),
    });
    expect(await deliver()).toMatchObject([{ outcome: 'delivered' }]);
    const { body } = await call('GET', `/v1/endpoints/${id}`);
    expect(body).toMatchObject({ proxy: socks.url.replace('://', '://user@') });
    await call('PATCH', `/v1/endpoints/${id}`, { proxy: body['proxy'], description: 'sent back' });
    expect(await deliver()).toMatchObject([{ outcome: 'delivered' }]);
    expect(socks.asked).toEqual(['93.184.216.34:80']);
    expect(new Set(socks.credentials)).toEqual(new Set([`user:${secrets[3]}`]));

    await call('PATCH', `/v1/endpoints/${id}`, { proxy: http.url });
    expect(await deliver()).toMatchObject([{ outcome: 'delivered' }]);
    expect(http.asked).toEqual(['93.184.216.34:80']);
    // Its failures are neither the node's nor the receiver's.
    await http.close();
    expect(await deliver()).toMatchObject([{ outcome: 'dead', error_class: 'proxy' }]);
    await call('PATCH', `/v1/endpoints/${id}`, { proxy: 'direct', url: receiver.url });
    expect(await deliver()).toMatchObject([{ outcome: 'delivered' }]);
    expect((await call('GET', `/v1/endpoints/${id}`)).body).toMatchObject({ proxy: 'direct' });
  });

  test.each(['http', 'socks5'])(
    'a %s proxy that hangs is bounded by the timeout, and delays no other endpoint (G8)',
    async (scheme) => {
      const hanging = closed(await anUnansweredProxy());
      const receiver = closed(await aReceiver());
      const proxy = `${scheme}://${hanging.address}`;
      await create({ url: receiver.url, proxy, timeout_ms: 1000 });
      const slow = deliver();
      tenant = `${tenant}-other`;
      await create({ url: receiver.url });
      for (let n = 0; n < 5; n++) expect(await deliver()).toMatchObject([{ outcome: 'delivered' }]);
      const [failed] = await slow;
      expect(failed).toMatchObject({
        outcome: 'dead',
        error_class: 'timeout',
        message: 'no tunnel through the proxy within the timeout of 1000 ms',
      });
      expect(receiver.requests).toHaveLength(5);
    },
  );

  test.each([
    'none',
    'ftp://proxy.example',
    'socks4://proxy.example',
    'http://',
    'http://169.254.169.254:3128',
    'socks5://user@proxy.example:1080',
  ])('%s is refused', async (proxy) => {
    expect(await call('POST', '/v1/endpoints', { url: 'http://127.0.0.1:1/', proxy })).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/proxy' }] },
    });
  });
});

test('PUT keeps secrets where null says so, and changes nothing where nothing changes', async () => {
  const tls = {
    client_certificate: clientCertificate.cert,
    client_key: clientCertificate.key,
    ca: otherAuthority.cert,
  };
  const settings = {
    url: 'https://127.0.0.1:1/',
    auth: { type: 'bearer', token: secrets[1] },
    tls,
    proxy: `http://user:${secrets[3]}@127.0.0.1:3128`,
  };
  const path = `/v1/endpoints/orders?tenant=${tenant}`;
  const created = await call('PUT', path, settings);
  expect(created.status, created.text).toBe(201);
  const again = await call('PUT', path, settings);
  expect(again.body).toMatchObject({ updated_at: created.body['updated_at'] });
  const { auth, tls: shown, proxy } = again.body;
  const sentBack = await call('PUT', path, { url: settings.url, auth, tls: shown, proxy });
  expect(sentBack).toMatchObject({ status: 200, body: { updated_at: created.body['updated_at'] } });
  expect((await call('PUT', path, { url: settings.url })).body).toMatchObject({
    auth: null,
    tls: null,
    proxy: null,
  });
});

test('no answer had a secret, and no file of the data directory has one (G9)', () => {
  expect(answers.length).toBeGreaterThan(50);
  const files = readdirSync(server.dataDir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(server.dataDir, name))
    .filter((file) => statSync(file).isFile());
  const stored = files.map((file) => readFileSync(file, 'latin1')).join('\n');
  for (const secret of secrets) {
    expect(answers.join('\n')).not.toContain(secret);
    expect(stored).not.toContain(secret);
  }
});
