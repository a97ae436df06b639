import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command } from '../bundles.ts';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { type CodeBlock, codeBlocksIn, documentationPages } from '../code-blocks.ts';
import { tempDir, until } from '../support.ts';
import { apiKey, serve } from './serving.ts';

// The documentation's code, as it stands but for ports: every block that says so is run, a page after the other, with one server for all.

const root = join(import.meta.dirname, '../..');
const source = join(root, 'bin/source.js');
const run = promisify(execFile);
const isThere = (name: string): boolean => spawnSync(name, ['--version']).error === undefined;

let server: Awaited<ReturnType<typeof serve>>;
let commands: string;
beforeAll(async () => {
  server = await serve();
  await server.client.request('POST', '/v1/endpoints', {
    url: 'https://shop.example/hook',
    event_types: ['payment.*'],
  });
  commands = tempDir();
  const node = `exec '${process.execPath}' --import '${source}'`;
  const scripts = {
    node: `${node} "$@"`,
    posthorn: `exec '${process.execPath}' '${command}' "$@"`,
    npx: 'exec "$@"',
  };
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(commands, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(commands, name), 0o755);
  }
});
afterAll(() => server.stop());

/** A folder for what a page writes, with the packages of this repository. */
function folder(): string {
  const made = tempDir();
  symlinkSync(join(root, 'node_modules'), join(made, 'node_modules'));
  symlinkSync(join(root, 'deploy'), join(made, 'deploy'));
  return made;
}

function environment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: `${commands}${delimiter}${process.env['PATH']}`,
    POSTHORN_URL: server.url,
    POSTHORN_API_KEY: apiKey,
    POSTHORN_DATA_DIR: server.dataDir,
  };
}

/** The ports of a page: 3000 and the like are others here. */
async function portsFor(blocks: readonly CodeBlock[]): Promise<ReadonlyMap<string, number>> {
  const ports = new Map<string, number>();
  for (const { code } of blocks)
    for (const [port] of code.matchAll(/\b(?:3000|9000|8401)\b/g))
      ports.set(port, ports.get(port) ?? (await freePort()));
  return ports;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** What the blocks of a page export, and the programs that they leave behind. */
class Page {
  readonly #folder = folder();
  readonly #background: ChildProcess[] = [];
  readonly #ports: ReadonlyMap<string, number>;

  constructor(ports: ReadonlyMap<string, number>) {
    this.#ports = ports;
  }

  /** Null: it did what it says; else what it printed. */
  async take({ code: text, mark }: CodeBlock): Promise<string | null> {
    const code = text
      .replaceAll(/\b(?:3000|9000|8401)\b/g, (port) => String(this.#ports.get(port)))
      .replaceAll('http://127.0.0.1:8400', server.url);
    const file = /^file: (\S+)$/.exec(mark ?? '')?.[1];
    if (file !== undefined) writeFileSync(join(this.#folder, file), code);
    else if (mark === 'run in the background') await this.#start(code);
    else return await this.#run(code, Number(/exits with (\d)/.exec(mark!)?.[1] ?? 0));
    return null;
  }

  async #run(code: string, exitCode: number): Promise<string | null> {
    const script = `set -e\n[ ! -e .exported ] || . ./.exported\n${code}\nexport -p > .exported\n`;
    const options = { cwd: this.#folder, env: environment() };
    const result = await run('sh', ['-c', script], options).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
    return result.code === exitCode
      ? null
      : `${code}exits with ${result.code}: ${result.stdout}${result.stderr}`;
  }

  async #start(code: string): Promise<void> {
    const script = `[ ! -e .exported ] || . ./.exported\n${code}`;
    const options = { cwd: this.#folder, env: environment(), stdio: 'pipe', detached: true } as const;
    const child = spawn('sh', ['-c', script], options);
    this.#background.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const port = /\b\d{4,5}\b/.exec(code)?.[0] ?? this.#ports.values().next().value;
    await until('it listens', async () => {
      if (child.exitCode !== null) throw new Error(output);
      return await accepts(Number(port));
    });
  }

  close(): void {
    for (const { pid } of this.#background)
      try {
        process.kill(-pid!, 'SIGKILL');
      } catch {
        // It has ended.
      }
  }
}

interface Language {
  readonly file: string;
  readonly command: readonly [string, ...string[]];
}

/** The last block of each language on the page about publishing is a whole program: run twice, its event is accepted once. */
const languages: Readonly<Record<string, Language>> = {
  sh: { file: 'publish.sh', command: ['sh'] },
  ts: { file: 'publish.ts', command: [process.execPath, '--import', source] },
  python: { file: 'publish.py', command: ['python3'] },
  go: { file: 'main.go', command: ['go', 'run'] },
};

test.for(Object.entries(languages))('publishing with %s', async ([language, { file, command }], context) => {
  const [program, ...args] = command;
  if (language !== 'sh' && !isThere(program)) return context.skip(`${program} is not on this machine`);
  const code = codeBlocksIn('docs/start/publishing.md').findLast(
    (block) => block.language === language && block.mark?.startsWith('not run') !== true,
  )!.code;
  const id = `pay_17-${language}`;
  const at = folder();
  const path = join(at, file);
  writeFileSync(path, code.replaceAll('pay_17-succeeded', id));
  for (let time = 0; time < 2; time++) {
    const { stdout } = await run(program, [...args, path], { cwd: at, env: environment() });
    expect(stdout).toContain(id);
    expect(stdout).toMatch(/(?:^|\D)1(?:\D|$)/);
  }
  const { deliveries } = await server.client.request<{ deliveries: readonly unknown[] }>(
    'GET',
    `/v1/events/${id}`,
  );
  expect(deliveries).toHaveLength(1);
});

const isTaken = ({ mark }: CodeBlock): boolean => mark !== null && /^(?:run|file: )/.test(mark);
const pages = documentationPages
  .map((page) => ({ page, blocks: codeBlocksIn(page).filter(isTaken) }))
  .filter(({ blocks }) => blocks.some(({ mark }) => mark!.startsWith('run')));

test.for(pages)('$page', async ({ blocks }, context) => {
  const page = new Page(await portsFor(blocks));
  context.onTestFinished(() => page.close());
  for (const block of blocks) {
    const needs = /needs (\S+)/.exec(block.mark!)?.[1];
    if (needs !== undefined && !isThere(needs)) await context.annotate(`${needs} is not on this machine`);
    else expect(await page.take(block)).toBeNull();
  }
});

test('frameworks: each application sends, and takes what is signed', async () => {
  const at = folder();
  mkdirSync(at, { recursive: true });
  for (const { code, mark } of codeBlocksIn('docs/guides/frameworks.md')) {
    const file = /^file: (\S+)$/.exec(mark ?? '')?.[1];
    if (file !== undefined) writeFileSync(join(at, file), code);
  }
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const sentAt = new Date();
  const body = '{ "id": "evt_1", "type": "a.b", "timestamp": "2026-01-01T00:00:00.000Z", "data": {} }';
  const headers = {
    'content-type': 'application/json',
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign('evt_1', sentAt, body),
  };
  writeFileSync(
    join(at, 'main.ts'),
    `import { app as expressApp } from './express-app.ts';
import { app as fastifyApp } from './fastify-app.ts';
import { POST } from './next-route.ts';
import { handler } from './lambda.ts';
const { headers, body } = JSON.parse(process.env.WEBHOOK!);
const listener = expressApp.listen(0, '127.0.0.1');
await new Promise((resolve) => listener.once('listening', resolve));
const at = ['http://127.0.0.1:' + listener.address().port, await fastifyApp.listen({ port: 0 })];
const results = [];
for (const url of at) {
  const paid = await fetch(url + '/pay/frame_' + at.indexOf(url), { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  const hooked = await fetch(url + '/hook', { method: 'POST', headers, body });
  results.push(paid.status, hooked.status);
}
results.push((await POST(new Request('http://x/hook', { method: 'POST', headers, body }))).status);
results.push((await handler({ headers, body, isBase64Encoded: false })).statusCode);
results.push((await handler({ headers, body: body + ' ', isBase64Encoded: false })).statusCode);
console.log(JSON.stringify(results));
process.exit(0);
`,
  );
  const env = { ...environment(), WEBHOOK_SECRET: secret, WEBHOOK: JSON.stringify({ headers, body }) };
  const { stdout } = await run(process.execPath, ['--import', source, join(at, 'main.ts')], { env });
  expect(JSON.parse(stdout.trimEnd().split('\n').at(-1)!)).toEqual([204, 200, 204, 200, 200, 200, 400]);
});
