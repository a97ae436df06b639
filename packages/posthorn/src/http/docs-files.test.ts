import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { tempDir } from '../../../../test/support.ts';
import { readDocs, serveDocs } from './docs-files.ts';

async function aServer(): Promise<ReturnType<typeof Fastify>> {
  const from = join(tempDir(), 'dist');
  mkdirSync(join(from, 'guides'), { recursive: true });
  writeFileSync(join(from, '../secret.html'), 'not for readers');
  writeFileSync(join(from, 'index.html.gz'), gzipSync('<h1>Home</h1>'));
  writeFileSync(join(from, 'guides.html.gz'), gzipSync('<h1>Guides</h1>'));
  writeFileSync(join(from, 'guides/audit.html.gz'), gzipSync('<h1>Audit</h1>'));
  writeFileSync(join(from, 'receiver.py.gz'), gzipSync('print("hello")'));
  writeFileSync(join(from, 'now.webp'), 'a picture');
  writeFileSync(join(from, '.built'), '');
  const app = Fastify();
  serveDocs(app, (await readDocs(from))!);
  return app;
}

test('what is not built is not served', async () => {
  expect(await readDocs(tempDir())).toBeNull();
});

test('pages are at their paths, and allow no script but from here; what is not a page is text', async () => {
  const app = await aServer();
  for (const [url, title] of [
    ['/docs', 'Home'],
    ['/docs/', 'Home'],
    ['/docs/guides', 'Guides'],
    ['/docs/guides/', 'Guides'],
    ['/docs/guides/audit', 'Audit'],
  ]) {
    const { statusCode, headers, body } = await app.inject({ url: url! });
    expect([statusCode, body]).toEqual([200, `<h1>${title}</h1>`]);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
  }
  const { headers, body } = await app.inject({ url: '/docs/receiver.py' });
  expect(body).toBe('print("hello")');
  expect(headers['content-type']).toBe('text/plain; charset=utf-8');
  expect(headers['x-content-type-options']).toBe('nosniff');
  const picture = await app.inject({ url: '/docs/now.webp' });
  expect([picture.headers['content-type'], picture.body]).toEqual(['image/webp', 'a picture']);
  const small = await app.inject({ url: '/docs/guides', headers: { 'accept-encoding': 'gzip, br' } });
  expect(small.headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(small.rawPayload).toString()).toBe('<h1>Guides</h1>');
});

test('a path without a page is not found, and nothing outside is reached (G9)', async () => {
  const app = await aServer();
  for (const url of [
    '/docs/none',
    '/docs/.built',
    '/docs/guides.html',
    '/docs/..%2fsecret',
    '/docs/../secret',
    '/docs/%2e%2e/secret.html',
  ])
    expect((await app.inject({ url })).statusCode, url).toBe(404);
});
