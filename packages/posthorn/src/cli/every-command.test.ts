import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { runHere } from '../../../../test/integration/run-here.ts';
import { tempDir } from '../../../../test/support.ts';
import { commands } from './commands.ts';
import type { Operation } from '../contract/operation.ts';
import { table } from '../contract/table.ts';

// Every command of the command line, from its own table: a new one is tested as soon as it is there.

interface Leaf {
  readonly path: string;
  readonly command: Command;
  readonly isRemote: boolean;
}

function leavesOf(command: Command, path: string): Leaf[] {
  if (command.commands.length > 0)
    return command.commands.flatMap((inner) => leavesOf(inner, `${path} ${inner.name()}`));
  return [{ path, command, isRemote: command.options.some(({ long }) => long === '--api-key') }];
}

const leaves = (
  await Promise.all(commands.map(async ({ name, load }) => leavesOf(await load(), name)))
).flat();
const remote = leaves.filter(({ isRemote }) => isRemote);

const dir = tempDir();
const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const ids = file('ids.txt', 'evt_1\n');
const sentLog = file(
  'sent.jsonl',
  '{"msgId":"evt_1","endpointId":"ep_1","timestamp":"2026-11-20T10:00:00.000Z","responseStatusCode":200,"responseDurationMs":41,"status":0}\n',
);

/** Arguments of a command that is used rightly, where they are more than a name for each argument. */
const used: Readonly<Record<string, readonly string[]>> = {
  publish: [file('events.jsonl', '{"id":"evt_1","type":"payment.paid","data":{}}\n'), '--retry-for', '0.1'],
  'ingest kafka': ['--brokers', '127.0.0.1:1', '--topic', 'payments', '--type', 'subject'],
  'ingest nats': ['--servers', 'nats://127.0.0.1:1', '--stream', 'payments', '--type', 'subject'],
  'ingest sqs': ['--queue-url', 'http://127.0.0.1:1/1/payments', '--type', 'subject'],
  'ingest outbox': ['--database-url', 'postgres://127.0.0.1:1/shop'],
  'ingest replication': ['--database-url', 'postgres://127.0.0.1:1/shop'],
  'endpoints create': ['https://shop.example/hook'],
  'endpoints ensure': ['orders', 'https://shop.example/hook'],
  redrive: ['--endpoint-id', 'ep_1'],
  replay: ['--endpoint-id', 'ep_1'],
  cancel: ['dlv_1', '--reason', 'test'],
  'redrives change': ['rdr_1', '--rate', '5'],
  'replays change': ['rpl_1', '--rate', '5'],
  'filters dry-run': ['{"type":"payment.*"}'],
  'transformations dry-run': ['@', '--data', '{"a":1}'],
  listen: ['orders', '--forward', 'http://127.0.0.1:1/hook'],
  reconcile: ['orders', ids, '--since', '1h'],
  expect: [ids, '--since', '1h'],
  'shadow compare': ['--log', sentLog, '--since', '1h'],
  'shadow end': ['orders=ep_1', '--log', sentLog, '--since', '1h'],
  'import svix': ['--database-url', 'postgres://127.0.0.1:1/svix', '--messages-days', '1', '--dry-run'],
  apply: ['--file', file('posthorn.yaml', 'teams:\n  payments: { channels: [] }\n')],
  'keys create': ['checkout', '--scopes', 'publish'],
  'channels put': ['ops', '--file', file('channel.yaml', 'kind: webhook\nurl: https://ops.example/hook\n')],
  'teams put': ['payments', '--file', file('team.yaml', 'channels: []\n')],
  'templates put': ['careful', '--file', file('template.yaml', 'timeout_ms: 5000\n')],
  'event-types put': ['payment.paid', '--file', file('type.yaml', 'owner: null\n')],
};

function argumentsOf({ path, command }: Leaf): string[] {
  return [
    ...path.split(' '),
    ...(used[path] ?? command.registeredArguments.filter(({ required }) => required).map(() => 'x1')),
    ...(command.options.some(({ long }) => long === '--yes') ? ['--yes'] : []),
  ];
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
let answer: Answer = () => {};
const server = createServer((request, response) => {
  request.resume();
  answer(request, response);
});
let url: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
afterEach(() => vi.unstubAllEnvs());

const html =
  (status: number): Answer =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'text/html' });
    response.end('<!doctype html><title>It works!</title>');
  };

const wrongKey: Answer = (_, response) => {
  response.writeHead(401, { 'content-type': 'application/problem+json' });
  response.end(
    JSON.stringify({
      type: 'about:blank',
      title: 'Unauthorized',
      status: 401,
      code: 'unauthorized',
      detail: 'no valid key in Authorization: Bearer',
      request_id: 'req_1',
    }),
  );
};

const unused = async (): Promise<string> => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  await new Promise((resolve) => other.close(resolve));
  return `http://127.0.0.1:${port}`;
};

const troubles: Readonly<
  Record<
    string,
    { readonly answer: Answer; readonly isAway?: true; readonly timeoutS?: number; readonly says: RegExp }
  >
> = {
  'is away': { answer: () => {}, isAway: true, says: /cannot reach http.*is the server running\?/ },
  'answers HTML': { answer: html(200), says: /check the URL/ },
  'answers an error in HTML': { answer: html(502), says: /502/ },
  hangs: { answer: () => {}, timeoutS: 0.1, says: /--timeout/ },
  'refuses the key': { answer: wrongKey, says: /POSTHORN_API_KEY|--api-key/ },
};

describe.each(Object.entries(troubles))(
  'a server that %s',
  (_, { answer: with_, isAway, timeoutS = 60, says }) => {
    test.each(remote)('posthorn $path', async (leaf) => {
      answer = with_;
      const to = isAway === true ? await unused() : url;
      const options = ['--url', to, '--api-key', 'phk_x', '--timeout', String(timeoutS)];
      const { code, out, err } = await runHere(...argumentsOf(leaf), ...options);
      expect(err).toMatch(says);
      expect(err).not.toMatch(/\n\s+at |TypeError|undefined|\[object/);
      expect(err.trim().split('\n').length).toBeLessThanOrEqual(3);
      expect(code).toBe(1);
      // What a program reads is not half of an answer.
      if (leaf.path !== 'publish') expect(out.trim()).toBe('');
    });
  },
);

test.each(leaves)('wrong usage of posthorn $path ends with 2, before anything is sent', async (leaf) => {
  let requests = 0;
  answer = (_, response) => {
    requests++;
    response.end();
  };
  vi.stubEnv('POSTHORN_URL', url);
  vi.stubEnv('POSTHORN_API_KEY', 'phk_x');
  const args = argumentsOf(leaf);
  const faults = [['--no-such-option'], ...(leaf.isRemote ? [['--timeout', 'soon']] : [])];
  for (const fault of faults) {
    const { code, err } = await runHere(...args, ...fault);
    expect(code).toBe(2);
    expect(err).toContain('error:');
    expect(err).toContain('usage:');
  }
  if (leaf.command.registeredArguments.some(({ required }) => required))
    expect((await runHere(...leaf.path.split(' '))).code).toBe(2);
  if (leaf.isRemote) {
    vi.stubEnv('POSTHORN_API_KEY', '');
    const { code, err } = await runHere(...args);
    expect(err).toContain('POSTHORN_API_KEY');
    expect(code).toBe(2);
  }
  expect(requests).toBe(0);
});

/** Answers every call with the example of the contract. */
const examples = Object.values(table).map(({ method, path, status, example, ...rest }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  status,
  answer: 'answer' in example ? (example.answer as unknown) : undefined,
  lines: (rest as Partial<Operation>).lines?.example.answer,
}));
const exemplary: Answer = (request, response) => {
  const { pathname } = new URL(request.url!, 'http://x');
  const found = examples.find(({ method, pattern }) => method === request.method && pattern.test(pathname));
  const type = found?.lines === undefined ? 'application/json' : 'application/x-ndjson';
  response.writeHead(found?.status ?? 404, { 'content-type': type });
  if (found?.lines !== undefined)
    response.end(found.lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  else response.end(found?.answer === undefined ? '' : JSON.stringify(found.answer));
};

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Runs a command as if a terminal of this width read its output; null: a file or a program does. */
async function runAt(width: number | null, ...args: readonly string[]) {
  const { stdout, stderr } = process;
  const before = [stdout, stderr].map((stream) => [stream, stream.isTTY, stream.columns] as const);
  for (const stream of [stdout, stderr])
    Object.assign(stream, { isTTY: width !== null, columns: width ?? 0 });
  try {
    return await runHere(...args);
  } finally {
    for (const [stream, isTTY, columns] of before) Object.assign(stream, { isTTY, columns });
  }
}

/** These run until they are stopped, or until a job is done that the example shows at work. */
const endless = [
  'ingest kafka',
  'ingest nats',
  'ingest sqs',
  'ingest outbox',
  'ingest replication',
  'listen',
  'redrive',
  'replay',
];

describe.each(remote.filter(({ path }) => !endless.includes(path)))('posthorn $path', (leaf) => {
  const options = () => ['--url', url, '--api-key', 'phk_x', '--timeout', '5'];

  test.each([80, 200])('fits a terminal of %i columns', async (width) => {
    answer = exemplary;
    const { out, err, code } = await runAt(width, ...argumentsOf(leaf), ...options());
    expect([0, 1], err).toContain(code);
    expect(err).not.toMatch(/\n\s+at |check the URL/);
    // What is copied stays whole: a text without spaces, and a command.
    const long = out
      .split('\n')
      .filter((line) => line.length > width && line.trim().includes(' ') && !/\bposthorn .*--/.test(line));
    expect(long).toEqual([]);
  });

  test.each([
    ['to a file', null, {}, '\u001b'],
    // A line of progress is rewritten all the same, without a color.
    ['with NO_COLOR', 80, { NO_COLOR: '1' }, '\u001b[3'],
    ['on a dumb terminal', 80, { TERM: 'dumb' }, '\u001b'],
  ])('%s it writes text alone', async (_, width, variables, escape) => {
    answer = exemplary;
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    const { out, err } = await runAt(width, ...argumentsOf(leaf), ...options());
    expect(`${out}${err}`).not.toContain(escape);
    expect(`${out}${err}`).not.toMatch(/undefined|\[object|NaN/);
  });

  test('--json is JSON, whatever reads it', async () => {
    answer = exemplary;
    const { out } = await runAt(80, ...argumentsOf(leaf), ...options(), '--json');
    const lines = out.split('\n').filter((line) => line !== '');
    expect(lines.filter((line) => !isJson(line))).toEqual([]);
  });
});
