import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Webhook as Signer } from 'standardwebhooks';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { install, newApplication, plainEnv, succeed } from '../packed/packages.ts';
import { until } from '../support.ts';

// `npm run test:next`: the packed client in a route handler of Next.js, built and served by Next.js itself. Not among the tests that
// always run: Next.js is 225 MB, and downloads its compiler besides.

const versions = ['next@16.4.6', 'react@19.3.1', 'react-dom@19.3.1'];
const secret = `whsec_${Buffer.from('a'.repeat(32)).toString('base64')}`;
const body = '{ "id": "evt_1",  "type": "payment.succeeded", "data": {"é": 1.0}}';

const route = `
import { createReceiver, nextHandler } from '@posthorn/client/receiver';
const receiver = createReceiver({ keys: process.env.WEBHOOK_SECRET, maxBodyBytes: 1000, handle: () => {} });
export const POST = nextHandler(receiver);
`;

function signed(ageS: number): Record<string, string> {
  const at = new Date(Date.now() - ageS * 1000);
  return {
    'content-type': 'application/json',
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Signer(secret).sign('evt_1', at, body),
  };
}

const cases: readonly [code: string, status: number, headers: Record<string, string>, text?: string][] = [
  ['processed', 200, signed(0)],
  ['signature_invalid', 400, signed(0), body.replaceAll(' ', '')],
  ['timestamp_too_old', 400, signed(3600)],
  ['missing_header', 400, {}],
  ['body_too_large', 413, signed(0), 'x'.repeat(2000)],
];

async function makeApplication(): Promise<string> {
  const home = newApplication();
  const root = resolve(import.meta.dirname, '../..');
  const options = ['--json', '--pack-destination', home, '-w', '@posthorn/client'];
  const answer = await succeed(root, 'npm', ['pack', ...options]);
  // Scripts of npm may print before it.
  const parsed = JSON.parse(answer.slice(answer.search(/^[[{]/m))) as object;
  const [packed] = Object.values(parsed) as { filename: string }[];
  await install(home, [join(home, packed!.filename), ...versions]);
  mkdirSync(join(home, 'app/hook'), { recursive: true });
  writeFileSync(join(home, 'app/hook/route.js'), route);
  return home;
}

const home = await makeApplication();
const next = join(home, 'node_modules/next/dist/bin/next');
await succeed(home, process.execPath, [next, 'build']);
const port = await freePort();
const server = spawn(process.execPath, [next, 'start', '-p', String(port), '-H', '127.0.0.1'], {
  cwd: home,
  env: { ...plainEnv, WEBHOOK_SECRET: secret },
  stdio: ['ignore', 'ignore', 'inherit'],
});
const post = (headers: Record<string, string>, text: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}/hook`, { method: 'POST', headers, body: text });
try {
  await until(
    'Next.js serves',
    async () =>
      await post({}, '').then(
        () => true,
        () => false,
      ),
    60_000,
  );
  for (const [code, status, headers, text = body] of cases) {
    const response = await post(headers, text);
    const answer = (await response.json()) as { code?: string; outcome?: string };
    const isAsExpected = response.status === status && (answer.code ?? answer.outcome) === code;
    process.stdout.write(`${isAsExpected ? 'ok' : 'FAILED'} ${code}: ${response.status}\n`);
    if (!isAsExpected) process.exitCode = 1;
  }
} finally {
  server.kill('SIGKILL');
}
