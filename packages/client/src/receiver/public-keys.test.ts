import { generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { publicKeys, type PublicKeysOptions } from './public-keys.ts';
import { createReceiver } from './receiver.ts';

const pair = generateKeyPairSync('ed25519');
const raw = Buffer.from(pair.publicKey.export({ format: 'jwk' }).x!, 'base64url');
const key = `whpk_${raw.toString('base64')}`;
const source = 'https://posthorn.example/.well-known/posthorn/public-keys/wks_1';
const listOf = (...keys: readonly unknown[]): string =>
  JSON.stringify({
    items: keys.map((public_key) => ({ id: 'k', public_key, expires_at: null })),
    next_cursor: null,
  });

/** A server of keys on a clock that the test moves. */
function world(options: Partial<PublicKeysOptions> = {}) {
  const state = {
    nowS: 1000,
    calls: 0,
    failures: 0,
    answer: (): Response | Promise<Response> => new Response(listOf(key)),
  };
  const keys = publicKeys(source, {
    now: () => state.nowS * 1000,
    onFailed: () => void state.failures++,
    ...options,
    fetch: async (_, init) => {
      expect(init).toMatchObject({ redirect: 'error' });
      state.calls++;
      return await state.answer();
    },
  });
  return { state, keys };
}

test('a webhook is verified with keys that were fetched once, however many arrive together', async () => {
  const { state, keys } = world();
  const now = state.nowS * 1000;
  const receiver = createReceiver({ keys, handle: () => {}, now: () => now });
  const body = '{"id":"evt_1","type":"a.b","timestamp":"x","data":{}}';
  const signature = sign(null, Buffer.from(`evt_1.${state.nowS}.${body}`), pair.privateKey).toString(
    'base64',
  );
  const headers = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(state.nowS),
    'webhook-signature': `v1a,${signature}`,
  };
  const receptions = await Promise.all(
    Array.from({ length: 20 }, async () => await receiver.receive({ headers, read: () => body })),
  );
  expect(new Set(receptions.map(({ outcome }) => outcome))).toEqual(new Set(['processed']));
  expect(state.calls).toBe(1);
});

test('keys are fetched again when they are old; while that fails the old ones serve, and the server is not flooded', async () => {
  const { state, keys } = world({ maxAgeS: 600, maxStaleS: 3600, minIntervalS: 10 });
  expect(await keys()).toEqual([key]);
  state.nowS += 599;
  expect(await keys()).toEqual([key]);
  expect(state.calls).toBe(1);
  state.answer = () => new Response('busy', { status: 503 });
  state.nowS += 2;
  for (let n = 0; n < 5; n++) expect(await keys()).toEqual([key]);
  expect([state.calls, state.failures]).toEqual([2, 1]);
  state.nowS += 11;
  expect(await keys()).toEqual([key]);
  expect(state.calls).toBe(3);
  state.nowS += 3600;
  await expect(keys()).rejects.toThrow(/posthorn\.example are not known/);
  state.nowS += 11;
  state.answer = () => new Response(listOf(key));
  expect(await keys()).toEqual([key]);
});

test('without a key the sender is asked to try again: the webhook is neither accepted nor refused for good', async () => {
  const { state, keys } = world();
  state.answer = () => Promise.reject(new Error('ECONNREFUSED'));
  const failed: unknown[] = [];
  const receiver = createReceiver({
    keys,
    handle: () => expect.unreachable(),
    now: () => state.nowS * 1000,
    onFailed: ({ error }) => failed.push(error),
  });
  const headers = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(state.nowS),
    'webhook-signature': 'v1a,AAAA',
  };
  expect(await receiver.receive({ headers, read: () => '{}' })).toMatchObject({
    outcome: 'failed',
    status: 500,
  });
  expect(failed).toHaveLength(1);
});

test.each([
  ['HTML', '<html>'],
  ['a list of nothing', listOf()],
  ['a secret', listOf('whsec_aaaa')],
  ['too many', listOf(...Array.from({ length: 65 }, () => key))],
  ['an endless answer', `"${'x'.repeat(70_000)}"`],
  ['null', 'null'],
])('%s is not a list of keys', async (_, text) => {
  const { state, keys } = world();
  state.answer = () => new Response(text);
  await expect(keys()).rejects.toThrow('are not known');
  expect(state.failures).toBe(1);
});

test.each(['http://posthorn.example/keys', 'ftp://x/', 'keys', ''])(
  '%j cannot be trusted with keys',
  (url) => {
    expect(() => publicKeys(url)).toThrow(expect.objectContaining({ code: 'invalid_options' }));
  },
);

test('options that are not numbers are refused, and a machine may ask itself without TLS', () => {
  expect(() => publicKeys(source, { maxAgeS: Number.NaN })).toThrow(
    expect.objectContaining({ code: 'invalid_options' }),
  );
  for (const host of ['localhost:8400', '127.0.0.1:8400', '[::1]:8400']) publicKeys(`http://${host}/keys`);
});
