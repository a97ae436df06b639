import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { command } from '../bundles.ts';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { tempDir, until } from '../support.ts';

const key = 'phk_serve_0123456789abcdef';
const started: ChildProcess[] = [];

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
});

interface Run {
  readonly child: ChildProcess;
  readonly url: string;
  out(): string;
  err(): string;
}

type Output = 'pipe' | number;

async function run(
  args: readonly string[],
  env: Record<string, string> = {},
  [stdout, stderr]: [Output, Output] = ['pipe', 'pipe'],
): Promise<Run> {
  const port = await freePort();
  const child = spawn(process.execPath, [command, 'serve', '--port', String(port), ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', stdout, stderr],
  });
  started.push(child);
  const texts = { out: '', err: '' };
  child.stdout?.on('data', (chunk: Buffer) => (texts.out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (texts.err += chunk.toString()));
  return { child, url: `http://127.0.0.1:${port}`, out: () => texts.out, err: () => texts.err };
}

const isUp = async (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  );
const publish = async (url: string): Promise<number> =>
  (
    await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: '{"type":"a.b","data":1}',
    })
  ).status;

test('G9: a key that was made is printed once, also where the start fails afterwards; the files are closed to others', async () => {
  const dataDir = join(tempDir(), 'data');
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const failed = await run(['--data-dir', dataDir, '--port', String(port)]);
  const [code] = (await once(failed.child, 'exit')) as [number];
  expect(code).toBe(1);
  expect(failed.err()).toMatch(/^posthorn: port \d+ on 127\.0\.0\.1 is in use/m);
  const made = /phk_[\w-]{20,}/.exec(failed.out())![0];
  expect(failed.out().split(made)).toHaveLength(2);
  taken.close();

  const second = await run(['--data-dir', dataDir], { POSTHORN_API_KEY: '' });
  await until('it listens', () => isUp(second.url));
  expect(second.out()).not.toContain(made);
  const answer = await fetch(`${second.url}/v1/accounting`, { headers: { authorization: `Bearer ${made}` } });
  expect(answer.status).toBe(200);
  expect(second.err()).not.toContain(made);
  const modes = readdirSync(dataDir).map((name) => [name, statSync(join(dataDir, name)).mode & 0o777]);
  expect(modes).toEqual(modes.map(([name]) => [name, 0o600]));
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
});

test('unknown variables and plain HTTP to other machines are warnings', async () => {
  const { url, err } = await run(['--data-dir', tempDir(), '--host', '0.0.0.0'], {
    POSTHORN_API_KEY: key,
    POSTHORN_RETENTION_DAY: 'seven-secret-days',
    POSTHORN_LOG_LEVEL: '',
  });
  await until('it listens', () => isUp(url));
  expect(err()).toMatch(/warning: POSTHORN_RETENTION_DAY is not a setting.*POSTHORN_RETENTION_DAYS/);
  expect(err()).toMatch(/warning: --host 0\.0\.0\.0 serves plain HTTP/);
  expect(err()).not.toContain('seven-secret-days');
});

test('a path that cannot be a data directory ends the start at once, with one sentence', async () => {
  const file = join(tempDir(), 'file');
  writeFileSync(file, '');
  for (const path of [file, '/dev/null', join(file, 'x'), '/proc/posthorn']) {
    const { child, err } = await run(['--data-dir', path]);
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(1);
    expect(err()).toMatch(/^posthorn: the data directory .* cannot be used: .*--data-dir\n$/);
  }
});

const outputs: readonly (readonly [string, () => { output: Output; done(): void }])[] = [
  [
    'a full disk',
    () => {
      const fd = openSync('/dev/full', 'w');
      return { output: fd, done: () => closeSync(fd) };
    },
  ],
  [
    'a pipe without a reader',
    () => {
      const pipe = join(mkdtempSync(join(tmpdir(), 'posthorn-pipe-')), 'pipe');
      execFileSync('mkfifo', [pipe]);
      const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
      try {
        for (;;)
          execFileSync('head', ['-c', '65536', '/dev/zero'], {
            stdio: ['ignore', fd, 'ignore'],
            timeout: 500,
          });
      } catch {
        // It is full.
      }
      return { output: fd, done: () => closeSync(fd) };
    },
  ],
  [
    'a reader that has gone',
    () => {
      const pipe = join(mkdtempSync(join(tmpdir(), 'posthorn-pipe-')), 'pipe');
      execFileSync('mkfifo', [pipe]);
      const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
      const fd = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
      closeSync(reader);
      return { output: fd, done: () => closeSync(fd) };
    },
  ],
];

test.each(outputs)('G8: %s as log and output neither stops a server nor its end', async (name, open) => {
  const { output, done } = open();
  const { url, child } = await run(
    ['--data-dir', tempDir(), '--log-level', 'debug'],
    { POSTHORN_API_KEY: key, POSTHORN_NO_SUCH_SETTING: '1' },
    [output, output],
  );
  await until('it listens', () => isUp(url));
  expect(await publish(url)).toBe(202);
  if (name === 'a reader that has gone')
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^posthorn_log_lines_dropped_total [1-9]/m);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  done();
});
