import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { tempDir } from '../support.ts';
import { dataOf, earlierVersions, expectedUse, keepsAll, useUpgraded } from '../upgrades/upgraded.ts';
import { runHere } from './run-here.ts';
import { serve } from './serving.ts';

// Data that an earlier version has written, brought forward by a start; PostgreSQL: postgres-opening.test.ts.

function restored(version: string): string {
  const dataDir = join(tempDir(), 'data');
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, 'posthorn.db'), dataOf(version, 'db'));
  return dataDir;
}

describe.each(earlierVersions('db'))('from %s', (version) => {
  test('G1, G5, G6: all that was accepted is there, can be used, and verifies', async () => {
    const dataDir = restored(version);
    const first = await runHere('verify', '--data-dir', dataDir);
    expect(first).toMatchObject({ code: 2, err: expect.stringContaining('brings it up to date') });
    const { client, stop } = await serve({ dataDir, ...keepsAll });
    expect(await useUpgraded(client)).toEqual(expectedUse);
    await stop();
    const verified = await runHere('verify', '--data-dir', dataDir, '--json');
    expect(verified, verified.err).toMatchObject({ code: 0 });
    expect(JSON.parse(verified.out)).toMatchObject({ balanced: true });
  });
});

test('data of a newer version is refused in one sentence, and is as it was', async () => {
  const dataDir = restored(earlierVersions('db')[0]!);
  const file = join(dataDir, 'posthorn.db');
  const open = (): DatabaseSync => new DatabaseSync(file);
  let db = open();
  db.exec('PRAGMA user_version = 900');
  db.close();
  await expect(serve({ dataDir })).rejects.toThrow(
    /was written by a newer Posthorn \(schema 900, this one knows \d+\); use that version, or a newer one$/,
  );
  db = open();
  expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: 900 });
  expect(db.prepare('SELECT count(*) AS n FROM events').get()).toEqual({ n: 21 });
  db.close();
});
