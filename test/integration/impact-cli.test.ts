import { readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Alert } from '../../packages/posthorn/src/domain/alert.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { openHere } from '../../packages/posthorn/src/store/sqlite/open-here.ts';
import { anEndpoint, anEvent, start, tempDir } from '../support.ts';
import { settlementOf } from '../settlement.ts';
import { runHere } from './run-here.ts';

const day = 86_400_000;
const hour = 3_600_000;
const impact = (...args: string[]): ReturnType<typeof runHere> => runHere('impact', ...args);

/** Accepts events at a time, and delivers all but the last `left`. */
async function traffic(
  store: Store,
  endpointId: string,
  at: number,
  events: number,
  left: number,
): Promise<void> {
  const value = { amountMinor: 500n, currency: 'EUR' };
  await store.write.accept([Array.from({ length: events }, () => anEvent({ value }))], {
    now: at,
    node: 'n',
    leaseMs: 0,
    defaultRoom: 0,
    room: new Map(),
  });
  const { deliveries } = await store.write.claim({
    endpointId,
    shards: null,
    limit: events - left,
    maxPayload: 1e9,
    now: at,
    leaseMs: 1000,
    node: 'n',
  });
  await store.write.settle(deliveries.map((delivery) => settlementOf(delivery, 'delivered', at + 100)));
}

const window = (from: number): string =>
  `${new Date(from).toISOString().slice(0, 10)}..${new Date(from + day).toISOString().slice(0, 10)}`;

describe('posthorn impact', () => {
  test('two windows of Posthorn’s history: unaccounted deliveries before and after', async () => {
    const dataDir = tempDir();
    const store = openHere({ dataDir });
    const endpoint = anEndpoint();
    await store.write.createEndpoint(endpoint);
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
      before: {
        events: 1000,
        silently_dropped: 20,
        drop_rate: 0.02,
        first_lost_at: new Date(start).toISOString(),
        // The window is two days: 20 × 5.00 EUR, and √(20 × 500²) either way.
        weekly_value: [{ currency: 'EUR', amount_minor: 35_000, interval: [19_661, 50_339] }],
        given_up_value: [],
        // This store had no watcher. By its counters 2% of an hour were lost, and no more of the hours after it.
        time_to_detect: { by: expect.stringMatching(/^alert rule burn-.*replayed over the counters/) },
      },
      after: { events: 1000, silently_dropped: 0, drop_rate: 0, weekly_value: [], time_to_detect: null },
      verdict: 'better',
      exposure: { equal: true },
    });
    expect(result.recovered_per_week).toMatchObject([{ currency: 'EUR', amount_minor: 35_000 }]);
    expect(result.before.budget_burned).toBeCloseTo(20, 9);
    // Newcombe, worked out apart: 0.02 − √((0.02 − 0.012985…)² + (0.003827…)²) and so on.
    expect(result.difference.interval[0]).toBeCloseTo(0.0121, 3);
    expect(result.difference.interval[1]).toBeCloseTo(0.0307, 3);
    expect(result.statement).toContain('none silently lost: at 95% the rate is below 0.383%');
    expect(code).toBe(0);
    expect(readFileSync(html, 'utf8')).toContain('<!doctype html>');
    expect(readFileSync(markdown, 'utf8')).toMatch(/^# Impact: 2% before, 0% after/);

    // The old ledger is kept by the day, so the output says that half a day is not available.
    const half = (from: number): string =>
      `${new Date(from).toISOString()}..${new Date(from + day / 2).toISOString()}`;
    const halves = await impact(
      '--data-dir',
      dataDir,
      '--before',
      half(start),
      '--after',
      half(start + 7 * day),
    );
    expect(halves.out).toMatch(/before: counted from .*T00:00Z to .*T00:00Z: the ledger is kept by the day/);

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

  test('losses of last week, with their alert, dead letters, and the time that the history does not cover', async () => {
    const dataDir = tempDir();
    const store = openHere({ dataDir });
    const endpoint = anEndpoint();
    await store.write.createEndpoint(endpoint);
    // Within the hours that the counters keep; a deployment on the hour has whole hours on both sides.
    const deploy = Math.floor(Date.now() / hour) * hour - 3 * day;
    await traffic(store, endpoint.id, deploy - day + 1000, 500, 0);
    await traffic(store, endpoint.id, deploy + hour, 500, 10);
    // Posthorn's own notifications do not count as traffic.
    await store.write.createEndpoint(anEndpoint({ tenant: 'posthorn' }));
    await store.write.accept(
      [Array.from({ length: 300 }, () => anEvent({ tenant: 'posthorn', type: 'alert' }))],
      {
        now: deploy + hour,
        node: 'n',
        leaseMs: 0,
        defaultRoom: 0,
        room: new Map(),
      },
    );
    const { deliveries } = await store.write.claim({
      endpointId: endpoint.id,
      shards: null,
      limit: 2,
      maxPayload: 1e9,
      now: deploy + hour,
      leaseMs: 1000,
      node: 'n',
    });
    await store.write.settle(
      deliveries.map((delivery) => ({
        ...settlementOf(delivery, 'dead', deploy + hour + 5000),
        reason: 'schedule_exhausted',
      })),
    );
    const alert: Alert = {
      id: 'alr_1',
      rule: 'unaccounted',
      group: 'ledger',
      severity: 'page',
      state: 'firing',
      owner: null,
      summary: '5 deliveries are unaccounted',
      evidence: {},
      since: deploy + hour + 60_000,
      firedAt: deploy + hour + 120_000,
      resolvedAt: null,
      acknowledgedAt: null,
      notifiedAt: null,
      notifiedSeverity: null,
    };
    await store.write.saveAlerts({
      version: 0,
      changed: [alert],
      forgotten: [],
      notifications: [],
      now: deploy,
    });
    await store.close();
    const db = new DatabaseSync(join(dataDir, 'posthorn.db'));
    db.exec(
      'DELETE FROM deliveries WHERE number IN (SELECT number FROM deliveries WHERE state = 0 ORDER BY number LIMIT 5)',
    );
    // The event of one of these is missing too.
    db.exec(`DELETE FROM events WHERE number = (SELECT min(number) FROM events e WHERE NOT EXISTS
      (SELECT 1 FROM deliveries d WHERE d.event_number = e.number))`);
    db.close();

    const at = new Date(deploy).toISOString();
    const { out, err, code } = await impact('--data-dir', dataDir, '--deploy', at, '--json');
    expect(err).toBe('');
    const result = JSON.parse(out);
    expect(result.before).toMatchObject({
      events: 500,
      silently_dropped: 0,
      from: new Date(deploy - day).toISOString(),
    });
    expect(result.after).toMatchObject({
      // Three are still pending: nothing is known of them yet.
      events: 497,
      unresolved: 3,
      // Five lost, two dead, and three that are past their deadline without an end.
      late: 3,
      silently_dropped: 5,
      given_up: 2,
      given_up_value: [{ currency: 'EUR', amount_minor: 1000, events: 2 }],
      weekly_value: [{ currency: 'EUR' }],
      time_to_detect: { after_s: 120, by: 'the alert unaccounted, from the store' },
    });
    expect(result.after.notes.join()).toContain('1 of the 5 lost deliveries no longer have a known amount');
    const { checks } = result.exposure as { checks: { check: string; fine: boolean }[] };
    const alike = checks.filter(({ fine }) => fine).map(({ check }) => check);
    expect(alike).toEqual(expect.arrayContaining(['volume', 'endpoints', 'event_types']));
    expect(result.verdict).toBe('worse');
    expect(code).toBe(1);

    const long = new Date(deploy - 90 * day).toISOString().slice(0, 10);
    const early = await impact(
      '--data-dir',
      dataDir,
      '--before',
      `${long}..${long}`,
      '--after',
      `${at}..${at.slice(0, 11)}23:59Z`,
    );
    expect(early.err).toMatch(/the history of this Posthorn begins at .* and does not cover/);
    expect(early.code).toBe(2);
    const late = await impact('--data-dir', dataDir, '--deploy', new Date().toISOString());
    expect(late.err).toContain('a whole hour on each side of');
    expect(late.code).toBe(2);
  });

  test('data of another version is not read, and the way on is said', async () => {
    const dataDir = tempDir();
    writeFileSync(join(dataDir, 'posthorn.db'), '');
    const { code, err } = await impact('--data-dir', dataDir, '--deploy', '2026-01-01T00:00Z');
    expect(err).toContain('start `posthorn serve`');
    expect(code).toBe(2);
  });

  test.each([
    [[], 'give --before and --after'],
    [['--before', 'a.jsonl'], 'give --before and --after'],
    [['--deploy', '2026-01-01T00:00Z'], 'give its --data-dir or --database-url'],
    [['--deploy', '2026-01-01T00:00Z', '--before', 'a'], 'give either --before and --after, or --deploy'],
    [['a.jsonl', '--deploy', '2026-01-01T00:00Z', '--format', 'paper'], 'paper'],
    [['a.jsonl'], 'one log takes --deploy'],
    [['a.jsonl', '--deploy', 'yesterday'], 'must be a time'],
    [
      ['--before', '2026-01-01..2026-01-02', '--after', '2026-01-03..2026-01-04'],
      'give its --data-dir or --database-url',
    ],
    [['--before', '2026-01-05..2026-01-02', '--after', 'x'], 'the first time must be earlier'],
    [['--before', 'missing.jsonl', '--after', 'missing.jsonl'], 'missing.jsonl'],
    [['--before', 'a', '--after', 'b', '--target', '99.9'], 'must be a share'],
  ])('wrong usage %j', async (args, message) => {
    const { code, err } = await impact(...args);
    expect(err).toContain(message);
    expect(code).toBe(2);
  });

  test.each([
    ['2020-01-01T00:00Z', 'before'],
    ['2030-01-01T00:00Z', 'at or after'],
  ])(
    'a deploy at %s, outside the log, is wrong usage: what the log covers is said',
    async (deploy, where) => {
      const path = join(tempDir(), 'attempts.jsonl');
      writeFileSync(
        path,
        Array.from({ length: 200 }, (_, n) =>
          JSON.stringify({
            event_id: `evt_${n}`,
            attempt: 1,
            ts: new Date(start + n * hour).toISOString(),
            status_code: 200,
            amount_minor: 100,
            currency: 'EUR',
          }),
        ).join('\n'),
      );
      const { code, out, err } = await impact(path, '--deploy', deploy);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toContain(`is ${where} ${new Date(deploy).toISOString()}`);
      expect(err).toContain(`covers ${new Date(start).toISOString()} to`);
    },
  );
});
