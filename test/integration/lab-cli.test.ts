import { readFileSync, writeFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { command } from '../bundles.ts';
import { openHere } from '../../packages/posthorn/src/store/sqlite/open-here.ts';
import { anEndpoint, anEvent, start, tempDir } from '../support.ts';
import { runHere } from './run-here.ts';

const lab = (...args: string[]) => runHere('lab', ...args);

/** In a process of its own. */
function posthorn(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], { maxBuffer: 1e8 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

describe('posthorn lab', () => {
  test('the incident with its log and report; the log calibrates a scenario that reproduces it', async () => {
    const dir = tempDir();
    const [log, html] = [join(dir, 'attempts.jsonl'), join(dir, 'report.html')];
    const first = await lab(
      'incident',
      '--payments',
      '10000',
      '--hours',
      '36',
      '--json',
      '--log',
      log,
      '--html',
      html,
    );
    expect(first.code).toBe(0);
    // The seed and the whole configuration come first.
    expect(first.err).toMatch(/^scenario incident, seed 1: \{"name":"incident","payments":10000/);
    const summary = JSON.parse(first.out);
    expect(summary).toMatchObject({
      scenario: 'incident',
      seed: 1,
      payments: 10_000,
      simulated_days: 1.5,
      naive: { accepted: 10_000, value_at_risk: [{ currency: 'USD' }] },
      posthorn: { accepted: 10_000, delivered: 10_000, dead: 0, lost: 0, unexpected: 0, unaccounted: 0 },
      failures: [],
    });
    expect(summary.faults.hang).toBeGreaterThan(0);
    const dropped = summary.naive.silently_dropped;
    expect(summary.naive.silent_drop_rate).toBeCloseTo(dropped / 10_000, 9);

    // What the log says of itself: a dropped webhook ends with a retry that was never made.
    const lines = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const delivered = new Set(lines.filter(({ status }) => status === 'delivered').map((l) => l.event_id));
    const last = new Map(lines.map((line) => [line.event_id, line]));
    expect(last.size).toBe(10_000);
    const lost = [...last.values()].filter(({ event_id: id }) => !delivered.has(id));
    expect(lost).toHaveLength(dropped);
    expect(lost.every((line) => line.status === 'retrying' && line.next_retry_at < lines.at(-1).ts)).toBe(
      true,
    );
    // And some that were delivered are "retrying" again: the last writer wins.
    expect([...last.values()].filter(({ status }) => status === 'retrying').length).toBeGreaterThan(dropped);
    expect(lines.map(({ ts }) => ts)).toEqual(lines.map(({ ts }) => ts).toSorted());
    const report = readFileSync(html, 'utf8');
    expect(report).toContain('Timeline of payment');
    expect(report).not.toMatch(/https?:\/\/(?!orders)|undefined|NaN/);

    writeFileSync(log, `${readFileSync(log, 'utf8')}not json\n{"event_id": 1}\n`);
    const printed = await lab('incident', '--calibrate', log, '--print-scenario');
    expect(printed.err).toContain('2 unreadable lines); timeout of the client: 10 s');
    const own = join(dir, 'own.yaml');
    writeFileSync(own, printed.out);
    const again = JSON.parse((await lab(own, '--json', '--seed', '2')).out);
    expect(again.scenario).toBe('calibrated');
    expect(again.naive.silent_drop_rate / summary.naive.silent_drop_rate).toBeGreaterThan(0.25);
    expect(again.naive.silent_drop_rate / summary.naive.silent_drop_rate).toBeLessThan(4);
  });

  test('a mutant: exit code 1, a short account, and the command that replays it', async () => {
    const { code, out } = await posthorn('lab', 'everything', '--mutant', 'retry-in-memory');
    expect(code).toBe(1);
    expect(out).toContain('FAILED seed 1 (correctness): forgotten');
    const replay = /Replay: npx posthorn (lab .*)/.exec(out)![1]!.split(' ').slice(1);
    const again = await lab(...replay, '--json', '--no-shrink');
    expect(again.code).toBe(1);
    expect(JSON.parse(again.out).failures[0].violations[0].invariant).toBe('forgotten');
    const { code: liveness } = await lab(
      'poison',
      '--mutant',
      'manual-stops-schedule',
      '--seeds',
      '1',
      '--json',
    );
    expect(liveness).toBe(0);
  });

  test.each([
    [['nothing'], 'unknown scenario nothing'],
    [['missing.yaml'], 'cannot read missing.yaml'],
    [['--seeds', '0'], 'takes a whole number'],
    [['--mutant', 'absent'], 'unknown mutant absent'],
    [['--calibrate', 'missing.jsonl'], 'no such file'],
    [['everything', '--log', 'x.jsonl'], 'give a scenario that has one'],
    [['--html', '/nowhere/at/all.html'], 'no such file'],
  ])('wrong usage %j: exit code 2', async (args, words) => {
    const { code, err } = await lab(...args);
    expect(code).toBe(2);
    expect(err).toContain(words);
  });
});

describe('posthorn alerts backtest', () => {
  test('the incident in its own log: overdue within minutes, tickets later, no burn-rate page', async () => {
    const dir = tempDir();
    const [log, html, rules] = [join(dir, 'a.jsonl'), join(dir, 'r.html'), join(dir, 'rules.yaml')];
    await lab('incident', '--payments', '30000', '--hours', '48', '--log', log, '--json');
    const incident = '2026-01-04T00:00Z..2026-01-06T00:00Z';
    const { code, out } = await runHere(
      'alerts',
      'backtest',
      '--from-log',
      log,
      '--incident',
      incident,
      '--html',
      html,
      '--json',
    );
    expect(code).toBe(0);
    const answer = JSON.parse(out);
    expect(answer.events_due).toBeGreaterThan(29_000);
    const of = (name: string) => answer.rules.find(({ rule }: { rule: string }) => rule === name);
    expect(of('overdue').detected_after_s).toBeLessThan(of('burn-3d').detected_after_s / 2);
    expect(of('burn-1h').firings).toEqual([]);
    expect(of('burn-6h').firings).toEqual([]);
    expect(of('burn-3d').detected_after_s).toBeLessThan(86_400);
    expect(answer.trade).toHaveLength(8);
    expect(readFileSync(html, 'utf8')).not.toMatch(/https?:\/\/|undefined|NaN/);
    writeFileSync(rules, 'rules:\n  - {kind: overdue, name: mine, severity: page, grace: 1h}');
    const printed = await runHere('alerts', 'backtest', '--from-log', log, '--rules', rules);
    expect(printed.out).toContain('mine');
    expect(printed.out).toContain('every alarm counts as false');
  });

  test('the history of an embedded Posthorn', async () => {
    const dataDir = tempDir();
    const store = openHere({ dataDir });
    await store.write.createEndpoint(anEndpoint());
    await store.write.accept([Array.from({ length: 20 }, () => anEvent())], {
      now: start,
      node: 'n',
      leaseMs: 0,
      defaultRoom: 0,
      room: new Map(),
    });
    await store.close();
    const { code, out } = await runHere('alerts', 'backtest', '--data-dir', dataDir, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ source: dataDir, events_due: 0 });
  });

  test.each([
    [[], 'give one of --from-log'],
    [['--from-log', 'missing.jsonl'], 'no such file'],
    [['--from-log', 'package.json'], 'does not contain a readable attempt'],
    [['--from-log', 'x', '--rules', 'package.json'], 'Invalid rules'],
    [['--from-log', 'x', '--incident', 'yesterday'], 'takes two times'],
    [['--from-log', 'x', '--target', '2'], 'takes a number from'],
  ])('wrong usage %j', async (args, words) => {
    const { code, err } = await runHere('alerts', 'backtest', ...args);
    expect(code).toBe(2);
    expect(err).toContain(words);
  });
});
