import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { until } from '../../../../test/support.ts';
import { PosthornError, UnavailableError } from '../domain/errors.ts';
import type { Logger } from '../runtime/logger.ts';
import { systemRandom } from '../runtime/random.ts';
import type { KeyedRequestWrites } from '../store/idempotency.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import type { Store } from '../store/store.ts';
import { presentedKey } from './authentication.ts';
import { honorIdempotencyKeys } from './idempotency.ts';
import { requestSecrets } from './keyed-request.ts';
import { sendProblem } from './problem.ts';

const apiKey = 'phk_unit';
const minute = 60_000;
const url = '/v1/things';

let inner: Store;
/** What the store does instead, by method. */
let instead: Partial<KeyedRequestWrites>;
let clock: ReturnType<typeof aClock>;
let logged: unknown[];
let handle: () => Promise<unknown>;
let calls: number;
let app: FastifyInstance;

beforeEach(async () => {
  inner = await openSqliteStore({ dataDir: ':memory:' });
  instead = {};
  clock = aClock();
  logged = [];
  calls = 0;
  handle = async () => ({ n: calls });
  const log = ({ code }: Record<string, unknown>): void => void logged.push(code);
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  const store = new Proxy(inner.write, {
    get: (target, name: keyof KeyedRequestWrites) => instead[name] ?? target[name],
  });
  app = Fastify();
  app.decorateRequest('rawJson', null);
  app.decorateRequest('credential', null);
  app.addHook('onRequest', async (request) => {
    request.credential = presentedKey(request.headers.authorization) ?? null;
  });
  app.setErrorHandler((error, _, reply) =>
    sendProblem(reply, error instanceof PosthornError ? error : new PosthornError('internal', 'a defect')),
  );
  honorIdempotencyKeys(app, { store, clock, random: systemRandom, logger });
  app.post(url, async (_, reply) => {
    calls++;
    const answer = await handle();
    return answer === undefined ? reply.code(204).send() : reply.code(202).send(answer);
  });
});
afterEach(async () => {
  await app.close();
  await inner.close();
});

const post = async (key: string, authorization = `Bearer ${apiKey}`) => {
  const answer = await app.inject({
    method: 'POST',
    url,
    headers: { 'idempotency-key': key, ...(authorization === '' ? {} : { authorization }) },
  });
  const { statusCode, payload, headers } = answer;
  return {
    status: statusCode,
    payload,
    type: headers['content-type'],
    isRepeat: 'idempotent-replayed' in headers,
  };
};

test('an answer comes again as it was: status, type and body, or none', async () => {
  const first = await post('key');
  expect(first).toMatchObject({ status: 202, payload: '{"n":1}', isRepeat: false });
  expect(await post('key')).toEqual({ ...first, isRepeat: true });
  handle = async () => undefined;
  const empty = await post('empty');
  expect(empty).toMatchObject({ status: 204, payload: '', type: undefined });
  expect(await post('empty')).toEqual({ ...empty, isRepeat: true });
  expect(calls).toBe(2);
});

test('a failure that may have changed something is remembered, and a refusal is not', async () => {
  handle = () => Promise.reject(new TypeError('in the middle'));
  expect([await post('key'), await post('key')]).toMatchObject([
    { status: 500 },
    { status: 500, isRepeat: true },
  ]);
  expect(calls).toBe(1);
  for (const code of ['unavailable', 'not_found', 'invalid_request'] as const) {
    handle = () => Promise.reject(new PosthornError(code, 'refused'));
    await post(code);
    handle = async () => ({});
    expect(await post(code)).toMatchObject({ status: 202, isRepeat: false });
  }
});

test('a request without an API key is not keyed in any way', async () => {
  for (let n = 1; n <= 2; n++) expect(await post('key', '')).toMatchObject({ payload: `{"n":${n}}` });
});

test('G3: a lease is renewed while its request runs, but not for ever; who has lost it changes nothing', async () => {
  const { promise, resolve } = Promise.withResolvers<object>();
  handle = () => promise;
  let renewals = 0;
  instead.extendKeyedRequest = async (run, leaseUntil) => {
    renewals++;
    // One that fails is made good by the next.
    if (renewals === 5) throw new UnavailableError('away');
    return await inner.write.extendKeyedRequest(run, leaseUntil);
  };
  const first = post('key');
  await until('the first request runs', () => calls === 1);
  for (let n = 1; n <= 60; n++) {
    clock.pass(10_000);
    expect((await post('key')).status).toBe(409);
    expect(renewals).toBe(n);
  }
  clock.pass(minute);
  handle = async () => ({ second: true });
  const second = await post('key');
  expect(second).toMatchObject({ status: 202, isRepeat: false });
  resolve({ first: true });
  expect((await first).payload).toBe('{"first":true}');
  expect(await post('key')).toEqual({ ...second, isRepeat: true });
  expect([calls, renewals]).toEqual([2, 60]);
});

test('an answer that cannot be saved goes out all the same, and its request runs again when the lease has ended', async () => {
  instead.finishKeyedRequest = () => Promise.reject(new UnavailableError('away'));
  expect(await post('key')).toMatchObject({ status: 202, payload: '{"n":1}' });
  expect(logged).toEqual(['idempotency_not_saved']);
  expect((await post('key')).status).toBe(409);
  clock.pass(minute);
  expect(await post('key')).toMatchObject({ status: 202, payload: '{"n":2}', isRepeat: false });
});

test('a stored answer that was changed is not sent, and its request is not carried out again', async () => {
  await post('key');
  instead.beginKeyedRequest = async (request) => {
    const found = await inner.write.beginKeyedRequest(request);
    return found.state === 'done' ? { state: 'done', answer: `${found.answer!.slice(0, 40)}AAAA` } : found;
  };
  expect((await post('key')).status).toBe(409);
  expect([calls, logged]).toEqual([1, ['idempotency_answer_damaged']]);
});

test('a few of the requests of each caller, by their ids, count what it has', async () => {
  const counted: string[] = [];
  instead.boundKeyedRequests = async (caller) => counted.push(caller);
  const ids = Array.from({ length: 100_000 }, (_, n) => `key-${n}`);
  const counting = ids.find((key) => requestSecrets(apiKey, key).id.startsWith('AB'))!;
  await post('key-0');
  expect(counted).toEqual([]);
  await post(counting);
  expect(counted).toEqual([requestSecrets(apiKey, counting).caller]);
});
