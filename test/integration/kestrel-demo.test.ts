import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command as posthorn } from '../bundles.ts';
import { calendarUntil } from '../../packages/posthorn/src/cli/demo/kestrel/calendar.ts';
import { formerLog } from '../../packages/posthorn/src/cli/demo/kestrel/former-sender.ts';
import { makeHistory } from '../../packages/posthorn/src/cli/demo/kestrel/history.ts';
import { newcombe } from '../../packages/posthorn/src/domain/statistics.ts';
import { iso } from '../../packages/posthorn/src/domain/time.ts';
import { verifyDataDirectory } from '../../packages/posthorn/src/cli/commands/verify.ts';
import type { Database } from '../../packages/posthorn/src/store/sqlite/database.ts';
import { saveCopy } from '../../packages/posthorn/src/store/sqlite/save-copy.ts';
import { systemClock } from '../../packages/posthorn/src/runtime/clock.ts';
import { tempDir } from '../support.ts';
import { serve } from './serving.ts';

// The history of `posthorn demo --keep`, small: it is made by the engine that ships, on simulated time.

const now = Date.UTC(2026, 10, 26, 10, 12);
const make = (): Promise<Database> => makeHistory({ seed: 7, now, deliveries: 10_000 });
const script = new URL('../../bin/posthorn.js', import.meta.url).pathname;

interface List {
  readonly items: readonly Record<string, unknown>[];
}

describe('the history', () => {
  let db: Database;
  let dataDir: string;
  let server: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    db = await make();
    dataDir = tempDir();
    saveCopy(db, dataDir);
    // The server's clock begins at the end of the history, and nothing that it sends is answered.
    const began = systemClock.monotonic();
    server = await serve({ dataDir }, undefined, {
      clock: { ...systemClock, now: () => Math.round(now + systemClock.monotonic() - began) },
      transport: () => ({ post: () => new Promise(() => {}), close: async () => {} }),
    });
  });
  afterAll(async () => {
    await server.stop();
    db.close();
  });
  const items = async (path: string): Promise<List['items']> => {
    const { items: found } = await server.client.request<List>('GET', path);
    return found;
  };

  test('one seed and one end make one history', async () => {
    const again = await make();
    for (const table of [
      'events',
      'deliveries',
      'attempts',
      'alerts',
      'redrives',
      'endpoints',
      'audit_log',
    ]) {
      const rows = ({ raw }: Database): unknown => raw.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all();
      expect(rows(again), table).toEqual(rows(db));
    }
    again.close();
  });

  test('every delivery of it is accounted for (G6)', async () => {
    expect(await verifyDataDirectory(dataDir)).toMatchObject({
      balanced: true,
      unaccounted: 0,
      findings: [],
    });
  });

  test('every state is there, and attempts that were superseded (G3)', async () => {
    for (const state of ['delivered', 'pending', 'dead', 'cancelled', 'suppressed'])
      expect(await items(`/v1/deliveries?state=${state}&limit=1`), state).toHaveLength(1);
    const sums = await server.client.request<Record<string, number>>('GET', '/v1/accounting');
    expect(sums).toMatchObject({ unmatched: 12, unaccounted: 0 });
    expect(sums['superseded_attempts']).toBeGreaterThan(0);
    expect(sums['late']).toBeGreaterThan(0);
    const currencies = db.raw
      .prepare('SELECT DISTINCT currency FROM events WHERE currency IS NOT NULL')
      .all();
    expect(currencies).toHaveLength(5);
  });

  test('alerts fire, one is acknowledged, others have resolved; one redrive is done and one runs', async () => {
    const alerts = await items('/v1/alerts?limit=500');
    expect(alerts).toContainEqual(
      expect.objectContaining({
        rule: 'endpoint_down',
        severity: 'page',
        acknowledged_at: expect.any(String),
      }),
    );
    expect(alerts).toContainEqual(expect.objectContaining({ state: 'firing', severity: 'ticket' }));
    expect(alerts).toContainEqual(expect.objectContaining({ state: 'resolved' }));
    const redrives = await items('/v1/redrives');
    expect(redrives.map(({ name }) => name)).toContain('certificate of 24 November');
    // The server may have brought the last one to its end by now.
    const states = db.raw.prepare('SELECT state FROM redrives ORDER BY created_at').all();
    expect(states.map(({ state }) => state)).toEqual(['done', 'done', 'running']);
  });

  test('fewer are dropped after the fix than before it, beyond chance, and nothing is unaccounted on either side', async () => {
    const { searchFixedAt } = calendarUntil(now);
    type Side = Readonly<Record<'events' | 'given_up' | 'silently_dropped', number>>;
    const { before, after } = await server.client.request<Readonly<Record<'before' | 'after', Side>>>(
      'GET',
      `/v1/impact?at=${iso(searchFixedAt)}`,
    );
    const change = newcombe(after.given_up, after.events, before.given_up, before.events);
    expect(change.interval[1]).toBeLessThan(0);
    expect([before.silently_dropped, after.silently_dropped]).toEqual([0, 0]);
  });

  test('who did it is in the audit log, and who owns nothing is in the conformance', async () => {
    const paused = await items('/v1/audit-log?action=endpoints.pause');
    expect(paused).toContainEqual(
      expect.objectContaining({ actor: expect.objectContaining({ name: 'mara@kestrel.example' }) }),
    );
    expect(JSON.stringify(await server.client.request('GET', '/v1/conformance'))).toContain('finanse');
  });
});

test('the log of the sender that was there before has drops in silence, and their cause', async () => {
  const log = join(tempDir(), 'former-sender.jsonl');
  writeFileSync(log, formerLog(7, 20_000, calendarUntil(now)));
  // It finds something: the exit code is 1.
  const failed: unknown = await promisify(execFile)(process.execPath, [posthorn, 'audit', log]).catch(
    (error: unknown) => error,
  );
  expect(failed).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/were silently dropped: 0\.\d+% .*, mainly by retry_race\./),
  });
});

test('posthorn demo --keep serves its history with the dashboard, keeps it, and goes on with it', async () => {
  const dataDir = tempDir();
  const run = promisify(execFile);
  for (const round of ['made', 'kept']) {
    const child = spawn(
      process.execPath,
      [script, 'demo', '--keep', '--deliveries', '300', '--port', '0', '--data-dir', dataDir],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const text = await Promise.race([
      printedUntil(child.stdout, 'Ctrl-C'),
      exited.then((code) => Promise.reject(new Error(`it ended with ${code}`))),
    ]);
    const { url, key, token } = /at (?<url>http:\S+),[^]*#k=(?<token>\S+)[^]*Key: +(?<key>\S+)/.exec(
      text,
    )!.groups!;
    expect(token).toBe(key);
    expect(await (await fetch(url!)).text()).toContain('<title>Posthorn</title>');
    const answer = await fetch(`${url}/v1/endpoints`, { headers: { authorization: `Bearer ${key}` } });
    expect(
      ((await answer.json()) as List).items.filter(({ tenant }) => tenant !== 'posthorn'),
      round,
    ).toHaveLength(14);
    // The command that it prints works beside it.
    const [, command] = /posthorn (impact --before .+)/.exec(text)!;
    const { stdout } = await run(process.execPath, [posthorn, ...command!.split(' ')]);
    expect(stdout).toMatch(/events after the change, none silently lost/);
    child.kill('SIGINT');
    expect(await exited).toBe(0);
  }
  const { stdout } = await run(process.execPath, [posthorn, 'verify', '--data-dir', dataDir]);
  expect(stdout).toContain('Every delivery is accounted for.');
});

/** What a process has printed by the time that it has printed this. */
async function printedUntil(output: Readable, end: string): Promise<string> {
  let text = '';
  await new Promise<void>((resolve) =>
    output.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes(end)) resolve();
    }),
  );
  return text;
}
