import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { tempDir } from '../../../../test/support.ts';
import { readDashboard, serveDashboard } from './dashboard-files.ts';

const script = `export const words = ${JSON.stringify('deliver '.repeat(200))};`;

async function aServer(): Promise<ReturnType<typeof Fastify>> {
  const from = tempDir();
  mkdirSync(join(from, 'assets'));
  writeFileSync(join(from, 'index.html'), '<!doctype html><title>Posthorn</title>');
  writeFileSync(join(from, 'assets/index-abc.js'), script);
  writeFileSync(join(from, 'assets/index-abc.js.br'), 'made by the build');
  const app = Fastify();
  serveDashboard(app, (await readDashboard(from))!);
  return app;
}

test('what is not built is not served', async () => {
  expect(await readDashboard(join(tempDir(), 'none'))).toBeNull();
});

test('every page is the same document, never kept, and allows no script but from here (G9)', async () => {
  const app = await aServer();
  for (const url of ['/', '/deliveries/dlv_1', '/settings/keys', '/portal']) {
    const { statusCode, headers, body } = await app.inject({ url });
    expect([statusCode, headers['content-type'], headers['cache-control']]).toEqual([
      200,
      'text/html; charset=utf-8',
      'no-cache',
    ]);
    expect(body).toContain('<title>Posthorn</title>');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(headers['x-content-type-options']).toBe('nosniff');
  }
});

test('files are compressed as a browser takes them, and kept for ever by their hashed names', async () => {
  const app = await aServer();
  const get = (encoding: string) =>
    app.inject({ url: '/assets/index-abc.js', headers: { 'accept-encoding': encoding } });
  const [plain, gzip, brotli] = [await get('identity'), await get('gzip, deflate'), await get('gzip, br')];
  expect(plain.body).toBe(script);
  expect(plain.headers['cache-control']).toContain('immutable');
  expect([brotli.headers['content-encoding'], brotli.body]).toEqual(['br', 'made by the build']);
  expect(gzip.headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(gzip.rawPayload).toString()).toBe(script);
});

test('a path without a file is not found, and nothing outside is reached', async () => {
  const app = await aServer();
  for (const url of ['/assets/none.js', '/assets/..%2Findex.html', '/assets/%2e%2e/index.html', '/nothing'])
    expect((await app.inject({ url })).statusCode, url).toBe(404);
});
