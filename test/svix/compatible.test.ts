import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as v1 from 'svix-v1';
import * as v2 from 'svix-v2';
import { apiKey, serve } from '../integration/serving.ts';
import { aReceiver, type Received, until } from '../support.ts';

// The API under /api/v1, through the official clients: a sender's script runs unchanged but for the URL.

let server: Awaited<ReturnType<typeof serve>>;
let receiver: Awaited<ReturnType<typeof aReceiver>>;
/** Paths whose requests fail. */
const failing = new Set<string>();

beforeAll(async () => {
  receiver = await aReceiver(({ path }, response) => {
    response.statusCode = failing.has(path) ? 500 : 200;
    response.end('{"ok":true}');
  });
  server = await serve();
});
afterAll(async () => {
  await server.stop();
  await receiver.close();
});

/** The older client's calls under their newer names. */
interface Renamed {
  readonly upsert: (...input: readonly unknown[]) => Promise<{ readonly id: string }>;
  readonly setHeaders: (...input: readonly unknown[]) => Promise<void>;
}
const renamed = (resource: unknown): Renamed => resource as Renamed;

/** What tests read of answers. */
interface Body {
  readonly id: string;
  readonly token: string;
  readonly payload: unknown;
  readonly data: readonly { readonly id: string }[];
}

let names = 0;
const fresh = (what: string): string => `${what}-${String(++names)}`;
const at = (path: string): string => new URL(path, receiver.url).href;
const receivedAt = (path: string): readonly Received[] =>
  receiver.requests.filter((request) => request.path === path);

const run = promisify(execFile);

/** The Python of an environment that has this version of the client, made once on this machine; null: it cannot be made. */
async function pythonWith(version: string): Promise<string | null> {
  const folder = join(tmpdir(), `posthorn-test-python-client-${version}`);
  const python = join(folder, 'bin', 'python');
  const has = async (): Promise<boolean> =>
    await run(python, ['-c', `import svix, sys; sys.exit(svix.__version__ != "${version}")`]).then(
      () => true,
      () => false,
    );
  if (await has()) return python;
  try {
    await run('python3', ['-m', 'venv', folder], { timeout: 60_000 });
    await run(python, ['-m', 'pip', 'install', '--quiet', `svix==${version}`], { timeout: 60_000 });
  } catch {
    return null;
  }
  return (await has()) ? python : null;
}

/** A request without a client, for what clients never send. */
async function raw(
  method: string,
  path: string,
  {
    key = apiKey,
    body,
    headers = {},
  }: { key?: string | null; body?: unknown; headers?: Record<string, string> } = {},
): Promise<{ status: number; body: Body; text: string; headers: Headers }> {
  const response = await fetch(server.url + path, {
    method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    text,
    body: (text === '' ? null : JSON.parse(text)) as Body,
    headers: response.headers,
  };
}

const clients = [
  ['1.99.1', () => new v1.Svix(apiKey, { serverUrl: server.url }), v1.Webhook],
  ['2.5.0', () => new v2.Svix(apiKey, { serverUrl: server.url }) as unknown as v1.Svix, v2.Webhook],
] as const;

describe.each(clients)('JavaScript client %s', (version, connect, Webhook) => {
  const isOld = version.startsWith('1');

  test('a sender’s script: application, endpoint, event types, messages, attempts, resend, recover, rotation', async () => {
    const svix = connect();
    const [app, type] = [fresh('customer'), fresh('invoice.paid')];
    const types = svix.eventType;
    await types.create({
      name: type,
      description: 'An invoice was paid',
      schemas: { '1': { type: 'object' } },
    });
    const put = (isOld ? types.update : renamed(types).upsert).bind(types);
    await put(type, { description: 'Paid', schemas: { '1': { type: 'object' } } });
    expect(await types.get(type)).toMatchObject({ name: type, description: 'Paid', archived: false });

    const made = await svix.application.create({ name: 'Customer', uid: app, metadata: { plan: 'pro' } });
    expect(made).toMatchObject({ uid: app, name: 'Customer', metadata: { plan: 'pro' } });
    expect(made.id).toMatch(/^app_/);
    expect(made.createdAt.getTime()).toBeGreaterThan(0);
    expect((await svix.application.get(made.id)).uid).toBe(app);
    expect((await svix.application.getOrCreate({ name: 'Customer', uid: app })).id).toBe(made.id);
    await expect(svix.application.create({ name: 'Again', uid: app })).rejects.toMatchObject({ code: 409 });

    const path = `/${fresh('hook')}`;
    const created = await svix.endpoint.create(app, {
      url: at(path),
      uid: 'Main.Endpoint_1',
      ...(isOld ? { filterTypes: [type] } : { eventTypes: [type] }),
    } as never);
    expect(created).toMatchObject({ uid: 'Main.Endpoint_1', description: '', disabled: false });
    expect(created).toMatchObject(isOld ? { filterTypes: [type] } : { eventTypes: [type] });
    const { key } = await svix.endpoint.getSecret(app, 'Main.Endpoint_1');
    expect(key).toMatch(/^whsec_/);

    const eventId = fresh('evt');
    const payload = { amount: 1099, nested: { list: [1, 2] } };
    const sent = await svix.message.create(app, { eventType: type, eventId, payload });
    expect(sent).toMatchObject({ eventType: type, eventId });
    await until('it is delivered', () => receivedAt(path).length === 1);
    const [got] = receivedAt(path);
    // The data alone, under both families of headers with the same values.
    expect(got!.body.toString()).toBe(JSON.stringify(payload));
    for (const header of ['id', 'timestamp', 'signature'])
      expect(got!.headers[`svix-${header}`]).toBe(got!.headers[`webhook-${header}`]);
    expect(got!.headers['svix-id']).toBe(sent.id);
    const headers = got!.headers as Record<string, string>;
    expect(() => new Webhook(key).verify(got!.body.toString(), headers)).not.toThrow();

    const attempts = await svix.messageAttempt.listByMsg(app, sent.id);
    await until('the attempt is listed', async () => {
      const page = await svix.messageAttempt.listByEndpoint(app, created.id);
      return page.data.length === 1;
    });
    expect(attempts.done).toBe(true);
    const [attempt] = (await svix.messageAttempt.listByEndpoint(app, created.id)).data;
    expect(attempt).toMatchObject({
      msgId: sent.id,
      endpointId: created.id,
      status: 0,
      responseStatusCode: 200,
      url: at(path),
      triggerType: 0,
    });
    expect((await svix.messageAttempt.get(app, sent.id, attempt!.id)).id).toBe(attempt!.id);

    await svix.messageAttempt.resend(app, sent.id, created.id);
    await until('it is delivered again', () => receivedAt(path).length === 2);
    expect(receivedAt(path)[1]!.headers['svix-id']).toBe(sent.id);

    const recovery = await svix.endpoint.recover(app, created.id, { since: new Date(Date.now() - 3600_000) });
    expect(recovery).toMatchObject({ task: 'endpoint.recover' });
    await until(
      'the task ends',
      async () => (await svix.backgroundTask.get(recovery.id)).status === 'finished',
    );

    await svix.endpoint.rotateSecret(app, created.id, {});
    const rotated = await svix.endpoint.getSecret(app, created.id);
    expect(rotated.key).not.toBe(key);
    await svix.message.create(app, { eventType: type, payload: { after: 'rotation' } });
    await until('a third is delivered', () => receivedAt(path).length === 3);
    const last = receivedAt(path)[2]!;
    // The former secret signs too while its grace period lasts.
    for (const secret of [key, rotated.key])
      expect(() =>
        new Webhook(secret).verify(last.body.toString(), last.headers as Record<string, string>),
      ).not.toThrow();
  });

  test('lists go on by their iterator until they are done', async () => {
    const svix = connect();
    const app = fresh('pages');
    await svix.application.create({ name: app, uid: app });
    const sent: string[] = [];
    for (let n = 0; n < 5; n++)
      sent.push((await svix.message.create(app, { eventType: 'page.sent', payload: { n } })).id);
    const listed: string[] = [];
    let iterator: string | null | undefined;
    for (let done = false; !done;) {
      const page = await svix.message.list(app, { limit: 2, ...(iterator ? { iterator } : {}) });
      listed.push(...page.data.map(({ id }) => id));
      iterator = page.iterator;
      done = page.done;
    }
    expect(listed).toEqual(sent.toReversed());
    for (const id of sent) expect(id).toMatch(/^msg_[0-9A-Za-z]{27}$/);
    expect((await svix.application.list({ limit: 250 })).data.map(({ uid }) => uid)).toContain(app);
  });

  test('what fails is an ApiException that says what is wrong', async () => {
    const svix = connect();
    await expect(svix.application.get('nobody')).rejects.toMatchObject({
      code: 404,
      body: { code: 'not_found' },
    });
    await expect(svix.application.create({ name: '' })).rejects.toMatchObject({
      code: 422,
      body: { detail: [{ loc: ['body', 'name'], type: 'value_error' }] },
    });
    const stranger = isOld
      ? new v1.Svix('phk_wrong', { serverUrl: server.url })
      : new v2.Svix('phk_wrong', { serverUrl: server.url });
    await expect(stranger.application.get('nobody')).rejects.toMatchObject({
      code: 401,
      body: { code: 'authentication_failed' },
    });
  });

  test('headers, metadata, upsert, patch and statistics of an endpoint', async () => {
    const svix = connect();
    const app = fresh('settings');
    await svix.application.create({ name: app, uid: app });
    const upsert = (isOld ? svix.endpoint.update : renamed(svix.endpoint).upsert).bind(svix.endpoint);
    const made = await upsert(app, 'billing', { url: at('/settings'), metadata: { a: 'b' } });
    expect(made).toMatchObject({ uid: 'billing', metadata: { a: 'b' } });
    const patched = await svix.endpoint.patch(app, 'billing', { disabled: true, description: 'Off' });
    expect(patched).toMatchObject({ id: made.id, disabled: true, description: 'Off', metadata: { a: 'b' } });
    const again = await upsert(app, 'billing', { url: at('/settings') });
    expect(again).toMatchObject({ id: made.id, disabled: false, description: '', metadata: {} });
    const setHeaders = (isOld ? svix.endpoint.updateHeaders : renamed(svix.endpoint).setHeaders).bind(
      svix.endpoint,
    );
    await setHeaders(app, 'billing', { headers: { 'x-token': 'secret-value' } });
    await svix.endpoint.patchHeaders(app, 'billing', { headers: { 'x-other': 'one' } } as never);
    expect(await svix.endpoint.getHeaders(app, 'billing')).toEqual({
      headers: {},
      sensitive: ['x-token', 'x-other'],
    });
    expect(await svix.endpoint.getStats(app, 'billing')).toEqual({
      success: 0,
      pending: 0,
      sending: 0,
      fail: 0,
      canceled: 0,
    });
    await svix.endpoint.delete(app, 'billing');
    await svix.application.delete(app);
    await expect(svix.application.get(app)).rejects.toMatchObject({ code: 404 });
  });

  test('a failing receiver: the attempts are failures, and replay-missing sends what was suppressed', async () => {
    const svix = connect();
    const [app, path] = [fresh('failing'), `/${fresh('failing')}`];
    failing.add(path);
    await svix.application.create({ name: app, uid: app });
    const { id } = await svix.endpoint.create(app, { url: at(path) });
    const sent = await svix.message.create(app, { eventType: 'x.failed', payload: {} });
    await until(
      'an attempt failed',
      async () => (await svix.messageAttempt.listByEndpoint(app, id)).data.length > 0,
    );
    const [attempt] = (await svix.messageAttempt.listByEndpoint(app, id, { status: 2 })).data;
    expect(attempt).toMatchObject({ status: 2, responseStatusCode: 500, msgId: sent.id });
    expect((await svix.messageAttempt.listByEndpoint(app, id, { status: 0 })).data).toEqual([]);
    expect((await svix.messageAttempt.listByEndpoint(app, id, { statusCodeClass: 500 })).data).toHaveLength(
      1,
    );
    const [destination] = (await svix.messageAttempt.listAttemptedDestinations(app, sent.id)).data;
    // Its retry is still to come.
    expect(destination).toMatchObject({ id, status: 3 });
    expect(destination!.nextAttempt).toBeInstanceOf(Date);

    failing.delete(path);
    await svix.endpoint.patch(app, id, { disabled: true });
    const missed = await svix.message.create(app, { eventType: 'x.missed', payload: { missed: true } });
    await svix.endpoint.patch(app, id, { disabled: false });
    const task = await svix.endpoint.replayMissing(app, id, { since: new Date(Date.now() - 3600_000) });
    expect(task).toMatchObject({ task: 'endpoint.replay' });
    await until('what was missed is delivered', () =>
      receivedAt(path).some(({ headers }) => headers['svix-id'] === missed.id),
    );
  });

  test('access for a receiver: a key of its application, which reads and changes nothing else', async () => {
    const svix = connect();
    const [own, foreign] = [fresh('own'), fresh('foreign')];
    for (const uid of [own, foreign]) await svix.application.create({ name: uid, uid });
    const { token, url } = await svix.authentication.appPortalAccess(own, {});
    expect(url).toContain('/portal#t=phl_');
    const options = { serverUrl: server.url };
    const holder = isOld ? new v1.Svix(token, options) : (new v2.Svix(token, options) as unknown as v1.Svix);
    const made = await holder.endpoint.create(own, { url: at('/own') });
    expect((await holder.endpoint.list(own)).data.map(({ id }) => id)).toEqual([made.id]);
    expect((await holder.endpoint.getSecret(own, made.id)).key).toMatch(/^whsec_/);
    await expect(holder.endpoint.list(foreign)).rejects.toMatchObject({ code: 404 });
    await expect(holder.application.create({ name: 'x' })).rejects.toMatchObject({
      code: 403,
      body: { code: 'insufficient access' },
    });
    await expect(holder.message.create(own, { eventType: 'a.b', payload: {} })).rejects.toMatchObject({
      code: 403,
    });
    await svix.authentication.expireAll(own, {});
    await expect(holder.endpoint.list(own)).rejects.toMatchObject({ code: 401 });
  });
});

describe('Python client', () => {
  test.for(['1.99.1', '2.9.1'])('%s: the same script', async (version, context) => {
    const python = await pythonWith(version);
    if (python === null) return context.skip('pip cannot install the client here');
    const [uid, path] = [fresh('python'), `/${fresh('python')}`];
    const { stdout } = await run(python, ['test/svix/script.py', server.url, apiKey, at(path), uid]);
    expect(JSON.parse(stdout)).toEqual({ messages: 5, attempts: 6 });
    expect(receivedAt(path)).toHaveLength(6);
  });
});

describe('clashes of the models', () => {
  const app = 'clashes';
  beforeAll(async () => {
    await raw('POST', '/api/v1/app', { body: { name: app, uid: app } });
  });
  const send = (body: object, headers = {}) => raw('POST', `/api/v1/app/${app}/msg`, { body, headers });

  test('payloads are sent byte for byte', async () => {
    const path = `/${fresh('bytes')}`;
    await raw('POST', `/api/v1/app/${app}/endpoint`, { body: { url: at(path), eventTypes: ['bytes.sent'] } });
    const payload = '{"b": 12345678901234567890, "a":  1.0, "text": "\\u0000"}';
    const { body, text } = await raw('POST', `/api/v1/app/${app}/msg`, {
      body: `{"eventType":"bytes.sent","payload":${payload}}`,
    });
    expect(text).toContain(payload);
    await until('it is delivered', () => receivedAt(path).length === 1);
    expect(receivedAt(path)[0]!.body.toString()).toBe(payload);
    expect((await raw('GET', `/api/v1/app/${app}/msg/${body.id}`)).text).toContain(payload);
    expect((await raw('GET', `/api/v1/app/${app}/msg/${body.id}?with_content=false`)).body.payload).toEqual(
      {},
    );
  });

  test('the same eventId: the same message again, or a conflict with another', async () => {
    const message = { eventType: 'a.b', eventId: fresh('order'), payload: { n: 1 } };
    const first = await send(message);
    expect(first.body).toMatchObject({ id: message.eventId, eventId: message.eventId });
    expect(await send(message)).toMatchObject({ status: 202, body: { id: message.eventId } });
    expect(await send({ ...message, payload: { n: 2 } })).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    });
  });

  test('the same idempotency key: the same answer, whatever the body', async () => {
    const headers = { 'idempotency-key': fresh('key') };
    const first = await send({ eventType: 'a.b', payload: { n: 1 } }, headers);
    expect(await send({ eventType: 'a.b', payload: { n: 2 } }, headers)).toMatchObject({
      status: 202,
      body: first.body,
    });
    const list = await raw('GET', `/api/v1/app/${app}/msg?limit=250`);
    expect(list.body.data.filter(({ id }: { id: string }) => id === first.body.id)).toHaveLength(1);
  });

  test('what Posthorn would have to ignore is refused', async () => {
    const message = { eventType: 'a.b', payload: {} };
    for (const [field, value] of [
      ['channels', ['one']],
      ['tags', ['one']],
      ['deliverAt', '2030-01-01T00:00:00Z'],
      ['transformationsParams', { rawPayload: 'x' }],
    ] as const)
      expect(await send({ ...message, [field]: value })).toMatchObject({
        status: 422,
        body: { detail: [{ loc: ['body', field], type: 'value_error' }] },
      });
    const endpoint = { url: at('/x'), channels: ['one'] };
    expect((await raw('POST', `/api/v1/app/${app}/endpoint`, { body: endpoint })).status).toBe(422);
    expect(await raw('GET', '/api/v1/operational-webhook/endpoint')).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
  });

  test('an application comes with its first message', async () => {
    const uid = fresh('on-the-fly');
    const body = { eventType: 'a.b', payload: {}, application: { name: uid, uid } };
    expect((await raw('POST', `/api/v1/app/${uid}/msg`, { body })).status).toBe(202);
    expect((await raw('GET', `/api/v1/app/${uid}`)).body).toMatchObject({ uid, name: uid });
    expect((await raw('POST', `/api/v1/app/other/msg`, { body })).status).toBe(422);
    const missing = await raw('POST', '/api/v1/app/absent/msg', { body: { eventType: 'a.b', payload: {} } });
    expect(missing).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  test('event types: an empty list is all of them, both spellings are answered', async () => {
    const { body } = await raw('POST', `/api/v1/app/${app}/endpoint`, {
      body: { url: at('/all'), filterTypes: [], throttleRate: 7 },
    });
    expect(body).toMatchObject({
      eventTypes: null,
      filterTypes: null,
      version: 1,
      throttleRate: 7,
      rateLimit: 7,
    });
    expect((await raw('GET', '/api/v1/event-type?limit=251')).status).toBe(422);
  });

  test('rotation answers as the client’s version expects', async () => {
    const { body } = await raw('POST', `/api/v1/app/${app}/endpoint`, { body: { url: at('/rotated') } });
    const rotate = (agent: string) =>
      raw('POST', `/api/v1/app/${app}/endpoint/${body.id}/secret/rotate`, {
        body: {},
        headers: { 'user-agent': agent },
      });
    expect(await rotate('svix-libs/1.99.1/python')).toMatchObject({ status: 204, text: '' });
    expect(await rotate('svix-libs/2.6.0/javascript')).toMatchObject({ status: 204 });
    expect(await rotate('svix-libs/2.7.0/javascript')).toMatchObject({ status: 200 });
    const own = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const given = await raw('POST', `/api/v1/app/${app}/endpoint/${body.id}/secret/rotate`, {
      body: { key: own },
    });
    expect(given).toMatchObject({ status: 200, body: { key: own } });
  });

  test('paths with doubled and trailing slashes, bodies without a type, health, and pages of other sites', async () => {
    expect((await raw('GET', `//api/v1/app/${app}/`)).status).toBe(200);
    const response = await fetch(`${server.url}/api/v1/app/${app}/msg`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}` },
      body: new Blob(['{"eventType":"a.b","payload":{}}']),
    });
    expect(response.status).toBe(202);
    for (const method of ['GET', 'HEAD'])
      expect((await raw(method, '/api/v1/health', { key: null })).status).toBe(204);
    const options = await raw('OPTIONS', `/api/v1/app/${app}`, {
      key: null,
      headers: { origin: 'https://x.example', 'access-control-request-headers': 'authorization,x-other' },
    });
    expect(options.status).toBe(204);
    expect(options.headers.get('access-control-allow-headers')).toBe('authorization,x-other');
    expect(options.headers.get('access-control-allow-origin')).toBe('*');
  });
});

describe('access (G9)', () => {
  test('every route refuses no key, a wrong key, and a key of another application', async () => {
    const { routes } = await import('../../packages/posthorn/src/svix/routes.ts');
    const [own, foreign] = [fresh('access-own'), fresh('access-foreign')];
    for (const uid of [own, foreign]) await raw('POST', '/api/v1/app', { body: { name: uid, uid } });
    const { body: endpoint } = await raw('POST', `/api/v1/app/${foreign}/endpoint`, {
      body: { url: at('/f') },
    });
    const { body: message } = await raw('POST', `/api/v1/app/${foreign}/msg`, {
      body: { eventType: 'a.b', payload: { canary: 'foreign-data' } },
    });
    const { body: access } = await raw('POST', `/api/v1/auth/app-portal-access/${own}`, { body: {} });
    const { body: reading } = await raw('POST', `/api/v1/auth/app-portal-access/${foreign}`, {
      body: { readOnly: true },
    });
    for (const { method, path, orgOnly, scope } of routes) {
      const url = `/api/v1/${path
        .replace('{app}', foreign)
        .replace('{endpoint}', endpoint.id)
        .replace('{message}', message.id)
        .replace('{attempt}', 'atmpt_00000000001000001')
        .replace('{type}', 'a.b')
        .replace('{task}', 'qtask_rdr_x')}`;
      const body = method === 'GET' || method === 'DELETE' ? {} : { body: {} };
      // An address that fails often is told to wait.
      expect([401, 429], url).toContain((await raw(method, url, { key: null, ...body })).status);
      const other = await raw(method, url, { key: access.token, ...body });
      if (path.includes('{app}')) expect([403, 404, 422], `${method} ${url}`).toContain(other.status);
      if (orgOnly === true) expect(other.status, `${method} ${url}`).toBe(403);
      expect(other.text).not.toContain('foreign-data');
      expect(other.text).not.toContain('whsec_');
      if (scope !== 'read')
        expect((await raw(method, url, { key: reading.token, ...body })).status, url).toBe(403);
    }
    expect([401, 429]).toContain((await raw('GET', `/api/v1/app/${own}`, { key: 'phk_wrong' })).status);
  });

  test('mutated requests are refused, never a 5xx', async () => {
    const app = fresh('mutated');
    await raw('POST', '/api/v1/app', { body: { name: app, uid: app } });
    const values = [null, 0, -1, '', [], {}, true, '\u0000', 'x'.repeat(5000), [null], { a: {} }, '\ud800'];
    const seeds: readonly [string, string, Record<string, unknown>][] = [
      ['POST', '/api/v1/app', { name: 'n', uid: 'u', metadata: {} }],
      ['PATCH', `/api/v1/app/${app}`, { name: 'n', uid: 'u', metadata: {} }],
      [
        'POST',
        `/api/v1/app/${app}/endpoint`,
        {
          url: at('/m'),
          uid: 'u',
          channels: [],
          metadata: {},
          secret: 's',
          headers: {},
          eventTypes: [],
          throttleRate: 1,
        },
      ],
      [
        'POST',
        `/api/v1/app/${app}/msg`,
        { eventType: 'a.b', eventId: 'e', payload: {}, application: {}, payloadRetentionPeriod: 1 },
      ],
      ['POST', '/api/v1/event-type', { name: 'a.b', description: 'd', schemas: {}, featureFlags: [] }],
      ['POST', `/api/v1/auth/app-portal-access/${app}`, { expiry: 1, sessionId: 's', application: {} }],
    ];
    for (const [method, path, body] of seeds)
      for (const field of Object.keys(body)) {
        const answers = await Promise.all(
          values.map((value) => raw(method, path, { body: { ...body, [field]: value } })),
        );
        for (const [n, { status }] of answers.entries())
          expect(status, `${method} ${path} ${field} ${String(n)}`).toBeLessThan(500);
      }
    for (const query of [
      'limit=x',
      'iterator=%00',
      'iterator=abc',
      'order=up',
      'before=now',
      'event_types[]=%20',
    ])
      expect((await raw('GET', `/api/v1/app/${app}/msg?${query}`)).status, query).toBeLessThan(500);
    for (const path of [
      '/api/v1',
      '/api/v1/',
      '/api/v1/app/%ff',
      '/api/v1/app//msg',
      '/api/v1/app/%2e%2e/msg',
    ])
      expect((await raw('GET', path)).status, path).toBeLessThan(500);
  });
});
