import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Webhook as Signer } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { tempDir, until } from '../support.ts';

// The receivers of docs/guides/receiving.md in other languages, each run where its language is on the machine.

interface Language {
  readonly name: string;
  /** Succeeds where the language is, with all that the receiver needs. */
  readonly probe: readonly string[];
  /** What runs before, in a copy of its folder. */
  readonly build?: readonly string[];
  readonly run: (port: number) => readonly string[];
}

const languages: readonly Language[] = [
  { name: 'python', probe: ['python3', '--version'], run: () => ['python3', 'receiver.py'] },
  {
    name: 'go',
    probe: ['go', 'version'],
    build: ['go', 'build', '-o', 'receiver', 'main.go'],
    run: () => ['./receiver'],
  },
  { name: 'java', probe: ['java', '-version'], run: () => ['java', 'Receiver.java'] },
  {
    name: 'php',
    probe: ['php', '--version'],
    run: (port) => ['php', '-S', `127.0.0.1:${port}`, 'receiver.php'],
  },
  { name: 'ruby', probe: ['ruby', '-rwebrick', '-e', '0'], run: () => ['ruby', 'receiver.rb'] },
  {
    name: 'rust',
    probe: ['cargo', '--version'],
    build: ['cargo', 'build', '--quiet'],
    run: () => ['target/debug/receiver'],
  },
];

const examples = join(import.meta.dirname, '../../examples/receivers');
const secretFrom = (letter: string): string => `whsec_${Buffer.from(letter.repeat(32)).toString('base64')}`;
const [secret, formerSecret, otherSecret] = [secretFrom('a'), secretFrom('b'), secretFrom('c')];
const body =
  '{ "id": "evt_1", "type": "payment.succeeded", "timestamp": "2026-11-26T00:00:00Z", "data": {"é": 1.0}}';

function signed(by: readonly string[], ageS = 0, text = body): Record<string, string> {
  const at = new Date(Date.now() - ageS * 1000);
  return {
    'content-type': 'application/json',
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': by.map((key) => new Signer(key).sign('evt_1', at, text)).join(' '),
  };
}

const { 'webhook-signature': _, ...unsigned } = signed([secret]);
const cases: readonly [string, number, Record<string, string>, string?][] = [
  ['a good signature', 200, signed([secret])],
  ['the signature of the former secret', 200, signed([formerSecret])],
  ['several signatures, one of them good', 200, signed([otherSecret, secret])],
  ['another secret', 400, signed([otherSecret])],
  ['another body', 400, signed([secret]), body.replaceAll(' ', '')],
  ['an old timestamp', 400, signed([secret], 3600)],
  ['a timestamp in the future', 400, signed([secret], -3600)],
  ['no signature', 400, unsigned],
  ['a timestamp that is not a number', 400, { ...signed([secret]), 'webhook-timestamp': 'now' }],
];

function succeeds([command, ...args]: readonly string[], cwd: string): boolean {
  return spawnSync(command!, args, { cwd, stdio: 'ignore' }).status === 0;
}

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

describe.each(languages)('the receiver in $name', ({ name, probe, build, run }) => {
  test('accepts what is signed and fresh, and nothing else', async (context) => {
    if (!succeeds(probe, examples)) context.skip(`${name} is not on this machine: ${probe.join(' ')} fails`);
    const home = join(tempDir(), name);
    cpSync(join(examples, name), home, { recursive: true });
    if (build !== undefined) {
      const [command, ...args] = build;
      try {
        execFileSync(command!, args, { cwd: home, stdio: 'pipe', timeout: 170_000 });
      } catch (error) {
        // Its libraries come from a registry.
        if (name === 'rust' && /download|network|registry|resolve host/i.test(String(error)))
          context.skip('the libraries of the receiver in rust are not on this machine');
        throw error;
      }
    }
    const port = await freePort();
    const [command, ...args] = run(port);
    const receiver = spawn(command!, args, {
      cwd: home,
      env: { ...process.env, PORT: String(port), WEBHOOK_SECRET: `${secret},${formerSecret}` },
      stdio: 'ignore',
    });
    const exited = new Promise((resolve) => receiver.once('exit', resolve));
    try {
      await until(`the receiver in ${name} listens`, () => isListening(port), 120_000);
      for (const [what, status, headers, text = body] of cases) {
        const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: text });
        expect([what, response.status]).toEqual([what, status]);
        await response.arrayBuffer();
      }
    } finally {
      receiver.kill('SIGKILL');
      await exited;
    }
  });
});
