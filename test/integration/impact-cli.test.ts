import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { openHere } from '../../src/store/sqlite/open-here.ts';
import { anEndpoint, anEvent, start, tempDir } from '../support.ts';

const bin = new URL('../../bin/posthorn.js', import.meta.url).pathname;
const day = 86_400_000;

function impact(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, 'impact', ...args], { maxBuffer: 1e8 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

/** Accepts events at a time, and delivers all but the last `left`. */
async function traffic(
  store: Store,
  endpointId: string,
  at: number,
  events: number,
  left: number,
): Promise<void> {
  await store.accept([Array.from({ length: events }, () => anEvent())], {
    now: at,
    node: 'n',
    leaseMs: 0,
    defaultRoom: 0,
    room: new Map(),
  });
  const { deliveries } = await store.claim({
    endpointId,
    shards: null,
    limit: events - left,
    maxPayload: 1e9,
    now: at,
    leaseMs: 1000,
    node: 'n',
  });
  await store.settle(
    deliveries.map((delivery) => ({
      number: delivery.number,
      endpointId,
      eventType: delivery.eventType,
      claim: delivery.claim,
      createdAt: delivery.createdAt,
      state: 'delivered',
      dueAt: null,
      reason: 'delivered',
      now: at + 100,
      startedAt: at,
      durationMs: 100,
      statusCode: 200,
      errorClass: null,
      message: null,
      responseExcerpt: null,
      trigger: 'schedule',
      node: 'n',
      late: false,
      first: true,
      keyed: false,
    })),
  );
}

const window = (from: number): string =>
  `${new Date(from).toISOString().slice(0, 10)}..${new Date(from + day).toISOString().slice(0, 10)}`;

describe('posthorn impact', () => {
  test('two windows of a Posthorn: what the books cannot account for, before and after', async () => {
    const dataDir = tempDir();
    const store = openHere({ dataDir });
    const endpoint = anEndpoint();
    await store.createEndpoint(endpoint);
    // The later one first, so that what is left of the earlier one is not claimed with it.
    await traffic(store, endpoint.id, start + 7 * day, 1000, 0);
    await traffic(store, endpoint.id, start, 1000, 20);
    await store.close();
    // What Posthorn itself cannot do: rows that vanish.
    const db = new DatabaseSync(join(dataDir, 'posthorn.db'));
    db.exec('DELETE FROM deliveries WHERE state = 0');
    db.close();

    const windows = ['--data-dir', dataDir, '--before', window(start), '--after', window(start + 7 * day)];
    const [html, markdown] = [join(dataDir, 'impact.html'), join(dataDir, 'impact.md')];
    const { code, out, err } = await impact(...windows, '--json', '--html', html, '--markdown', markdown);
    expect(err).toContain('impact.html');
    const result = JSON.parse(out);
    expect(result).toMatchObject({
      before: { events: 1000, silently_dropped: 20, drop_rate: 0.02 },
      after: { events: 1000, silently_dropped: 0, drop_rate: 0 },
      verdict: 'better',
      exposure: { equal: true },
    });
    expect(result.before.budget_burned).toBeCloseTo(20, 9);
    // Newcombe, worked out apart: 0.02 − √((0.02 − 0.012985…)² + (0.003827…)²) and so on.
    expect(result.difference.interval[0]).toBeCloseTo(0.0121, 3);
    expect(result.difference.interval[1]).toBeCloseTo(0.0307, 3);
    expect(result.statement).toContain('none lost in silence: at 95 % the rate is below 0.383 %');
    expect(code).toBe(0);
    expect(readFileSync(html, 'utf8')).toContain('<!doctype html>');
    expect(readFileSync(markdown, 'utf8')).toMatch(/^# Impact: 2 % before, 0 % after/);

    // The other way round it is worse, and the exit code says so.
    const turned = await impact(
      '--data-dir',
      dataDir,
      '--before',
      window(start + 7 * day),
      '--after',
      window(start),
    );
    expect(turned.out).toContain('it is worse, beyond chance');
    expect(turned.code).toBe(1);
  });

  test.each([
    [[], 'give --before and --after'],
    [['--before', 'a.jsonl'], 'give --before and --after'],
    [['a.jsonl'], 'one log needs --deploy'],
    [['a.jsonl', '--deploy', 'yesterday'], 'takes a time'],
    [['--before', '2026-01-01..2026-01-02', '--after', '2026-01-03..2026-01-04'], 'give --data-dir'],
    [['--before', '2026-01-05..2026-01-02', '--after', 'x'], 'the beginning comes first'],
    [['--before', 'missing.jsonl', '--after', 'missing.jsonl'], 'missing.jsonl'],
    [['--before', 'a', '--after', 'b', '--target', '99.9'], 'takes a share'],
  ])('wrong usage %j', async (args, words) => {
    const { code, err } = await impact(...args);
    expect(err).toContain(words);
    expect(code).toBe(2);
  });
});
