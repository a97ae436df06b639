import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programFrom } from '../guides.ts';
import { aReceiver, until } from '../support.ts';
import {
  compile,
  embeddingGuideFor,
  install,
  kibOf,
  newApplication,
  packageNames,
  type PackageName,
  packAll,
  plainEnv,
  run,
  succeed,
} from './packages.ts';

// The packages as npm publishes them, outside of the checkout.

/** An embedded sender must not be what makes an application large. */
const largestKib = 30 * 1024;
/** For hooks that compile and install: a bound for what hangs. */
const longestMs = 600_000;
const apiKey = 'phk_packed_0123456789abcdef';

let archives: Record<PackageName, string>;
const folders: string[] = [];
beforeAll(async () => {
  archives = await packAll();
  folders.push(dirname(archives.posthorn));
}, longestMs);
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function application(): string {
  const home = newApplication();
  folders.push(home);
  return home;
}

describe.each(packageNames)('%s', (name) => {
  test('publint finds nothing', async () => {
    const tarball = new Uint8Array(readFileSync(archives[name])).buffer;
    const { messages } = await publint({ pack: { tarball }, strict: true });
    expect(messages).toEqual([]);
  });

  test('its types are right for nodenext, for bundlers, and for require', async () => {
    const result = await checkPackage(
      createPackageFromTarballData(new Uint8Array(readFileSync(archives[name]))),
    );
    if (result.types === false) throw new Error('types are missing');
    expect(
      result.problems.filter(
        (problem) =>
          // Node 24 requires modules as it imports them.
          problem.kind !== 'CJSResolvesToESM' &&
          !('resolutionKind' in problem && problem.resolutionKind === 'node10'),
      ),
    ).toEqual([]);
  });
});

describe('posthorn alone', () => {
  let home: string;
  let bin: string;
  beforeAll(async () => {
    home = application();
    await install(home, [archives.posthorn, archives['@posthorn/client']]);
    bin = join(home, 'node_modules/.bin/posthorn');
  }, longestMs);

  test('it is small, and brings no DuckDB', () => {
    const kib = kibOf(join(home, 'node_modules'));
    expect(kib, `${Math.round(kib)} KiB`).toBeLessThanOrEqual(largestKib);
    expect(existsSync(join(home, 'node_modules/@duckdb'))).toBe(false);
  });

  test('the command runs; what it does not bring is named with the command that installs it', async () => {
    const { version } = JSON.parse(
      readFileSync(join(home, 'node_modules/posthorn/package.json'), 'utf8'),
    ) as { version: string };
    expect(await succeed(home, 'npx', ['posthorn', '--version'])).toBe(`${version}\n`);
    for (const [command, needed] of [
      ['audit', '@posthorn/audit'],
      ['impact', '@posthorn/audit'],
      ['lab', '@posthorn/lab'],
    ] as const)
      expect(await run(home, bin, [command, 'x'])).toEqual({
        code: 2,
        out: '',
        err: `posthorn: posthorn ${command} needs ${needed}, which is not installed. Run: npm install ${needed}\n`,
      });
    const nats = ['ingest', 'nats', '--servers', 'x', '--stream', 'x', '--type', 'subject', '--api-key', 'x'];
    expect(await run(home, bin, nats)).toMatchObject({
      code: 2,
      err: expect.stringContaining('Run: npm install @nats-io/jetstream @nats-io/transport-node'),
    });
  });

  test('it serves, reshapes and delivers; email and traces say what they need', async () => {
    const receiver = await aReceiver();
    const server = spawn(
      bin,
      ['serve', '--port', '0', '--data-dir', 'data', '--allow-private-networks', '--log-level', 'error'],
      { cwd: home, env: { ...plainEnv, POSTHORN_API_KEY: apiKey }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      let words = '';
      server.stdout.on('data', (chunk: Buffer) => (words += chunk.toString()));
      await until('it listens', () => /http:\/\/\S+/.test(words));
      const url = /http:\/\/[\w.:]+/.exec(words)![0];
      const call = async (method: string, path: string, body: object): Promise<Response> =>
        await fetch(`${url}${path}`, {
          method,
          headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
      const transformation = { language: 'jsonata', expression: '{ "id": order }' };
      const endpoint = { url: receiver.url, transformation };
      expect((await call('POST', '/v1/endpoints', endpoint)).status).toBe(201);
      const event = { type: 'payment.succeeded', data: { order: 17 } };
      expect((await call('POST', '/v1/events', event)).status).toBe(202);
      await until('it has arrived', () => receiver.requests.length > 0);
      expect(receiver.requests[0]!.body.toString()).toContain('"data":{"id":17}');
      const mail = {
        kind: 'email',
        server: 'smtp://mail.example.com',
        from: 'a@example.com',
        to: ['b@example.com'],
      };
      expect(await (await call('PUT', '/v1/channels/mail', mail)).text()).toContain('npm install nodemailer');
    } finally {
      server.kill('SIGTERM');
      await new Promise((resolve) => server.once('exit', resolve));
      await receiver.close();
    }
    const traced = [
      '--import',
      'data:text/javascript,process.env.OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1"',
    ];
    const started = await run(home, process.execPath, [
      ...traced,
      bin,
      'serve',
      '--port',
      '0',
      '--data-dir',
      'data2',
    ]);
    expect(started).toMatchObject({
      code: 2,
      err: expect.stringContaining('npm install @opentelemetry/api '),
    });
  });

  test('the guides compile strictly, and that to embedding delivers', async () => {
    const receiver = await aReceiver();
    const files = {
      'embedding.ts': programFrom('embedding.md'),
      'client-guide.ts': programFrom('typescript-client.md'),
      'receiving.ts': programFrom('receiving.md'),
      'embed.ts': embeddingGuideFor(receiver.url),
    };
    const required = {
      'required.cts': `import posthorn = require('posthorn');\nexport const make = posthorn.createPosthorn;\n`,
    };
    expect(await compile(home, { ...files, ...required }, 'nodenext')).toBe('');
    expect(await compile(home, files, 'bundler')).toBe('');
    const application = spawn(process.execPath, ['embed.ts'], { cwd: home, env: plainEnv, stdio: 'inherit' });
    const ended = new Promise((resolve) => application.once('exit', resolve));
    await until('it has arrived', () => receiver.requests.length > 0);
    application.kill('SIGTERM');
    expect(await ended).toBe(0);
    await receiver.close();
  });

  test('require works', async () => {
    writeFileSync(
      join(home, 'required.cjs'),
      `const { createPosthorn } = require('posthorn'); const { createClient } = require('@posthorn/client'); const { createReceiver } = require('@posthorn/client/receiver'); console.log(typeof createPosthorn, typeof createClient, typeof createReceiver);`,
    );
    expect(await succeed(home, process.execPath, ['required.cjs'])).toBe('function function function\n');
  });
});

describe('with the audit and the lab', () => {
  let home: string;
  beforeAll(async () => {
    home = application();
    await install(home, Object.values(archives));
  }, longestMs);

  test('their commands run, and the audit by itself', async () => {
    const line = { event_id: 'a', started_at: '2026-01-01T00:00:00Z', status_code: 200 };
    writeFileSync(join(home, 'log.jsonl'), `${JSON.stringify(line)}\n`);
    const commands = join(home, 'node_modules/.bin');
    for (const [command, ...args] of [
      ['posthorn', 'audit', 'log.jsonl', '--json'],
      ['posthorn-audit', 'log.jsonl', '--json'],
    ] as const)
      expect(JSON.parse(await succeed(home, join(commands, command), args))).toMatchObject({
        events: 1,
        verdicts: { delivered: 1 },
      });
    expect(await succeed(home, join(commands, 'posthorn-audit'), ['impact', '--help'])).toContain(
      'Usage: posthorn impact',
    );
    const lab = await succeed(home, join(commands, 'posthorn'), ['lab', 'poison', '--seeds', '2', '--json']);
    expect(JSON.parse(lab)).toMatchObject({ seeds: 2, failures: [] });
  });
});

describe('an older Node', () => {
  const bins = ['packages/posthorn/bin/posthorn.js', 'packages/audit/bin/posthorn-audit.js'];
  const pretend = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.0.0'})`;

  test.each(bins)('%s says in one line which it needs', async (bin) => {
    const older = (process.env['PATH'] ?? '')
      .split(':')
      .map((folder) => join(folder, 'node'))
      .filter((node) => existsSync(node));
    const commands = [
      [process.execPath, '--import', pretend, bin],
      ...[...new Set(older)].map((node) => [node, bin]),
    ] as const;
    let refused = 0;
    for (const [node, ...args] of commands) {
      const { code, out, err } = await run('.', node!, [...args, '--version']);
      if (code === 0) continue;
      refused++;
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toMatch(/^posthorn( audit)? needs Node 24 or newer; this is v[\d.]+\n$/);
    }
    expect(refused).toBeGreaterThan(0);
  });
});
