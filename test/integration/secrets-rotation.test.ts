import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Answer } from '../../packages/posthorn/src/contract/table.ts';
import { systemRandom } from '../../packages/posthorn/src/runtime/random.ts';
import { newSecretKey, secretKeysFrom } from '../../packages/posthorn/src/secrets/secret-key.ts';
import type { WireClient } from '../wire-client.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

const [older, newer] = [newSecretKey(systemRandom), newSecretKey(systemRandom)];
const idOf = (key: string): string => {
  const keys = secretKeysFrom(key);
  if (typeof keys === 'string') throw new Error(keys);
  return keys[0]!.id;
};
const header = 'Bearer rotated-value-778899';

/** An endpoint and a channel: four secrets. */
async function declare(client: WireClient, url: string): Promise<void> {
  await client.request('POST', '/v1/endpoints', { url, headers: { authorization: header } });
  await client.request('PUT', '/v1/channels/ops', { kind: 'webhook', url: `${url}/alerts` });
}
async function delivers(client: WireClient, receiver: Awaited<ReturnType<typeof aReceiver>>): Promise<void> {
  const before = receiver.requests.length;
  await client.request('POST', '/v1/events', { type: 'a.b', data: 1 });
  await until('it has arrived', () => receiver.requests.length > before);
  expect(receiver.requests.at(-1)!.headers['authorization']).toBe(header);
}

test.each(['SQLite', 'PostgreSQL'])(
  'G9: a new key takes over while it serves, and the former one can go, on %s',
  async (kind) => {
    const receiver = await aReceiver();
    const place =
      kind === 'SQLite' ? { dataDir: tempDir() } : { databaseUrl: await postgres.createDatabase() };
    const first = await serve({ ...place, secretKey: older });
    await declare(first.client, receiver.url);
    await first.stop();
    const second = await serve({ ...place, secretKey: `${newer},${older}` });
    const { client } = second;
    await delivers(client, receiver);
    expect(await client.request<Answer<'secrets.status'>>('GET', '/v1/secrets')).toEqual({
      encrypted: true,
      key_id: idOf(newer),
      keys: [
        { id: idOf(newer), available: true, secrets: 0 },
        { id: idOf(older), available: true, secrets: 4 },
      ],
      plaintext: 0,
      locked_endpoints: 0,
      removable_keys: [],
    });
    const rotated = await client.request<Answer<'secrets.rotate'>>('POST', '/v1/secrets/rotate');
    expect(rotated).toMatchObject({
      changed: 2,
      unreadable: 0,
      purged: true,
      status: { keys: [{ secrets: 4 }, { secrets: 0 }], removable_keys: [idOf(older)] },
    });
    expect(await client.request('POST', '/v1/secrets/rotate')).toMatchObject({
      changed: 0,
      status: rotated.status,
    });
    await delivers(client, receiver);
    const entries = await client.request<Answer<'auditLog.list'>>(
      'GET',
      '/v1/audit-log?action=secrets.rotate',
    );
    expect(entries.items).toHaveLength(1);
    await second.stop();
    const third = await serve({ ...place, secretKey: newer });
    await delivers(third.client, receiver);
    await third.stop();
    await receiver.close();
  },
);

test('G9: offline, a data directory with a key file gets a new key first; status says what is left to do', async () => {
  const receiver = await aReceiver();
  const dataDir = tempDir();
  const file = join(dataDir, 'posthorn.key');
  const first = await serve({ dataDir });
  await declare(first.client, receiver.url);
  vi.stubEnv('POSTHORN_URL', first.url);
  vi.stubEnv('POSTHORN_API_KEY', apiKey);
  const remote = await runHere('secrets', 'status');
  expect(remote).toMatchObject({ code: 0, out: expect.stringMatching(/newest +4/) });
  const busy = await runHere('secrets', 'rotate', '--data-dir', dataDir);
  expect(busy).toMatchObject({ code: 2, err: expect.stringContaining('in use by another Posthorn process') });
  await first.stop();
  const before = readFileSync(file, 'utf8');
  const rotated = await runHere('secrets', 'rotate', '--data-dir', dataDir, '--json');
  expect(rotated).toMatchObject({ code: 0, err: expect.stringContaining('back it up') });
  const { changed, status } = JSON.parse(rotated.out) as Answer<'secrets.rotate'>;
  expect({ changed, removable: status.removable_keys }).toEqual({ changed: 2, removable: [idOf(before)] });
  const after = readFileSync(file, 'utf8');
  const [, formerLine] = before.split('\n');
  expect(after.split('\n')[2]).toBe(formerLine);
  // Without the former key.
  writeFileSync(file, after.replace(`${formerLine}\n`, ''));
  const second = await serve({ dataDir });
  await delivers(second.client, receiver);
  expect(await second.client.request('GET', '/v1/audit-log?action=secrets.rotate')).toMatchObject({
    items: [{ actor: { kind: 'cli', id: expect.any(String) }, from: null }],
  });
  await second.stop();
  // And with the wrong one.
  writeFileSync(file, before);
  const found = await runHere('secrets', 'status', '--data-dir', dataDir);
  expect(found).toMatchObject({
    code: 1,
    out: expect.stringMatching(/MISSING +4[^]*2 endpoints have secrets/),
  });
  const partial = await runHere('secrets', 'rotate', '--data-dir', dataDir);
  expect(partial).toMatchObject({
    code: 1,
    out: expect.stringContaining('4 secrets could not be decrypted'),
  });
  writeFileSync(file, after);
  const plain = await runHere('secrets', 'rotate', '--data-dir', dataDir, '--plaintext-secrets', '--json');
  expect(JSON.parse(plain.out)).toMatchObject({ changed: 2, status: { encrypted: false, plaintext: 4 } });
  vi.unstubAllEnvs();
  await receiver.close();
});

test('generate prints a key that is taken', async () => {
  const { out } = await runHere('secrets', 'generate', '--json');
  expect(secretKeysFrom((JSON.parse(out) as { secret_key: string }).secret_key)).toHaveLength(1);
  expect(await runHere('secrets', 'rotate', '--plaintext-secrets')).toMatchObject({ code: 2 });
});
