import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { createPosthorn } from '../../packages/posthorn/src/index.ts';
import { programFrom } from '../guides.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { apiKey, serve } from './serving.ts';

// The code in the guides, unchanged except for addresses.

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Running {
  readonly child: ChildProcess;
  output(): string;
}

function start(program: string, folder: string, env: Readonly<Record<string, string>> = {}): Running {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'guide.ts');
  writeFileSync(file, program);
  const child = spawn(
    process.execPath,
    ['--import', new URL('../../bin/source.js', import.meta.url).href, file],
    { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  children.push(child);
  let output = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, output: () => output };
}

test('embedding: every call of the page works, and running it twice makes one endpoint', async () => {
  const receiver = await aReceiver();
  const program = programFrom('embedding.md')
    .replace('https://example.com/hook', receiver.url)
    .replace("database: './posthorn-data'", "database: './posthorn-data', allowPrivateNetworks: true");
  const folder = tempDir();
  for (const run of [1, 2]) {
    const { child, output } = start(program, folder);
    await until('it has said what is wrong with a field', () => output().includes('/timeoutMs'));
    await until('it has arrived', () => receiver.requests.length === run);
    await until('it has said all', () => /\d+ deliveries are sent again\ninvalid_request\n/.test(output()));
    child.kill('SIGTERM');
    expect((await once(child, 'exit'))[0]).toBe(0);
  }
  const posthorn = await createPosthorn({ database: join(folder, 'posthorn-data') });
  expect((await posthorn.endpoints.list()).items.map(({ name }) => name)).toEqual(['shop']);
  await posthorn.stop();
  await receiver.close();
});

test('the client', async () => {
  const receiver = await aReceiver();
  const { url, stop } = await serve();
  const program = programFrom('typescript-client.md').replace('https://example.com/hook', receiver.url);
  const { child, output } = start(program, tempDir(), { POSTHORN_URL: url, POSTHORN_API_KEY: apiKey });
  expect((await once(child, 'close'))[0], output()).toBe(0);
  expect(output()).toMatch(
    /^pay_17-succeeded: 1 deliveries\n0 are all\ndlv_\w+ \w+ \d+\n422 invalid_request \S+\n\/maxInFlight /,
  );
  await until('it has arrived', () => receiver.requests.length === 1);
  expect(receiver.requests[0]!.headers['x-shop']).toBe('berlin');
  expect(receiver.requests[0]!.body.toString()).toContain('"data":{"order_id":17}');
  await stop();
  await receiver.close();
});

test('receiving', async () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const port = await freePort();
  const program = programFrom('receiving.md').replace(
    'listen(3000)',
    `listen(${port}, () => console.log('listening'))`,
  );
  const { output } = start(program, tempDir(), { WEBHOOK_SECRET: secret });
  await until('it listens', () => output().includes('listening'));
  const body = '{"id":"evt_1","type":"a.b","timestamp":"2026-01-01T00:00:00.000Z","data":{}}';
  const send = async (text: string): Promise<number> => {
    const sentAt = new Date();
    const headers = {
      'webhook-id': 'evt_1',
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign('evt_1', sentAt, body),
    };
    return (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: text })).status;
  };
  expect([await send(body), await send(`${body} `)]).toEqual([200, 400]);
  await until('it says why', () => output().includes('signature_invalid'));
});
