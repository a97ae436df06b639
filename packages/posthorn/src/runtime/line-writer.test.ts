import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../../../../test/support.ts';
import { createLineWriter } from './line-writer.ts';

const path = (name: string): string => join(mkdtempSync(join(tmpdir(), 'posthorn-log-')), name);

test('lines reach a file in their order', async () => {
  const file = path('log');
  const fd = openSync(file, 'w');
  const writer = createLineWriter(fd);
  const lines = Array.from({ length: 3000 }, (_, n) => `{"line":${n},"text":"é${'x'.repeat(n % 100)}"}\n`);
  for (const line of lines) writer.write(line);
  await until('all are written', () => readFileSync(file, 'utf8') === lines.join(''));
  expect(writer.dropped).toBe(0);
  closeSync(fd);
});

test('a pipe without a reader costs lines, not time; they are counted, and it says so when it is read again', async () => {
  const pipe = path('pipe');
  execFileSync('mkfifo', [pipe]);
  const fd = openSync(pipe, constants.O_RDWR);
  const writer = createLineWriter(fd);
  let recovered = 0;
  writer.onRecovered = (dropped) => (recovered += dropped);
  const line = `${'y'.repeat(999)}\n`;
  for (let n = 0; n < 5000; n++) writer.write(line);
  expect(writer.dropped).toBeGreaterThan(3000);
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'ignore'] });
  let read = 0;
  reader.stdout.on('data', (chunk: Buffer) => (read += chunk.length));
  await until('what waited has been read', () => read === (5000 - writer.dropped) * 1000);
  await until('it says how many are missing', () => recovered === writer.dropped);
  reader.kill();
  closeSync(fd);
});

test('a full disk costs lines, and is tried again', async () => {
  const fd = openSync('/dev/full', 'w');
  const writer = createLineWriter(fd);
  for (let n = 0; n < 2000; n++) writer.write(`${'z'.repeat(999)}\n`);
  expect(writer.dropped).toBeGreaterThan(500);
  closeSync(fd);
});

test('a descriptor that is closed, or whose reader has gone, takes nothing and throws nothing', async () => {
  const child = spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore'] });
  const { fd } = (child.stdin as unknown as { _handle: { fd: number } })._handle;
  const writer = createLineWriter(fd);
  child.kill();
  await once(child, 'exit');
  for (let n = 0; n < 10; n++) writer.write('not read\n');
  await until('they are counted', () => writer.dropped > 0);
  const closed = createLineWriter(999_999);
  closed.write('x\n');
  expect(closed.dropped).toBe(1);
});
