import { afterAll, beforeAll, expect, test } from 'vitest';
import { aReceiver, until } from '../support.ts';
import { apiKey, serve } from './serving.ts';

let posthorn: Awaited<ReturnType<typeof serve>>;
let receiver: Awaited<ReturnType<typeof aReceiver>>;

beforeAll(async () => {
  posthorn = await serve();
  receiver = await aReceiver();
  await call('POST', '/v1/endpoints', { url: receiver.url, event_types: ['good.*'] });
});
afterAll(async () => {
  await posthorn.stop();
  await receiver.close();
});

async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(`${posthorn.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    // oxlint-disable-next-line typescript/no-explicit-any
    body: (await response.json()) as any,
  };
}

const recursive = {
  $defs: {
    n: { anyOf: [{ $ref: '#/$defs/m' }, { $ref: '#/$defs/m' }] },
    m: { properties: { a: { $ref: '#/$defs/n' } }, required: ['missing'] },
  },
  $ref: '#/$defs/n',
};
let nested: unknown = 1;
for (let level = 0; level < 40; level++) nested = { a: nested };
const deep = Array.from({ length: 6000 }, (_, n) => ({ a: { b: [1, 2, { c: n }] } }));

test.each([
  ['recursive anyOf', recursive, nested],
  ['uniqueItems on deep objects', { uniqueItems: true }, deep],
])('G8: %s: the publish fails with the type named, and all else goes on', async (name, schema, data) => {
  const type = `bad.${name.split(' ')[0]}`;
  expect((await call('PUT', `/v1/event-types/${type}`, { schema })).status).toBe(200);
  expect((await call('PUT', '/v1/event-types/good.one', { schema: { type: 'object' } })).status).toBe(200);
  // One after the other, each for a tenant that is not suspended, until the others were seen to go on beside one.
  let number = 0;
  let seen = 0;
  const bad = (async () => {
    while (seen < 2 && number < 30) {
      number++;
      const answer = await call('POST', '/v1/events', { tenant: `t${number}`, type, data });
      expect(answer).toMatchObject({ status: 422, body: { code: 'schema_too_expensive' } });
      expect(answer.body.detail).toContain(type);
    }
    number = 0;
  })();
  while (seen < 2 && number < 30) {
    const hanging = number;
    expect((await call('GET', '/healthz')).status).toBe(200);
    const before = receiver.requests.length;
    expect((await call('POST', '/v1/events', { type: 'good.one', data: {} })).status).toBe(202);
    await until('the other event is delivered', () => receiver.requests.length > before);
    if (hanging > 0 && hanging === number) seen++;
  }
  await bad;
  expect(seen).toBe(2);

  const first = await call('POST', '/v1/events', { type, data });
  const second = await call('POST', '/v1/events/batch', { events: [{ type, data }] });
  const third = await call('POST', '/v1/events', { type, data });
  for (const answer of [first, second])
    expect(answer).toMatchObject({ status: 422, body: { code: 'schema_too_expensive' } });
  expect(third).toMatchObject({ status: 503, body: { code: 'schema_suspended' } });
  expect(Number(third.retryAfter)).toBeGreaterThan(0);
});

test('G8: a pattern that backtracks for ever elsewhere is matched at once, and one that has to is refused', async () => {
  await call('PUT', '/v1/event-types/bad.pattern', { schema: { pattern: '^(a|a)*$' } });
  const refused = await call('POST', '/v1/events', { type: 'bad.pattern', data: `${'a'.repeat(60)}!` });
  expect(refused).toMatchObject({ status: 422, body: { code: 'invalid_data' } });
  expect((await call('POST', '/v1/events', { type: 'bad.pattern', data: 'aaa' })).status).toBe(202);
  const lookahead = await call('PUT', '/v1/event-types/bad.lookahead', { schema: { pattern: '(?=a)b' } });
  expect(lookahead).toMatchObject({ status: 422, body: { errors: [{ path: '/schema' }] } });
  expect(lookahead.body.detail).toContain('linear time');
});

test('G8: a server stops while a schema hangs', async () => {
  const other = await serve();
  const send = (path: string, method: string, body: unknown) =>
    fetch(`${other.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  expect((await send('/v1/event-types/bad.one', 'PUT', { schema: recursive })).status).toBe(200);
  const bad = send('/v1/events', 'POST', { type: 'bad.one', data: nested }).then(
    ({ status }) => status,
    () => 0,
  );
  await send('/v1/events', 'POST', { type: 'good.one', data: 1 });
  await other.stop();
  expect([0, 422, 503]).toContain(await bad);
});
