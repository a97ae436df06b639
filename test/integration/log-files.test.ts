import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { tempDir } from '../support.ts';
import { runHere } from './run-here.ts';

// Logs as commands find them on a disk: cut, read by one option and written by another, or a pipe.

const log = Array.from({ length: 200 }, (_, n) =>
  JSON.stringify({
    event_id: `evt_${n}`,
    started_at: 1_767_225_600 + n * 60,
    duration_ms: 10,
    status_code: 200,
  }),
).join('\n');
let dir: string;
let whole: string;
beforeEach(() => {
  dir = tempDir();
  whole = join(dir, 'whole.jsonl');
  writeFileSync(whole, `${log}\n`);
});
const deploy = ['--deploy', '2026-01-01T01:00Z'];

test('G5: impact says which lines of a log it cannot read, and ends with 1', async () => {
  const cut = join(dir, 'cut.jsonl');
  writeFileSync(cut, log.slice(0, -20));
  for (const args of [
    ['--before', whole, '--after', cut],
    [cut, ...deploy],
  ]) {
    const { code, out, err } = await runHere('impact', ...args, '--json');
    expect(err).toMatch(/1 of \d+ lines of .*cut\.jsonl.* cannot be read and are missing from this result/);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ version: 1 });
  }
  expect(await runHere('impact', whole, ...deploy)).toMatchObject({ code: 0, err: '' });
});

test.each([
  ['audit', '--missing'],
  ['audit', '--html'],
  ['impact', '--html', ...deploy],
  ['alerts backtest', '--html'],
  ['lab', '--log'],
])('no command overwrites what it reads: %s %s', async (command, option, ...rest) => {
  const other = join(dir, 'same-file.jsonl');
  linkSync(whole, other);
  const input = { lab: ['--calibrate'], 'alerts backtest': ['--from-log'] }[command] ?? [];
  const { code, err } = await runHere(...command.split(' '), ...input, whole, option!, other, ...rest);
  expect(err).toMatch(/is read by this command and would be overwritten/);
  expect(code).toBe(2);
  expect(readFileSync(whole, 'utf8')).toBe(`${log}\n`);
});

test('audit says that a pipe cannot be audited, and does not wait for one', async () => {
  const pipe = join(dir, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const { code, err } = await runHere('audit', pipe);
  expect(err).toMatch(/is a pipe, which can be read only once: write it to a file/);
  expect(code).toBe(2);
});

test('impact refuses a store beside logs, which it would not read', async () => {
  for (const args of [
    [whole, ...deploy],
    ['--before', whole, '--after', whole],
  ])
    expect(await runHere('impact', ...args, '--data-dir', dir)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--data-dir and --database-url cannot be used with/) as string,
    });
});
