import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { command } from '../bundles.ts';
import { wilson } from '../../packages/posthorn/src/domain/statistics.ts';
import { tempDir } from '../support.ts';

/** A command line without quotes. */
function posthorn(cwd: string, line: string): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...line.split(' ')], { cwd, maxBuffer: 1e8 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

// docs/guides/incident-walkthrough.md, with small sizes.
describe('the incident from its log to the proof', () => {
  test('found, named, priced, reproduced, and gone', async () => {
    const dir = tempDir();
    const payments = 6000;
    const lab = await posthorn(
      dir,
      `lab incident --payments ${payments} --hours 48 --log before.jsonl --json`,
    );
    expect(lab.code).toBe(0);
    const { naive } = JSON.parse(lab.out);
    expect(naive.silently_dropped).toBeGreaterThan(5);

    // The audit knows nothing of the lab: it reads the service's own log.
    const audit = await posthorn(
      dir,
      'audit before.jsonl --json --missing missing.csv --scenario incident.yaml --html incident.html --markdown post-mortem.md --service payment-notifications --owner payments',
    );
    expect(audit.err).toContain('the scenario is in incident.yaml');
    expect(audit.code).toBe(1);
    const found = JSON.parse(audit.out);
    expect(found.verdicts.silently_dropped).toBe(naive.silently_dropped);
    expect(found.causes[0]).toMatchObject({ cause: 'retry_race', kind: 'proof' });
    expect(found.value_at_risk).toMatchObject(naive.value_at_risk);
    const missing = readFileSync(join(dir, 'missing.csv'), 'utf8').trimEnd().split('\n').slice(1);
    expect(missing.filter((line) => line.includes('silently_dropped'))).toHaveLength(naive.silently_dropped);
    expect(readFileSync(join(dir, 'incident.html'), 'utf8')).toContain('retry race');
    const report = readFileSync(join(dir, 'post-mortem.md'), 'utf8');
    expect(report).toContain('payment-notifications, owned by payments');
    // What would have caught it comes from replaying the alert rules over this log.
    expect(report).toMatch(/\| overdue \| page \| [\d.]+ (min|h|days) \|/);

    // The scenario has the race in it, and Posthorn beside it.
    const again = await posthorn(dir, 'lab incident.yaml --seed 7 --posthorn-log after.jsonl --json');
    expect(again.code).toBe(0);
    const world = JSON.parse(again.out);
    const [lo, hi] = wilson(naive.silently_dropped, payments);
    expect(world.naive.silent_drop_rate).toBeGreaterThan(lo / 3);
    expect(world.naive.silent_drop_rate).toBeLessThan(hi * 3);
    expect(world.posthorn.lost).toBe(0);

    const impact = await posthorn(dir, 'impact --before before.jsonl --after after.jsonl --json');
    const result = JSON.parse(impact.out);
    expect(result).toMatchObject({
      verdict: 'better',
      before: { silently_dropped: naive.silently_dropped },
      after: { silently_dropped: 0, drop_rate: 0 },
      // The service's log does not name types, so it cannot show whether the traffic was of the same kinds.
      exposure: { equal: null },
    });
    expect(result.after.drop_interval[1]).toBeCloseTo(wilson(0, result.after.events)[1], 12);
    expect(result.difference.interval[0]).toBeGreaterThan(0);
    expect(result.recovered_per_week[0]).toMatchObject({ currency: 'USD' });
    expect(result.before.time_to_detect.by).toContain('alert rule');
    expect(impact.code).toBe(0);
  });
});
