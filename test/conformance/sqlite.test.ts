import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { reconcile } from '../../packages/posthorn/src/ledger/reconciler.ts';
import { senderInAlerts } from '../../packages/posthorn/src/store/sqlite/tables.ts';
import { Database } from '../../packages/posthorn/src/store/sqlite/database.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import { agesAt, anEndpoint, anEvent, start, tempDir } from '../support.ts';
import { describeAccounting } from './accounting-conformance.ts';
import { describeOverview } from './overview-conformance.ts';
import { describeSeries } from './series-conformance.ts';
import { describeStore } from './store-conformance.ts';
import { describeWorth } from './worth-conformance.ts';
import { describeAuditTampering } from './store/audit-tampering.ts';
import { describeAlertWords } from './store/alert-words.ts';
import { describeDigests } from './store/digests.ts';
import { describeTampering } from './store/tampering.ts';
import { describeFanOut } from './store/fanning-out.ts';
import { everything } from '../../packages/posthorn/src/store/accounting.ts';

describeStore('SQLite in this thread', () => openSqliteStore({ dataDir: ':memory:' }));
describeAccounting('accounting on SQLite', () => openSqliteStore({ dataDir: ':memory:' }));
describeSeries('series on SQLite', () => openSqliteStore({ dataDir: ':memory:' }));
describeOverview('overview on SQLite', () => openSqliteStore({ dataDir: ':memory:' }));

const tamperable = async () => {
  const dataDir = tempDir();
  const store = await openSqliteStore({ dataDir, thread: true });
  const db = new DatabaseSync(join(dataDir, 'posthorn.db'));
  return {
    store,
    run: async (sql: string) => db.exec(sql),
    close: async () => {
      db.close();
      await store.close();
    },
  };
};
describeDigests('SQLite', tamperable);
describeTampering('SQLite', tamperable);
describeAuditTampering('SQLite', tamperable);
describeFanOut('SQLite', tamperable);
describeWorth('worth on SQLite', tamperable);
describeAlertWords('SQLite', tamperable, senderInAlerts);

describe('SQLite in its own thread', () => {
  test('carries every call over, and errors with their class', async () => {
    const dataDir = tempDir();
    const store = await openSqliteStore({ dataDir, thread: true });
    await store.write.createEndpoint(anEndpoint());
    const answer = await store.write.accept([[anEvent()]], {
      now: start,
      node: 'a',
      leaseMs: 1,
      defaultRoom: 1,
      room: new Map(),
    });
    expect(answer.claimed).toHaveLength(1);
    await expect(store.write.stepRedrive('none', 1, start)).rejects.toThrow('redrive none does not exist');
    await expect(openSqliteStore({ dataDir, thread: true })).rejects.toMatchObject({
      name: 'DataDirectoryLockedError',
    });
    await store.close();
    await expect(store.read.conservation()).rejects.toMatchObject({ name: 'UnavailableError' });
    await (await openSqliteStore({ dataDir })).close();
  });

  test('numbers are not used again after everything was pruned and the process restarted', async () => {
    const dataDir = tempDir();
    const options = { now: start, node: 'a', leaseMs: 1, defaultRoom: 9, room: new Map() };
    const numbers: number[] = [];
    for (let life = 0; life < 3; life++) {
      const store = await openSqliteStore({ dataDir });
      if (life === 0) await store.write.createEndpoint(anEndpoint({ eventTypes: ['a'] }));
      const { claimed } = await store.write.accept(
        [[anEvent({ type: 'a' }), anEvent({ type: 'unwanted' })]],
        options,
      );
      numbers.push(...claimed.map(({ number }) => Math.floor(number / 64)));
      await store.write.cancelDelivery(claimed[0]!.number, 'test', start);
      const { deleted } = await store.write.prune({
        ages: agesAt(start),
        settledBefore: start + 1,
        deadBefore: 0,
        limit: 9,
        after: -1,
      });
      expect(deleted).toBe(2);
      await store.close();
    }
    expect(numbers).toEqual([0, 1, 2]);
  });

  test('G1: a full disk refuses with UnavailableError, keeps nothing, and recovers', async () => {
    const dataDir = tempDir();
    const options = { now: start, node: 'a', leaseMs: 1, defaultRoom: 0, room: new Map() };
    const full = await openSqliteStore({ dataDir, maxBytes: 400_000, thread: true });
    await full.write.createEndpoint(anEndpoint());
    const large = () => anEvent({ data: JSON.stringify('x'.repeat(100_000)) });
    let accepted = 0;
    await expect(
      (async () => {
        for (; accepted < 20; accepted++) await full.write.accept([[large()]], options);
      })(),
    ).rejects.toMatchObject({ name: 'UnavailableError' });
    const counts = await full.read.accounting({
      ...everything,
      now: start,
    });
    expect(counts).toMatchObject({ events: accepted, accepted });
    expect((await reconcile(full.read, { everyRow: true })).balanced).toBe(true);
    await full.close();
    const roomy = await openSqliteStore({ dataDir });
    await roomy.write.accept([[large()]], options);
    await roomy.close();
  });
});

test('G1: a commit returns when it is on the disk, not before', () => {
  const db = new Database(join(tempDir(), 'posthorn.db'));
  // 2 is FULL: with less, a commit is lost with the power. No killed process can show that, so it is asked for.
  expect([db.get('PRAGMA journal_mode'), db.get('PRAGMA synchronous')]).toEqual([['wal'], [2]]);
  // Nor may a transaction that does not wait leave the next one without.
  const failing = (): void => {
    throw new Error('in the middle');
  };
  db.transactionUnsynced(() => expect(db.get('PRAGMA synchronous')).toEqual([1]));
  expect(() => db.transactionUnsynced(failing)).toThrow('in the middle');
  expect(db.get('PRAGMA synchronous')).toEqual([2]);
  db.close();
});

test('G4: what a transaction has written before it throws is not kept', () => {
  const db = new Database(':memory:');
  db.run('CREATE TABLE t (n)');
  const write = (n: number) => db.run('INSERT INTO t VALUES (?)', n);
  expect(() =>
    db.transaction(() => {
      write(1);
      throw new Error('in the middle');
    }),
  ).toThrow('in the middle');
  db.transaction(() => write(2));
  expect(db.all('SELECT n FROM t')).toEqual([[2]]);
  db.close();
});
