import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readMinutes, sampleAttempts } from '../../packages/audit/src/history.ts';
import { parseAttemptLine } from '../../packages/posthorn/src/logs/attempt-line.ts';
import { toHistory, OutcomeCollector } from '../../packages/posthorn/src/reliability/log-history.ts';
import { defaultObjective, defaultRules } from '../../packages/posthorn/src/reliability/rules.ts';
import { tempDir } from '../support.ts';
import { logFormats } from './generate/formats.ts';
import { generate } from './generate/generate.ts';
import { ordinarySchedule } from './generate/model.ts';

describe('a log once more', () => {
  const log = generate({
    seed: 3,
    events: 2000,
    days: 5,
    schedule: ordinarySchedule,
    givesUp: true,
    causes: [{ cause: 'retry_race', intensity: 0.02 }],
  });
  const path = join(tempDir(), 'attempts.jsonl');
  const text = String(logFormats[0]!.files(log)[0]!.content);
  writeFileSync(path, text);
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => parseAttemptLine(line)!);

  test('minute by minute it is what the backtest makes of JSON lines', async () => {
    const collector = new OutcomeCollector();
    for (const line of lines) collector.add(line);
    const until = Math.max(...lines.map((line) => line.started_at + (line.durationMs ?? 0)));
    const { minutes, overdue } = toHistory(collector.outcomes(), defaultObjective, defaultRules, until);
    const read = await readMinutes(
      { files: [path] },
      { withinMs: defaultObjective.withinMs, graceMs: 300_000 },
    );
    expect(read.from).toBe(minutes.from);
    expect(read.until).toBe(until);
    expect(read.due.length).toBe(minutes.minutes);
    for (let at = 0; at < minutes.minutes; at++)
      expect([at, read.due[at], read.bad[at], read.overdue[at]]).toEqual([
        at,
        minutes.window(at, 60_000).due,
        minutes.window(at, 60_000).bad,
        overdue[at],
      ]);
    expect(minutes.all.bad).toBeGreaterThan(20);
    expect(Math.max(...read.overdue)).toBeGreaterThan(0);
  });

  test('a sample is of whole events', async () => {
    const all = await sampleAttempts({ files: [path] }, 1e6);
    expect(all.length).toBe(lines.length);
    const some = await sampleAttempts({ files: [path] }, 700);
    expect(some.length).toBeGreaterThan(400);
    expect(some.length).toBeLessThan(1100);
    const perEvent = Map.groupBy(all, (line) => line.event_id);
    for (const [id, own] of Map.groupBy(some, (line) => line.event_id))
      expect(own.length).toBe(perEvent.get(id)!.length);
  });
});
