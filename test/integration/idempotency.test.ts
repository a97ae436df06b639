import { plainKeyring } from '../../packages/posthorn/src/secrets/keyring.ts';
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compose, type Posthorn } from '../../packages/posthorn/src/posthorn.ts';
import { everything } from '../../packages/posthorn/src/store/accounting.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import { requestSecrets } from '../../packages/posthorn/src/http/keyed-request.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { apiKey } from './serving.ts';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: { code?: string; id?: string; secret?: string; [field: string]: unknown };
  readonly replayed: string | null;
  readonly retryAfter: string | null;
}

const otherKey = 'phk_test_another_0123456789';
let keys = 0;
const aKey = (): string => `key-${keys++}`;

/** A node on this directory, whose store can be looked into and held up. */
async function aNode(dataDir: string, wrap: (store: Store) => Store = (store) => store) {
  const store = await openSqliteStore({ dataDir });
  const posthorn: Posthorn = compose(
    { store: wrap(store), node: 'local', keyring: plainKeyring },
    {
      database: dataDir,
      allowPrivateNetworks: true,
      adminKeyHashes: [apiKey, otherKey].map((key) => hash('sha256', key)),
    },
  );
  await posthorn.start();
  const url = await posthorn.listen({ host: '127.0.0.1', port: 0 });
  const post = async (path: string, key: string, body?: unknown, presented = apiKey): Promise<Answer> => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${presented}`,
        'idempotency-key': key,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      text,
      body: JSON.parse(text) as Answer['body'],
      replayed: response.headers.get('idempotent-replayed'),
      retryAfter: response.headers.get('retry-after'),
    };
  };
  return { store, posthorn, url, post, dataDir };
}
type Node = Awaited<ReturnType<typeof aNode>>;

let node: Node;
let receiver: Awaited<ReturnType<typeof aReceiver>>;
beforeAll(async () => {
  receiver = await aReceiver();
  node = await aNode(tempDir());
});
afterAll(async () => {
  await node.posthorn.stop();
  await receiver.close();
});

const anEndpoint = async (): Promise<string> =>
  (await node.post('/v1/endpoints', aKey(), { url: receiver.url, event_types: ['none'] })).body.id!;

describe('a repeat gets the same answer, and the request is carried out once', () => {
  const expectOnce = async (path: string, body?: unknown): Promise<Answer> => {
    const key = aKey();
    const first = await node.post(path, key, body);
    expect(first.status).toBeLessThan(300);
    expect(first.replayed).toBeNull();
    for (let repeat = 0; repeat < 2; repeat++)
      expect(await node.post(path, key, body)).toEqual({ ...first, replayed: 'true' });
    return first;
  };

  test('creating an endpoint', async () => {
    const before = (await node.store.read.endpoints({ after: null, limit: 1000 })).length;
    const { body } = await expectOnce('/v1/endpoints', { url: receiver.url, event_types: ['none'] });
    expect(body.secret).toMatch(/^whsec_/);
    const after = await node.store.read.endpoints({ after: null, limit: 1000 });
    expect(after).toHaveLength(before + 1);
  });

  test('rotating a secret, without a body', async () => {
    const id = await anEndpoint();
    const { body } = await expectOnce(`/v1/endpoints/${id}/rotate-secret`);
    const { secrets } = (await node.store.read.endpoint(id))!;
    expect(secrets).toHaveLength(2);
    // As it is stored without a key.
    expect(secrets[0]!.secret).toBe(`plain:1:signing:${body.secret}`);
  });

  test('pausing, whatever has happened since', async () => {
    const id = await anEndpoint();
    const key = aKey();
    const paused = await node.post(`/v1/endpoints/${id}/pause`, key, { reason: 'test' });
    await node.post(`/v1/endpoints/${id}/resume`, aKey());
    const again = await node.post(`/v1/endpoints/${id}/pause`, key, { reason: 'test' });
    expect(again).toEqual({ ...paused, replayed: 'true' });
    expect((await node.store.read.endpoint(id))!.enabled).toBe(true);
  });

  test('beginning a redrive', async () => {
    const { body } = await expectOnce('/v1/redrives', { filter: { endpoint_id: await anEndpoint() } });
    const { length } = await node.store.read.redrives({ kind: 'redrive', after: null, limit: 100 });
    expect(length).toBe(1);
    expect(body.id).toMatch(/^rdr_/);
  });

  test('publishing a batch', async () => {
    const events = [1, 2].map((n) => ({ type: 'a.b', data: { n }, tenant: 'batches' }));
    const { body } = await expectOnce('/v1/events/batch', { events });
    expect(body['accepted']).toMatchObject([{ duplicate: false }, { duplicate: false }]);
    const counts = await node.store.read.accounting({ ...everything, tenants: ['batches'], now: Date.now() });
    expect(counts.events).toBe(2);
  });

  test('publishing an event that has an id of its own', async () => {
    const { body } = await expectOnce('/v1/events', { type: 'a.b', data: {}, id: `own-${aKey()}` });
    expect(body).toMatchObject({ duplicate: false });
  });
});

test('G1: an event without an id has the key for one, and needs no further row', async () => {
  const event = { type: 'a.b', data: { n: 1 } };
  const key = aKey();
  const first = await node.post('/v1/events', key, event);
  expect(first).toMatchObject({ status: 202, replayed: null, body: { id: key, duplicate: false } });
  expect(await node.post('/v1/events', key, event)).toMatchObject({
    status: 202,
    replayed: 'true',
    body: { id: key, duplicate: true },
  });
  expect(await node.post('/v1/events', key, { ...event, data: { n: 2 } })).toMatchObject({
    status: 409,
    body: { code: 'idempotency_conflict' },
  });
  const { id, caller } = requestSecrets(apiKey, key);
  const request = { id, caller, fingerprint: '', token: '', now: 0, leaseUntil: 0 };
  expect(await node.store.write.beginKeyedRequest(request)).toEqual({ state: 'fresh' });
});

test('another body, path or query under a key is a conflict, and is not carried out', async () => {
  const id = await anEndpoint();
  const key = aKey();
  const conflict = { status: 409, replayed: null, body: { code: 'idempotency_conflict' } };
  await node.post(`/v1/endpoints/${id}/resume`, key);
  expect(await node.post(`/v1/endpoints/${id}/pause`, key)).toMatchObject(conflict);
  expect(await node.post(`/v1/endpoints/${id}/resume`, key, {})).toMatchObject(conflict);
  expect(await node.post(`/v1/endpoints/${id}/resume?a=b`, key)).toMatchObject(conflict);
  expect((await node.store.read.endpoint(id))!.enabled).toBe(true);
});

test("the key of another API key is another key, and neither reads the other's answer", async () => {
  const key = aKey();
  const body = { url: receiver.url, event_types: ['none'] };
  const mine = await node.post('/v1/endpoints', key, body);
  const theirs = await node.post('/v1/endpoints', key, body, otherKey);
  expect(theirs).toMatchObject({ status: 201, replayed: null });
  expect(theirs.body.id).not.toBe(mine.body.id);
  expect((await node.post('/v1/endpoints', key, body, otherKey)).text).toBe(theirs.text);
  expect((await node.post('/v1/endpoints', key, body, 'phk_wrong')).status).toBe(401);
});

test('a refused request is not remembered: corrected, it is carried out under its key', async () => {
  const key = aKey();
  const url = receiver.url;
  expect((await node.post('/v1/endpoints', key, { url: 'ftp://a' })).status).toBe(422);
  expect((await node.post('/v1/endpoints', key, '{')).status).toBe(400);
  expect((await node.post('/v1/endpoints/ep_none/pause', key)).status).toBe(404);
  expect(await node.post('/v1/endpoints', key, { url, event_types: ['none'] })).toMatchObject({
    status: 201,
    replayed: null,
  });
});

test.each([['x'.repeat(256)], ['two words'], ['caf\u00e9'], ['']])('the key %j is refused', async (key) => {
  for (const path of ['/v1/events', '/v1/redrives'])
    expect(await node.post(path, key, { type: 'a.b', data: {} })).toMatchObject({
      status: 422,
      body: { code: 'invalid_request', errors: [{ path: '/Idempotency-Key' }] },
    });
});

test('a key of 255 visible characters is taken', async () => {
  const key = `!"~${'x'.repeat(252)}`;
  expect((await node.post('/v1/events', key, { type: 'a.b', data: {} })).status).toBe(202);
  expect((await node.post('/v1/redrives', key, { dry_run: true, filter: {} })).status).toBe(202);
});

test('nothing that is stored reveals the API key, the Idempotency-Key, the secret or the answer', async () => {
  const key = 'a-key-that-is-looked-for-in-the-files';
  const description = 'a description that only this answer has';
  const created = await node.post('/v1/endpoints', key, {
    url: receiver.url,
    event_types: ['none'],
    description,
  });
  // The endpoint itself is not what is looked at here.
  const rows = await tableText(node.dataDir);
  expect(rows).toContain(requestSecrets(apiKey, key).id);
  for (const text of [apiKey, key, description, created.body.secret!, created.body.secret!.slice(6)])
    expect(rows).not.toContain(text);
  await node.post(`/v1/endpoints/${created.body.id}/rotate-secret`, key.toUpperCase(), { grace_s: 0 });
  const files = readdirSync(node.dataDir, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => readFileSync(join(node.dataDir, name)));
  for (const text of [apiKey, key, key.toUpperCase()])
    expect(files.some((bytes) => bytes.includes(text))).toBe(false);
});

/** All rows of the table of keys. */
async function tableText(dataDir: string): Promise<string> {
  const { DatabaseSync } = await import('node:sqlite');
  const db = new DatabaseSync(join(dataDir, 'posthorn.db'), { readOnly: true });
  const rows = db.prepare('SELECT * FROM idempotency_keys').all();
  db.close();
  return JSON.stringify(rows);
}

describe('while the first request runs', () => {
  test('its repeat is refused with the time to wait, and gets its answer then', async () => {
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    let arrivals = 0;
    const slow = await aNode(tempDir(), (store) => ({
      ...store,
      write: {
        ...store.write,
        createRedrive: async (redrive) => {
          arrivals++;
          await held;
          return await store.write.createRedrive(redrive);
        },
      },
    }));
    const key = aKey();
    const body = { filter: {} };
    const first = slow.post('/v1/redrives', key, body);
    await until('the first request runs', () => arrivals === 1);
    expect(await slow.post('/v1/redrives', key, body)).toMatchObject({
      status: 409,
      retryAfter: '1',
      body: { code: 'idempotency_in_progress' },
    });
    letGo();
    const { status, text } = await first;
    expect(status).toBe(202);
    expect(await slow.post('/v1/redrives', key, body)).toMatchObject({ status, text, replayed: 'true' });
    expect(arrivals).toBe(1);
    await slow.posthorn.stop();
  });

  test('it is carried out to its end and remembered, though its caller has gone', async () => {
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    let arrivals = 0;
    const slow = await aNode(tempDir(), (store) => ({
      ...store,
      write: {
        ...store.write,
        createRedrive: async (redrive) => {
          arrivals++;
          await held;
          return await store.write.createRedrive(redrive);
        },
      },
    }));
    const cut = new AbortController();
    const headers = {
      authorization: `Bearer ${apiKey}`,
      'idempotency-key': 'gone',
      'content-type': 'application/json',
    };
    const body = JSON.stringify({ filter: {} });
    const request = fetch(`${slow.url}/v1/redrives`, { method: 'POST', headers, body, signal: cut.signal });
    await until('the first request runs', () => arrivals === 1);
    cut.abort();
    await expect(request).rejects.toThrow('aborted');
    letGo();
    let again: Answer;
    await until('the repeat is answered', async () => {
      again = await slow.post('/v1/redrives', 'gone', body);
      return again.status !== 409;
    });
    expect(again!).toMatchObject({ status: 202, replayed: 'true' });
    expect(arrivals).toBe(1);
    await slow.posthorn.stop();
  });

  test('of many that arrive at once one is carried out', async () => {
    const key = aKey();
    const body = { url: receiver.url, event_types: ['none'] };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => node.post('/v1/endpoints', key, body)),
    );
    const ids = new Set(answers.map(({ body: { id } }) => id).filter((id) => id !== undefined));
    expect(ids.size).toBe(1);
    for (const { status, body: answer } of answers)
      expect(status === 201 || answer.code === 'idempotency_in_progress').toBe(true);
  });
});

describe('a request that died with its process', () => {
  const path = '/v1/redrives';
  const body = JSON.stringify({ filter: {}, dry_run: true });
  /** What a process leaves behind that dies in the request. */
  const leftBehind = (key: string, leaseUntil: number) => {
    const { id, caller, fingerprint } = requestSecrets(apiKey, key);
    const print = fingerprint({ method: 'POST', url: path, body });
    return { id, caller, fingerprint: print, token: 'of the dead', now: leaseUntil - 1, leaseUntil };
  };

  test('runs again as soon as its lease has ended, and not before', async () => {
    const key = aKey();
    await node.store.write.beginKeyedRequest(leftBehind(key, Date.now() + 3_600_000));
    expect((await node.post(path, key, body)).body.code).toBe('idempotency_in_progress');
    const lapsed = aKey();
    await node.store.write.beginKeyedRequest(leftBehind(lapsed, Date.now() - 1));
    const answer = await node.post(path, lapsed, body);
    expect(answer).toMatchObject({ status: 202, replayed: null });
    expect(await node.post(path, lapsed, body)).toEqual({ ...answer, replayed: 'true' });
  });

  test('runs again at once after a restart of the embedded store, and remembers what had ended', async () => {
    const dataDir = tempDir();
    const before = await aNode(dataDir);
    const done = await before.post(path, 'done', body);
    await before.store.write.beginKeyedRequest(leftBehind('cut', Date.now() + 3_600_000));
    await before.posthorn.stop();
    const after = await aNode(dataDir);
    expect(await after.post(path, 'cut', body)).toMatchObject({ status: 202, replayed: null });
    expect(await after.post(path, 'done', body)).toEqual({ ...done, replayed: 'true' });
    await after.posthorn.stop();
  });
});

test('an answer that is too long to keep is not given twice, and its request is not carried out twice', async () => {
  const events = Array.from({ length: 1000 }, (_, n) => ({
    id: `${'\u6f22'.repeat(250)}${n}`,
    type: 'a'.repeat(256),
    tenant: 'long',
    data: {},
  }));
  const key = aKey();
  expect((await node.post('/v1/events/batch', key, { events })).status).toBe(202);
  expect(await node.post('/v1/events/batch', key, { events })).toMatchObject({
    status: 409,
    body: { code: 'idempotency_answer_not_kept' },
  });
});
