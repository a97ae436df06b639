import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { serve } from './serving.ts';

const run = promisify(execFile);

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

test('every example is run here', () => {
  expect(globSync('examples/*.ts').toSorted()).toEqual([
    'examples/embedded.ts',
    'examples/transactional-publish-drizzle.ts',
    'examples/transactional-publish-pg.ts',
  ]);
});

test.each(['pg', 'drizzle'])(
  'transactional publish with %s: what was committed arrives, what was rolled back does not',
  async (kind) => {
    const databaseUrl = await postgres.createDatabase();
    const { client, stop } = await serve({ databaseUrl });
    const receiver = await aReceiver();
    await client.request('POST', '/v1/endpoints', { url: receiver.url });
    const env = { ...process.env, DATABASE_URL: databaseUrl };
    const { stdout } = await run(process.execPath, [`examples/transactional-publish-${kind}.ts`], { env });
    const name = kind === 'pg' ? 'pay_pg' : 'pay_orm';
    expect(stdout).toBe(`rolled back: ${name}_2: the card was declined\ncommitted: ${name}_1\n`);
    await until('it has arrived', () => receiver.requests.length > 0);
    expect(await client.request('GET', '/v1/accounting')).toMatchObject({ events: 1, accepted: 1 });
    expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toEqual([`${name}_1`]);
    await stop();
    await receiver.close();
  },
);

test('embedded', async () => {
  const { stdout } = await run(process.execPath, [
    '--import',
    './bin/source.js',
    'examples/embedded.ts',
    tempDir(),
  ]);
  expect(stdout).toBe('accepted: 1 delivery; arrived: true\n');
});
