import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openHere } from '../../packages/posthorn/src/store/sqlite/open-here.ts';
import { anEndpoint, anEvent, start, tempDir } from '../support.ts';
import { runHere } from './run-here.ts';

async function filled(): Promise<string> {
  const dataDir = tempDir();
  const store = openHere({ dataDir });
  await store.write.createEndpoint(anEndpoint());
  const events = Array.from({ length: 300 }, () => anEvent({ data: JSON.stringify('x'.repeat(300)) }));
  const options = { now: start, node: 'a', leaseMs: 1, defaultRoom: 0, room: new Map() };
  await store.write.accept([events], options);
  await store.close();
  return dataDir;
}

const bytes = (at: number, count: number) => (path: string) => {
  const content = readFileSync(path);
  for (let n = at; n < Math.min(content.length, at + count); n++) content[n] = content[n]! ^ 0xff;
  writeFileSync(path, content);
};
const sql = (text: string) => (path: string) => {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA ignore_check_constraints = ON; ${text}`);
  db.close();
};

const damages: readonly (readonly [string, (path: string) => void])[] = [
  ['the magic number', bytes(0, 4)],
  ['the page size', bytes(16, 2)],
  ['the schema page', bytes(100, 600)],
  ...[1, 2, 3, 5, 8, 13, 21, 34].map((page): [string, (path: string) => void] => [
    `page ${page}`,
    bytes(page * 8192, 64),
  ]),
  ['an empty file', (path) => truncateSync(path, 0)],
  ['an odd length', (path) => truncateSync(path, 5 * 8192 + 17)],
  ['text', (path) => writeFileSync(path, 'not a database\n')],
  ['a document', sql("UPDATE endpoints SET document = 'x'")],
  ['an empty document', sql("UPDATE endpoints SET document = '{}'")],
  ['an unknown state', sql('UPDATE deliveries SET state = 9, due_at = NULL')],
  ['text for a number', sql("UPDATE deliveries SET endpoint = 'x', created_at = 'y'")],
  ['no endpoints', sql('DELETE FROM endpoints')],
  ['a document of null', sql("UPDATE endpoints SET document = 'null'")],
  ['a counter of text', sql("UPDATE ledger SET accepted = 'many'")],
];

test.each(damages)('G6: verify names the damage and the next step: %s', async (_, damage) => {
  const dataDir = await filled();
  damage(join(dataDir, 'posthorn.db'));
  const { code, out, err } = await runHere('verify', '--data-dir', dataDir);
  expect(code).not.toBe(0);
  const said = `${out}${err}`;
  expect(said).toMatch(/restore a backup|NOT BALANCED|FOUND|start `posthorn serve`/);
  expect(said).not.toMatch(/^\s+at .*\.ts:\d+/m);
  for (const args of [
    ['deliveries', '--attempts'],
    ['impact', '--deploy', '2026-01-01T00:00:00Z'],
    ['alerts', 'backtest'],
  ]) {
    const other = await runHere(...args, '--data-dir', dataDir).catch((error: Error) => error);
    expect(other).not.toBeInstanceOf(Error);
  }
});
