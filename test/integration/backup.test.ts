import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { command } from '../bundles.ts';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { kill, startServer } from '../../packages/posthorn/src/cli/demo/server-process.ts';
import { createWireClient } from '../wire-client.ts';
import { runHere } from './run-here.ts';
import { apiKey } from './serving.ts';

function aDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-backup-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('G1: a backup beside commits has all that was acknowledged before it, balances, and can be restored', async () => {
  const directory = aDirectory();
  const dataDir = join(directory, 'data');
  const copy = join(directory, 'copy');
  const port = await freePort();
  let server = await startServer({ port, dataDir, apiKey });
  onTestFinished(() => kill(server, 'SIGKILL'));
  const client = createWireClient(`http://127.0.0.1:${port}`, apiKey);
  await client.request('POST', '/v1/endpoints', { url: 'http://127.0.0.1:9/hook' });
  const publish = async (n: number): Promise<void> =>
    void (await client.request('POST', '/v1/events', { id: `e${n}`, type: 'x', data: { n } }));
  for (let n = 0; n < 50; n++) await publish(n);
  let published = 50;
  let isDone = false;
  const publishing = (async () => {
    while (!isDone) await publish(published++);
  })();
  const made = await runHere('backup', copy, '--data-dir', dataDir, '--json');
  isDone = true;
  await publishing;
  expect(made).toMatchObject({ code: 0 });
  const { balanced, endpoints } = JSON.parse(made.out) as {
    balanced: boolean;
    endpoints: { accepted: number }[];
  };
  expect(balanced).toBe(true);
  expect(endpoints[0]!.accepted).toBeGreaterThanOrEqual(50);
  expect(statSync(copy).mode & 0o777).toBe(0o700);
  expect(statSync(join(copy, 'posthorn.db')).mode & 0o777).toBe(0o600);
  expect(existsSync(join(copy, 'posthorn.key'))).toBe(false);

  await kill(server, 'SIGKILL');
  restore(directory, copy, dataDir);
  expect(readdirSync(directory).some((name) => name.startsWith('data.before-'))).toBe(true);
  server = await startServer({ port, dataDir, apiKey });
  const accounting = await client.request<{ accepted: number }>('GET', '/v1/accounting');
  expect(accounting.accepted).toBe(endpoints[0]!.accepted);
  // What the copy has is recognized, and what it lacks is accepted.
  const again = await client.request<{ duplicate: boolean }>('POST', '/v1/events', {
    id: 'e0',
    type: 'x',
    data: { n: 0 },
  });
  expect(again.duplicate).toBe(true);
});

/** Runs the script that operators are given, with `posthorn` on the path. */
function restore(directory: string, from: string, to: string): void {
  const bin = join(directory, 'bin');
  const posthorn = join(bin, 'posthorn');
  execFileSync('mkdir', [bin]);
  writeFileSync(posthorn, `#!/bin/sh\nexec '${process.execPath}' '${command}' "$@"\n`);
  chmodSync(posthorn, 0o755);
  const script = new URL('../../deploy/backup/restore-sqlite.sh', import.meta.url).pathname;
  execFileSync('sh', [script, from, to], {
    env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
    stdio: 'pipe',
  });
}

test('a backup never writes over anything, and says what is wrong', async () => {
  const directory = aDirectory();
  expect(await runHere('backup', join(directory, 'copy'), '--data-dir', directory)).toMatchObject({
    code: 2,
    err: expect.stringContaining('does not contain Posthorn data'),
  });
  expect(existsSync(join(directory, 'copy'))).toBe(false);
});
