import { expect, test } from 'vitest';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

test('posthorn markers: create, list, delete', async () => {
  const { url, stop } = await serve();
  try {
    const run = (...args: string[]) => runHere('markers', ...args, '--url', url, '--api-key', apiKey);
    expect((await run()).out).toContain('No markers');
    const at = '2026-01-09T14:05:00.000Z';
    const link = 'https://ci.example/4.13';
    const made = await run('create', 'orders 4.13', '--at', '2026-01-09T14:05Z', '--link', link, '--json');
    expect(JSON.parse(made.out)).toMatchObject({ label: 'orders 4.13', kind: 'deploy', at, url: link });
    const { id } = JSON.parse(made.out) as { id: string };
    expect((await run('list', '--since', at)).out).toMatch(/deploy +orders 4\.13/);
    expect((await run('list', '--until', at)).out).toContain('No markers');
    expect(await run('delete', id)).toMatchObject({ code: 0, out: `deleted ${id}\n` });
    expect(await run('delete', id)).toMatchObject({ code: 1 });
    expect(await run('create', 'x', '--kind', 'other')).toMatchObject({ code: 2 });
    expect(await run('create', 'x', '--at', 'soon')).toMatchObject({ code: 2 });
  } finally {
    await stop();
  }
});
