import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { sniff } from './files.ts';
import { joinPartialLines } from './partial-lines.ts';

const directory = mkdtempSync(join(tmpdir(), 'posthorn-partial-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function joined(lines: readonly string[]): Promise<string[] | null> {
  const path = join(directory, 'in.log');
  const out = join(directory, 'out.log');
  writeFileSync(path, `${lines.join('\n')}\n`);
  const isJoined = await joinPartialLines(await sniff(path), out, undefined);
  return isJoined ? readFileSync(out, 'utf8').trimEnd().split('\n') : null;
}

const at = '2026-11-20T10:00:00.000000001Z';

test('the parts of a line of containerd are joined within their stream', async () => {
  expect(
    await joined([
      `${at} stdout F {"id":1}`,
      `${at} stdout P {"id":2,"a":"`,
      `${at} stderr F a warning`,
      `${at} stdout P b P c`,
      `${at} stdout F d"}`,
    ]),
  ).toEqual([`${at} stdout F {"id":1}`, `${at} stderr F a warning`, `${at} stdout F {"id":2,"a":"b P cd"}`]);
});

test('the parts of a line of Docker are joined', async () => {
  const line = (log: string): string => JSON.stringify({ log, stream: 'stdout', time: at });
  expect(await joined([line('{"id":1}\n'), line('{"id":2,'), line('"a":3}\n')])).toEqual([
    line('{"id":1}\n'),
    line('{"id":2,"a":3}\n'),
  ]);
});

test('lines that are whole, and lines of others, stay where they are', async () => {
  expect(await joined([`${at} stdout F {"id":1}`, `${at} stdout F {"id":2}`])).toBeNull();
  expect(await joined(['{"id":1}', '{"id":2}'])).toBeNull();
});
