import { createPublicKey, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyWebhook } from '../../packages/client/src/index.ts';
import type { Answer } from '../../packages/posthorn/src/contract/table.ts';
import type { WireClient } from '../wire-client.ts';
import { aReceiver, type Received, until } from '../support.ts';
import { serve } from './serving.ts';

let serving: Awaited<ReturnType<typeof serve>>;
let client: WireClient;
let receiver: Awaited<ReturnType<typeof aReceiver>>;
beforeAll(async () => {
  receiver = await aReceiver();
  serving = await serve();
  ({ client } = serving);
});
afterAll(async () => {
  await serving.stop();
  await receiver.close();
});

type Made = Answer<'endpoints.create'>;
type Keys = Answer<'service.publicKeys'>;

async function anEndpoint(fields: object): Promise<Made> {
  return await client.request<Made>('POST', '/v1/endpoints', {
    url: receiver.url,
    event_types: ['a.b'],
    ...fields,
  });
}
/** What the receiver gets of an event now. */
async function received(): Promise<Received> {
  const before = receiver.requests.length;
  await client.request('POST', '/v1/events', { type: 'a.b', data: { a: 1 } });
  await until('it has arrived', () => receiver.requests.length > before);
  return receiver.requests.at(-1)!;
}
const signaturesOf = ({ headers }: Received): string[] => String(headers['webhook-signature']).split(' ');
/** As the specification says, without any code of Posthorn's. */
function verifies({ headers, body }: Received, publicKey: string): boolean {
  const x = Buffer.from(publicKey.replace('whpk_', ''), 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const content = Buffer.concat([
    Buffer.from(`${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.`),
    body,
  ]);
  return signaturesOf({ headers, body, path: '' })
    .filter((signature) => signature.startsWith('v1a,'))
    .some((signature) => verify(null, content, key, Buffer.from(signature.slice(4), 'base64')));
}
const published = async (set: string | null): Promise<Response> =>
  await fetch(`${serving.url}/.well-known/posthorn/public-keys/${set}`);
const textHeaders = (request: Received): Record<string, string> =>
  Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));

test('v1a beside v1: both signatures verify, by the standardwebhooks package, by node:crypto and by the client', async () => {
  const made = await anEndpoint({ signatures: ['v1', 'v1a'] });
  const request = await received();
  expect(signaturesOf(request).map((signature) => signature.split(',')[0])).toEqual(['v1', 'v1a']);
  expect(new Webhook(made.secret).verify(request.body.toString(), textHeaders(request))).toMatchObject({
    data: { a: 1 },
  });
  const keys = await client.request<Keys>('GET', `/v1/endpoints/${made.id}/public-keys`);
  expect(keys.items).toHaveLength(1);
  const { public_key: publicKey } = keys.items[0]!;
  expect(verifies(request, publicKey)).toBe(true);
  for (const secret of [made.secret, publicKey, [made.secret, publicKey]])
    expect(verifyWebhook(secret, textHeaders(request), request.body)).toMatchObject({ type: 'a.b' });
  // The same keys without an API key, and nothing of whose they are.
  const open = await published(made.key_set);
  expect(open.status).toBe(200);
  const text = await open.text();
  expect(JSON.parse(text)).toEqual(keys);
  for (const word of [made.id, made.tenant, new URL(receiver.url).host]) expect(text).not.toContain(word);
  expect((await published('wks_guessed')).status).toBe(404);
  // No private key in any answer.
  expect(JSON.stringify([made, keys])).not.toContain('whsk_');
  await client.request('DELETE', `/v1/endpoints/${made.id}`);
  expect((await published(made.key_set)).status).toBe(404);
});

test('v1 alone unless it is asked for; v1a alone signs with nothing else; the key pair is made once', async () => {
  const made = await anEndpoint({});
  expect(made).toMatchObject({ signatures: ['v1'], key_set: null });
  expect(await client.request('GET', `/v1/endpoints/${made.id}/public-keys`)).toEqual({
    items: [],
    next_cursor: null,
  });
  const path = `/v1/endpoints/${made.id}`;
  const changed = await client.request<Made>('PATCH', path, { signatures: ['v1a'] });
  const keys = await client.request<Keys>('GET', `${path}/public-keys`);
  const request = await received();
  expect(signaturesOf(request)).toHaveLength(1);
  expect(verifies(request, keys.items[0]!.public_key)).toBe(true);
  await client.request('PATCH', path, { signatures: ['v1'] });
  expect(signaturesOf(await received())[0]).toMatch(/^v1,/);
  const again = await client.request<Made>('PATCH', path, { signatures: ['v1', 'v1a'] });
  expect(again.key_set).toBe(changed.key_set);
  expect(await client.request('GET', `${path}/public-keys`)).toEqual(keys);
  await expect(client.request('PATCH', path, { signatures: [] })).rejects.toThrow(/signatures/);
  await expect(client.request('PATCH', path, { signatures: ['v1', 'v1'] })).rejects.toThrow(/signatures/);
  await client.request('DELETE', path);
});

test('a rotation overlaps for both kinds: former and new secrets and keys sign until the grace time ends', async () => {
  const made = await anEndpoint({ signatures: ['v1', 'v1a'] });
  const path = `/v1/endpoints/${made.id}`;
  const publicKeys = async (): Promise<string[]> =>
    (await client.request<Keys>('GET', `${path}/public-keys`)).items.map(({ public_key: key }) => key);
  const [formerKey] = await publicKeys();
  const rotated = await client.request<Answer<'endpoints.rotateSecret'>>('POST', `${path}/rotate-secret`, {
    grace_s: 60,
  });
  const request = await received();
  expect(signaturesOf(request).map((signature) => signature.split(',')[0])).toEqual([
    'v1',
    'v1',
    'v1a',
    'v1a',
  ]);
  for (const secret of [made.secret, rotated.secret!])
    expect(new Webhook(secret).verify(request.body.toString(), textHeaders(request))).toBeTruthy();
  const both = await publicKeys();
  expect(both).toHaveLength(2);
  expect(both[1]).toBe(formerKey);
  for (const key of both) expect(verifies(request, key)).toBe(true);
  expect(await (await published(made.key_set)).json()).toMatchObject({ items: [{ expires_at: null }, {}] });
  // At once: what signs is the new one alone.
  await client.request('POST', `${path}/rotate-secret`, { grace_s: 0 });
  const after = await received();
  expect(signaturesOf(after).map((signature) => signature.split(',')[0])).toEqual(['v1', 'v1', 'v1a', 'v1a']);
  expect(verifies(after, both[0]!)).toBe(false);
  expect(verifies(after, formerKey!)).toBe(true);
  await client.request('PATCH', path, { signatures: ['v1a'] });
  expect(await client.request('POST', `${path}/rotate-secret`, { grace_s: 0 })).not.toHaveProperty('secret');
  await client.request('DELETE', path);
});

test('an endpoint that is ensured by its name gets a key pair once, and the same again changes nothing', async () => {
  const body = {
    url: receiver.url,
    event_types: ['a.b'],
    signatures: ['v1a'],
    body: 'data',
    metadata: { account: 'acct_1' },
  };
  const first = await client.request<Made>('PUT', '/v1/endpoints/signed', body);
  expect(first).toMatchObject({
    body: 'data',
    metadata: { account: 'acct_1' },
    key_set: expect.stringMatching(/^wks_/),
  });
  expect(await client.request<Made>('PUT', '/v1/endpoints/signed', body)).toMatchObject({
    key_set: first.key_set,
    updated_at: first.updated_at,
  });
  const request = await received();
  expect(request.body.toString()).toBe('{"a":1}');
  await client.request('DELETE', '/v1/endpoints/signed');
});
