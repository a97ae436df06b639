import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { anEndpoint, anEvent, start } from '../../../../../test/support.ts';
import { StoreFaultError, StoreOpenError } from '../../domain/errors.ts';
import type { Store } from '../store.ts';
import { openHere } from './open-here.ts';
import { openSqliteStore } from './open.ts';

const options = { now: start, node: 'a', leaseMs: 1, defaultRoom: 0, room: new Map<string, number>() };
const temp = (): string => mkdtempSync(join(tmpdir(), 'posthorn-files-'));
const modeOf = (path: string): number => statSync(path).mode & 0o777;
const accept = (store: Store, count = 1) =>
  store.write.accept(
    [Array.from({ length: count }, () => anEvent({ data: JSON.stringify('x'.repeat(500)) }))],
    options,
  );

/** A directory with an endpoint and events in it, as a clean stop leaves it. */
async function filled(events = 200): Promise<string> {
  const dataDir = temp();
  const store = openHere({ dataDir });
  await store.write.createEndpoint(anEndpoint());
  await accept(store, events);
  await store.close();
  return dataDir;
}

/** A copy of a running directory: as a kill leaves it, with commits that only the log holds. */
async function killed(transactions: number): Promise<string> {
  const dataDir = temp();
  const store = openHere({ dataDir });
  await store.write.createEndpoint(anEndpoint());
  for (let n = 0; n < transactions; n++) await accept(store);
  const copy = temp();
  for (const name of ['posthorn.db', 'posthorn.db-wal']) cpSync(join(dataDir, name), join(copy, name));
  await store.close();
  return copy;
}

function flip(path: string, at: number, bytes = 1): void {
  const content = readFileSync(path);
  for (let n = at; n < at + bytes; n++) content[n] = content[n]! ^ 0xff;
  writeFileSync(path, content);
}

describe('G9: files are closed to other users', () => {
  test('whatever the umask and the modes that were there', async () => {
    const before = process.umask(0);
    try {
      const dataDir = join(temp(), 'made');
      const store = openHere({ dataDir });
      await accept(store);
      const names = ['posthorn.db', 'posthorn.db-wal', 'posthorn.db-shm', 'posthorn.lock'];
      expect(names.map((name) => modeOf(join(dataDir, name)))).toEqual(names.map(() => 0o600));
      expect(modeOf(dataDir)).toBe(0o700);
      await store.close();
      chmodSync(dataDir, 0o755);
      chmodSync(join(dataDir, 'posthorn.db'), 0o644);
      chmodSync(join(dataDir, 'posthorn.lock'), 0o666);
      writeFileSync(join(dataDir, 'posthorn.db-wal'), '', { mode: 0o644 });
      const again = openHere({ dataDir });
      expect(names.map((name) => modeOf(join(dataDir, name)))).toEqual(names.map(() => 0o600));
      expect(modeOf(dataDir)).toBe(0o700);
      await again.close();
    } finally {
      process.umask(before);
    }
  });

  test('a directory that holds other files keeps its mode', async () => {
    const dataDir = temp();
    chmodSync(dataDir, 0o755);
    writeFileSync(join(dataDir, 'another-users'), '');
    await openHere({ dataDir }).close();
    expect([modeOf(dataDir), modeOf(join(dataDir, 'posthorn.db'))]).toEqual([0o755, 0o600]);
  });
});

describe('a path that cannot be a data directory is refused at once, in one sentence', () => {
  const loop = join(temp(), 'loop');
  symlinkSync(loop, loop);
  const dangling = join(temp(), 'dangling');
  symlinkSync(join(temp(), 'nothing', 'there'), dangling);
  const file = join(temp(), 'file');
  writeFileSync(file, '');
  const pipe = join(temp(), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const within = (make: (path: string) => void, name = 'posthorn.db'): string => {
    const dataDir = temp();
    make(join(dataDir, name));
    return dataDir;
  };
  test.each([
    ['a file', file, /it is a file; choose another with --data-dir/],
    ['below a file', join(file, 'x'), /a part of its path is a file/],
    ['a named pipe', pipe, /it is a named pipe/],
    ['a device', '/dev/null', /it is a device/],
    ['below a device', '/dev/null/x', /a part of its path is a file/],
    ['a loop', loop, /loop of symbolic links/],
    ['below a loop', join(loop, 'x'), /loop of symbolic links/],
    ['a link to nothing', dangling, /symbolic link to nothing/],
    [
      'too long a path',
      `/tmp/${'x'.repeat(100)}/${'y'.repeat(200)}/${'z'.repeat(200)}`,
      /has more than \d+ bytes/,
    ],
    ['too long a name', `/tmp/${'x'.repeat(300)}`, /too long/],
    ['NUL', '/tmp/a\0b', /NUL/],
    ['the kernel', '/proc/posthorn', /cannot be used/],
    [
      'a database that is a pipe',
      within((path) => execFileSync('mkfifo', [path])),
      /posthorn.db in it is a named pipe/,
    ],
    ['a database that is a directory', within((path) => mkdirSync(path)), /posthorn.db in it is a directory/],
    [
      'a log that is a directory',
      within((path) => mkdirSync(path), 'posthorn.db-wal'),
      /posthorn.db-wal in it/,
    ],
    [
      'a lock that is a pipe',
      within((path) => execFileSync('mkfifo', [path]), 'posthorn.lock'),
      /posthorn.lock in it/,
    ],
  ])('%s', async (_, dataDir, sentence) => {
    for (const thread of [false, true]) {
      const error = await openSqliteStore({ dataDir, thread }).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(StoreOpenError);
      expect((error as Error).message).toMatch(sentence);
      expect((error as Error).message).toMatch(/^the data directory .*--data-dir$/);
    }
  });

  test('one that is not there, is relative, or is reached by a link is made and used', async () => {
    const target = temp();
    const link = join(temp(), 'link');
    symlinkSync(target, link);
    for (const dataDir of [join(temp(), 'a', 'b', 'c'), link]) await openHere({ dataDir }).close();
    expect(existsSync(join(target, 'posthorn.db'))).toBe(true);
  });
});

describe('damage is named with its file and the next step', () => {
  const message = async (open: () => Promise<unknown> | Store): Promise<string> => {
    try {
      const store = (await open()) as Store;
      try {
        await store.read.conservation();
        await store.read.findTampered(10);
      } finally {
        await store.close();
      }
    } catch (error) {
      expect(error).toBeInstanceOf(error instanceof StoreOpenError ? StoreOpenError : StoreFaultError);
      return (error as Error).message;
    }
    return '';
  };
  const ways = (dataDir: string): (() => Promise<unknown> | Store)[] => [
    () => openHere({ dataDir, readOnly: true }),
    () => openHere({ dataDir }),
    () => openSqliteStore({ dataDir, thread: true }),
  ];

  test.each<[string, (database: string) => void, RegExp]>([
    [
      'a header that is not SQLite',
      (path) => flip(path, 0, 16),
      /posthorn\.db is damaged \(file is not a database/,
    ],
    [
      'a page of zeros',
      (path) => flip(path, 8192, 8192),
      /posthorn\.db is damaged .*verify.*restore a backup/,
    ],
    [
      'half of the file',
      (path) => truncateSync(path, 3 * 8192),
      /posthorn\.db is damaged .*restore a backup/,
    ],
    ['text', (path) => writeFileSync(path, 'hello '.repeat(5000)), /posthorn\.db is damaged/],
  ])('%s', async (_, damage, sentence) => {
    const dataDir = await filled();
    damage(join(dataDir, 'posthorn.db'));
    for (const open of ways(dataDir)) expect(await message(open)).toMatch(sentence);
  });

  test('an empty database where there was one is not taken for a new store', async () => {
    const dataDir = await filled();
    truncateSync(join(dataDir, 'posthorn.db'), 0);
    expect(await message(() => openHere({ dataDir }))).toMatch(/missing or empty.*restore a backup/);
    expect(await message(() => openHere({ dataDir, readOnly: true }))).toMatch(/is empty: restore a backup/);
    rmSync(join(dataDir, 'posthorn.db'));
    expect(await message(() => openHere({ dataDir }))).toMatch(/missing or empty.*restore a backup/);
    rmSync(join(dataDir, 'posthorn.lock'));
    expect(await message(() => openHere({ dataDir }))).toBe('');
  });

  test('a document that is not JSON any more', async () => {
    const dataDir = await filled();
    const db = new DatabaseSync(join(dataDir, 'posthorn.db'));
    db.exec('UPDATE endpoints SET document = substr(document, 2)');
    db.close();
    expect(await message(() => openHere({ dataDir }))).toMatch(
      /document of an endpoint is not JSON.*restore/,
    );
  });

  test('a row that its code cannot have written', async () => {
    const dataDir = await filled();
    const db = new DatabaseSync(join(dataDir, 'posthorn.db'));
    db.exec("UPDATE endpoints SET document = 'null'");
    db.close();
    expect(await message(() => openHere({ dataDir }))).toMatch(
      /damaged \(a row .*not what Posthorn writes.*restore/,
    );
  });

  test('a lock file of something else', async () => {
    const dataDir = await filled();
    writeFileSync(join(dataDir, 'posthorn.lock'), 'x'.repeat(5000));
    expect(await message(() => openHere({ dataDir }))).toMatch(
      /lock file .* is damaged .*remove the lock file/,
    );
  });

  test('G1: one flipped bit in the log does not silently lose the commits behind it', async () => {
    const dataDir = await killed(12);
    const log = join(dataDir, 'posthorn.db-wal');
    expect(await message(() => openHere({ dataDir, readOnly: true }))).toBe('');
    flip(log, Math.floor(statSync(log).size / 3));
    for (const open of ways(dataDir))
      expect(await message(open)).toMatch(/posthorn\.db-wal is damaged .*later commits.*restore a backup/);
    const header = await killed(3);
    flip(join(header, 'posthorn.db-wal'), 8);
    expect(await message(() => openHere({ dataDir: header }))).toMatch(
      /posthorn\.db-wal is damaged .*header/,
    );
  });

  test('a torn last commit, as a power failure leaves it, is not damage', async () => {
    const dataDir = await killed(12);
    const log = join(dataDir, 'posthorn.db-wal');
    truncateSync(log, statSync(log).size - 5000);
    expect(await message(() => openHere({ dataDir }))).toBe('');
  });
});

describe('G1: nothing is acknowledged into files that cannot be read again', () => {
  const names = ['posthorn.db', 'posthorn.db-wal', 'posthorn.db-shm', 'posthorn.lock'];
  test.each(names)('%s is removed, and put back', async (name) => {
    const dataDir = temp();
    const store = openHere({ dataDir });
    await accept(store);
    renameSync(join(dataDir, name), join(dataDir, 'aside'));
    await expect(accept(store)).rejects.toMatchObject({ name: 'StoreFaultError', fault: 'missing' });
    await expect(store.read.checkFiles({ everyPage: false })).rejects.toThrow(
      `${name} is missing in the data directory`,
    );
    renameSync(join(dataDir, 'aside'), join(dataDir, name));
    await store.read.checkFiles({ everyPage: false });
    await accept(store);
    await store.close();
  });

  test('the directory is moved away and another one takes its place', async () => {
    const dataDir = join(temp(), 'data');
    const store = await openSqliteStore({ dataDir, thread: true });
    await accept(store);
    renameSync(dataDir, `${dataDir}-old`);
    await expect(accept(store)).rejects.toMatchObject({ name: 'StoreFaultError', fault: 'missing' });
    cpSync(`${dataDir}-old`, dataDir, { recursive: true });
    await expect(accept(store)).rejects.toMatchObject({ name: 'StoreFaultError', fault: 'replaced' });
    await store.close();
  });

  test('damage that a reading finds stops every write', async () => {
    const dataDir = await filled(2000);
    const { page_size: size } = new DatabaseSync(join(dataDir, 'posthorn.db'))
      .prepare('PRAGMA page_size')
      .get() as { page_size: number };
    const store = await openSqliteStore({ dataDir, thread: true });
    await accept(store);
    const path = join(dataDir, 'posthorn.db');
    // Everything but the header and the pages that the writer holds in its cache.
    flip(path, 20 * size, statSync(path).size - 20 * size);
    await expect(store.read.conservation()).rejects.toMatchObject({
      name: 'StoreFaultError',
      fault: 'damaged',
    });
    await expect(accept(store)).rejects.toMatchObject({ name: 'StoreFaultError', fault: 'damaged' });
    await expect(store.read.checkFiles({ everyPage: false })).rejects.toThrow(/is damaged/);
    await store.close();
  });
});

describe('a schema number that says more than its tables', () => {
  const changed = async (sql: string): Promise<string> => {
    const dataDir = await filled(1);
    const db = new DatabaseSync(join(dataDir, 'posthorn.db'));
    db.exec(sql);
    db.close();
    return dataDir;
  };
  test.each([
    ['a table', 'DROP TABLE failures', /lacks table failures, index failures_fine/],
    ['a column', 'ALTER TABLE deliveries DROP COLUMN message', /lacks column deliveries.message/],
    ['an index', 'DROP INDEX events_id', /lacks index events_id/],
    ['everything', 'PRAGMA user_version = 2; DROP TABLE documents', /schema 2, but lacks table documents/],
    ['a newer one', 'PRAGMA user_version = 900', /newer Posthorn \(schema 900/],
    ['a negative one', 'PRAGMA user_version = -1', /damaged \(its schema number is -1/],
  ])('%s is missing', async (_, sql, sentence) => {
    const dataDir = await changed(sql);
    for (const readOnly of [true, false])
      expect(() => openHere({ dataDir, readOnly })).toThrow(
        readOnly && sql.includes('= 2') ? /schema 2/ : sentence,
      );
  });

  test("another program's database is not made ours", () => {
    const dataDir = temp();
    const db = new DatabaseSync(join(dataDir, 'posthorn.db'));
    db.exec('CREATE TABLE settings (a)');
    db.close();
    expect(() => openHere({ dataDir })).toThrow(/not written by a released Posthorn/);
  });
});
