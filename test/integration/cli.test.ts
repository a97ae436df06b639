import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { command } from '../bundles.ts';
import { commands } from '../../packages/posthorn/src/cli/commands.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

const payments = fileURLToPath(new URL('../../packages/posthorn/data/payment-events.jsonl', import.meta.url));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The real command in a process of its own. */
function posthorn(args: readonly string[], options: { env?: object; input?: string } = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { ...process.env, POSTHORN_API_KEY: undefined, POSTHORN_URL: undefined, ...options.env };
    const child = execFile(process.execPath, [command, ...args], { env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
    // A command that reads nothing may be over before this is written.
    child.stdin!.on('error', () => {});
    child.stdin!.end(options.input ?? '');
  });
}

test('a reader that has seen enough ends a command quietly', async () => {
  const child = spawn(process.execPath, [command, 'lab', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stdout.destroy();
  const [code] = (await once(child, 'close')) as [number];
  expect({ code, output }).toEqual({ code: 0, output: '' });
});

test('help names every command, explains one, and ends with 0', async () => {
  const [all, one, same] = await Promise.all([
    posthorn(['--help']),
    posthorn(['audit', '--help']),
    posthorn(['help', 'audit']),
  ]);
  for (const { name, description } of commands) {
    expect(all.out).toContain(`  ${name} `);
    expect(all.out.replaceAll(/\s+/g, ' ')).toContain(description);
  }
  expect(one.out).toMatch(/^Usage: posthorn audit \[options\] <files\.\.\.>\n\nFind silent drops/);
  expect(same.out).toBe(one.out);
  expect([all.code, one.code, same.code]).toEqual([0, 0, 0]);
});

describe('wrong usage ends with 2 and says what to do', () => {
  beforeAll(() => {
    vi.stubEnv('POSTHORN_API_KEY', undefined);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
  });

  test.each([
    [['nothing-such'], /unknown command/],
    [['serve', '--prot', '1'], /unknown option/],
    [['rules', 'export', '--prot', '1'], /unknown option/],
    [
      ['keys', 'create', '--name', 'ci', '--scopes', 'publish'],
      /usage: posthorn keys create \[options\] <name>/,
    ],
    [['keys', 'add', 'ci'], /unknown command 'add'.*list, create, get, revoke, rotate/],
    [['alerts', 'acknowledge'], /unknown command 'acknowledge'.*list, ack, backtest/],
    [['tenants', 'create', 'acme'], /unknown command 'create'/],
    [['redrives', 'list', 'rdr_1'], /unknown command 'rdr_1'/],
    [['serve', '--port', 'many'], /--port \(POSTHORN_PORT\)/],
    [['deliveries'], /POSTHORN_API_KEY/],
    [['redrive', '--api-key', apiKey], /--all/],
    [['verify', '--data-dir', '/nonexistent'], /does not contain Posthorn data/],
    [['migrate'], /POSTHORN_DATABASE_URL/],
  ])('%j', async (args, words) => {
    const { code, out, err } = await runHere(...args);
    expect(err).toMatch(words);
    expect(code).toBe(2);
    expect(out).toBe('');
  });
});

test('no server: ends with 1 and says how to go on', async () => {
  const { code, err } = await posthorn(['dead-letters', '--url', 'http://127.0.0.1:1', '--api-key', apiKey]);
  expect(code).toBe(1);
  expect(err).toMatch(/cannot reach .* is the server running\?/);
});

test('a port that is taken and a directory in use are named', async () => {
  const { dataDir, stop } = await serve();
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  const [busy, locked] = await Promise.all([
    posthorn(['serve', '--port', String(port), '--data-dir', tempDir()]),
    posthorn(['serve', '--port', '0', '--data-dir', dataDir]),
  ]);
  expect(busy).toMatchObject({ code: 1, err: expect.stringContaining(`${port}`) as string });
  expect(locked).toMatchObject({ code: 1, err: expect.stringContaining('in use by another') as string });
  taken.close();
  await stop();
});

describe('against a server', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  let healthy: Awaited<ReturnType<typeof aReceiver>>;
  let env: object;

  beforeAll(async () => {
    server = await serve({ evaluateEveryS: 1 });
    healthy = await aReceiver();
    env = { POSTHORN_URL: server.url, POSTHORN_API_KEY: apiKey };
    await server.client.request('PUT', '/v1/teams/orders', {});
    await server.client.request('POST', '/v1/endpoints', { url: healthy.url });
    await server.client.request('POST', '/v1/endpoints', {
      url: 'http://127.0.0.1:1/',
      owner: 'orders',
      retry: { schedule_s: [] },
    });
  });
  afterAll(async () => {
    await server.stop();
    await healthy.close();
  });

  test('publish, list, group, redrive, verify', async () => {
    const sent = await posthorn(['publish', payments, '--value-pointer', '/object/amount', '--json'], {
      env,
    });
    expect(sent).toMatchObject({ code: 0 });
    expect(JSON.parse(sent.out)).toMatchObject({ accepted: 26, duplicates: 0, rejected: 0 });
    const piped = await posthorn(['publish', '-', '--json'], {
      env,
      input: '{"id":"piped","type":"a.b","data":{"n":1.0}}\n',
    });
    expect(JSON.parse(piped.out)).toMatchObject({ accepted: 1 });
    await until('all is settled', async () => {
      const { pending } = await server.client.request<{ pending: number }>('GET', '/v1/accounting');
      return pending === 0;
    });
    // The number's own text arrives, not one that was parsed and printed again.
    expect(healthy.requests.at(-1)?.body.toString()).toContain('{"n":1.0}');

    const listed = await posthorn(['deliveries', '--state', 'dead', '--event-id', 'piped', '--json'], {
      env,
    });
    const [dead] = (JSON.parse(listed.out) as { items: { id: string; state: string }[] }).items;
    expect(dead).toMatchObject({ state: 'dead', last_error: { class: 'connect' } });
    const one = await posthorn(['deliveries', dead!.id], { env });
    expect(one.out).toMatch(/connect/);

    const groups = await posthorn(['dead-letters'], { env });
    expect(groups.out).toMatch(/orders .*connect/);
    const counted = await posthorn(['redrive', '--state', 'dead', '--dry-run'], { env });
    expect(counted.out).toContain('27 deliveries match; nothing was changed');
    const redriven = await posthorn(['redrive', dead!.id], { env });
    expect(redriven.code).toBe(0);

    const verified = await posthorn(['verify', '--data-dir', server.dataDir]);
    expect(verified.code).toBe(0);
  });

  test('verify ends with 1 and names what was tampered with', async () => {
    await server.client.request('POST', '/v1/events', { id: 'victim', type: 'a.b', data: 1 });
    const db = new DatabaseSync(join(server.dataDir, 'posthorn.db'), { timeout: 60_000 });
    db.exec('DELETE FROM deliveries WHERE number = (SELECT max(number) FROM deliveries WHERE state = 1)');
    db.close();
    const { code, out } = await posthorn(['verify', '--data-dir', server.dataDir, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ balanced: false, unaccounted: 1 });
    expect((JSON.parse(out) as { findings: object[] }).findings).not.toHaveLength(0);
  });

  test('G5: verify says so if it found more than it lists', async () => {
    const other = await serve();
    await other.client.request('POST', '/v1/endpoints', { url: 'http://127.0.0.1:1/', enabled: false });
    await other.client.request('POST', '/v1/events/batch', {
      events: Array.from({ length: 300 }, () => ({ type: 'a.b', data: 1 })),
    });
    await other.stop();
    const db = new DatabaseSync(join(other.dataDir, 'posthorn.db'));
    db.exec('DELETE FROM deliveries');
    db.close();
    const { code, out } = await posthorn(['verify', '--data-dir', other.dataDir]);
    expect({ code, limited: out.includes('the first 200 findings') }).toEqual({ code: 1, limited: true });
    const { out: json } = await posthorn(['verify', '--data-dir', other.dataDir, '--json']);
    expect(JSON.parse(json)).toMatchObject({ findings_limited: true });
  });

  test('apply: declares, shows what would change, and changes nothing again', async () => {
    const file = join(tempDir(), 'posthorn.yaml');
    const apply = (...args: string[]) => posthorn(['apply', '-f', file, ...args], { env });
    writeFileSync(
      file,
      `channels:\n  ops: { kind: webhook, url: '${healthy.url}' }\n  pager: { kind: pagerduty, routing_key: ${'k'.repeat(32)}, url: '${healthy.url}' }\nteams:\n  orders: { channels: [ops] }\n`,
    );
    expect(await apply('--dry-run')).toMatchObject({
      code: 1,
      out: expect.stringContaining('+ channels/ops') as string,
    });
    expect(await apply()).toMatchObject({
      code: 0,
      out: expect.stringContaining('3 changed, 0 as declared') as string,
    });
    expect(await apply('--dry-run')).toMatchObject({ code: 0, out: 'Nothing to change (3 as declared).\n' });
    writeFileSync(
      file,
      `channels:\n  ops: { kind: slack, url: '${healthy.url}' }\nteams:\n  orders: { channels: [ops] }\n`,
    );
    expect((await apply('--prune', '--json')).out).toBe(
      '{"dry_run":false,"changes":[{"kind":"channels","name":"ops","action":"change"},{"kind":"channels","name":"pager","action":"delete"},{"kind":"teams","name":"orders","action":"keep"}]}\n',
    );
    writeFileSync(file, 'teams:\n  orders:\n    channels: 7\n  Other:\n    channels: []\nchanels: {}\n');
    const { code, err } = await apply();
    expect(code).toBe(2);
    expect(err).toMatch(/posthorn\.yaml:3: teams\.orders\.channels/);
    expect(err).toMatch(/posthorn\.yaml:4: teams\.Other/);
    expect(err).toMatch(/posthorn\.yaml:6: chanels/);
  });

  test('apply: endpoints are created, changed and paused by their names, drift is shown, and what is not declared stays', async () => {
    const file = join(tempDir(), 'posthorn.yaml');
    const apply = (...args: string[]) => posthorn(['apply', '-f', file, ...args], { env });
    const declare = (more: string): void =>
      writeFileSync(
        file,
        `teams:\n  finance: { channels: [] }\ntemplates:\n  slow: { deliver_within_s: 30 }\nendpoints:\n  ledger: { url: '${healthy.url}', event_types: [book.*], owner: finance, template: slow${more} }\n  acme/ledger: { url: '${healthy.url}', event_types: [book.*] }\n`,
      );
    declare('');
    // What it names is only declared beside it: the dry run knows, and changes nothing.
    const planned = await apply('--dry-run');
    expect(planned).toMatchObject({ code: 1, out: expect.stringContaining('+ endpoints/ledger') as string });
    expect(planned.out).toContain('4 would change');
    expect(planned.out).toMatch(/endpoints? (is|are) not in the file and (does|do) not change/);
    const first = JSON.parse((await apply('--json')).out) as {
      changes: { kind: string; name: string; action: string; secret?: string }[];
      left: string[];
    };
    const endpoints = first.changes.filter(({ kind }) => kind === 'endpoints');
    expect(endpoints).toMatchObject([
      { name: 'ledger', action: 'create', secret: expect.stringMatching(/^whsec_/) as string },
      { name: 'acme/ledger', action: 'create' },
    ]);
    expect(first.left.length).toBeGreaterThan(0);
    expect(await apply('--dry-run')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Nothing to change (4 as declared).') as string,
    });
    const get = async (tenant: string) =>
      await server.client.request<{ id: string; enabled: boolean; template: string; timeout_ms: number }>(
        'GET',
        `/v1/endpoints/ledger?tenant=${tenant}`,
      );
    expect(await get('default')).toMatchObject({ template: 'slow', enabled: true });
    // A manual change is drift: both values are shown, and the next apply reverts it.
    const { id, timeout_ms: timeout } = await get('default');
    await server.client.request('PATCH', `/v1/endpoints/${id}`, { timeout_ms: 1234, description: 'by hand' });
    const drifted = await apply('--dry-run');
    expect(drifted.code).toBe(1);
    expect(drifted.out).toContain(`timeout_ms 1234 -> ${timeout}`);
    expect(drifted.out).toContain('description "by hand" -> null');
    expect(drifted.out).not.toContain('acme');
    expect(await get('default')).toMatchObject({ timeout_ms: 1234 });
    declare(', enabled: false');
    expect((await apply()).code).toBe(0);
    expect(await get('default')).toMatchObject({ id, enabled: false, timeout_ms: timeout });
    // Endpoints are never pruned, and what is refused changes nothing.
    writeFileSync(file, 'endpoints: {}\n');
    const { out: pruned } = await apply('--prune', '--dry-run', '--json');
    expect((JSON.parse(pruned) as { left: string[] }).left).toContain('acme/ledger');
    expect(pruned).not.toContain('"kind":"endpoints"');
    writeFileSync(file, `teams:\n  audit: {}\nendpoints:\n  ledger: { url: 'ftp://x.example/' }\n`);
    const refused = await apply();
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/endpoints\/ledger: .*nothing was changed/);
    await expect(server.client.request('GET', '/v1/teams/audit')).rejects.toThrow(/team/);
    writeFileSync(file, `endpoints:\n  led ger: { url: '${healthy.url}' }\n  shop: { urll: x }\n`);
    const wrong = await apply();
    expect(wrong.code).toBe(2);
    expect(wrong.err).toMatch(/posthorn\.yaml:2: endpoints\.led ger/);
    expect(wrong.err).toMatch(/posthorn\.yaml:3: endpoints\.shop/);
  });

  test('alerts: what fires, by whom it is owned, and acknowledging it', async () => {
    await posthorn(['alerts'], { env });
    const firing = async () => {
      const { out } = await posthorn(['alerts', '--all', '--json'], { env });
      return (JSON.parse(out) as { items: { id: string; rule: string; owner: string; state: string }[] })
        .items;
    };
    await until('the dead letters are seen', async () =>
      (await firing()).some(({ rule }) => rule === 'dead_letters'),
    );
    const [alert] = (await firing()).filter(({ rule }) => rule === 'dead_letters');
    expect(alert).toMatchObject({ owner: 'orders' });
    const acknowledged = await posthorn(['alerts', 'ack', alert!.id], { env });
    expect(acknowledged).toMatchObject({ code: 0, out: expect.stringContaining('acknowledged:') as string });
    expect((await posthorn(['alerts', 'ack', 'alr_nothing'], { env })).code).toBe(1);
  });

  test('a file that is not there', async () => {
    const { code, err } = await posthorn(['publish', join(tempDir(), 'none.jsonl')], { env });
    expect(code).toBeGreaterThan(0);
    expect(err).toContain('none.jsonl');
  });
});
