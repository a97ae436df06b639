import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { deliveryId } from '../../packages/posthorn/src/domain/ids.ts';
import { reconcile } from '../../packages/posthorn/src/ledger/reconciler.ts';
import { senderInAlerts } from '../../packages/posthorn/src/store/sqlite/alerts.ts';
import { Database } from '../../packages/posthorn/src/store/sqlite/database.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import { agesAt, anEndpoint, anEvent, start, tempDir } from '../support.ts';
import { describeAccounting } from './accounting-conformance.ts';
import { describeOverview } from './overview-conformance.ts';
import { describeSeries } from './series-conformance.ts';
import { settlementOf } from '../settlement.ts';
import { describeStore } from './store-conformance.ts';
import { describeWorth } from './worth-conformance.ts';
import { describeAuditTampering } from './store/audit-tampering.ts';
import { describeAlertWords } from './store/alert-words.ts';
import { describeDigests } from './store/digests.ts';
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
    await expect(store.write.stepRedrive('none', 1, start)).rejects.toThrow('there is no redrive none');
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

describe('G6: tampering is found and named', () => {
  async function filled(): Promise<{ dataDir: string; numbers: number[]; events: string[] }> {
    const dataDir = tempDir();
    const store = await openSqliteStore({ dataDir });
    const endpoint = anEndpoint();
    await store.write.createEndpoint(endpoint);
    const events = Array.from({ length: 5 }, (_, n) => `event-${n}`);
    await store.write.accept([events.map((id) => anEvent({ id }))], {
      now: start,
      node: 'a',
      leaseMs: 1,
      defaultRoom: 0,
      room: new Map(),
    });
    const { deliveries } = await store.write.claim({
      endpointId: endpoint.id,
      shards: null,
      limit: 3,
      maxPayload: 1e9,
      now: start,
      leaseMs: 1,
      node: 'a',
    });
    await store.write.settle(
      deliveries.map((d, n) => settlementOf(d, n === 2 ? 'dead' : 'delivered', start)),
    );
    await store.close();
    return {
      dataDir,
      numbers: deliveries.map(({ number }) => number),
      events: deliveries.map(({ eventId }) => eventId),
    };
  }
  const check = async (dataDir: string) => {
    const store = await openSqliteStore({ dataDir, readOnly: true });
    try {
      return await reconcile(store.read, { everyRow: true });
    } finally {
      await store.close();
    }
  };
  const tamper = (dataDir: string, sql: string, ...values: (string | number)[]): void => {
    const db = new DatabaseSync(join(dataDir, 'posthorn.db'));
    expect(db.prepare(sql).run(...values).changes).toBe(1);
    db.close();
  };

  test('untouched, it balances', async () => {
    expect(await check((await filled()).dataDir)).toMatchObject({
      balanced: true,
      unaccounted: 0,
      findings: [],
    });
  });

  test('a deleted delivery is unaccounted for and names its event', async () => {
    const { dataDir, numbers, events } = await filled();
    tamper(dataDir, 'DELETE FROM deliveries WHERE number = ?', numbers[0]!);
    expect(await check(dataDir)).toMatchObject({
      balanced: false,
      unaccounted: 1,
      findings: [{ eventId: events[0] }],
    });
  });

  test.each([
    ['delivered to dead', 'UPDATE deliveries SET state = 2 WHERE number = ?', 0],
    ['delivered to cancelled', 'UPDATE deliveries SET state = 3 WHERE number = ?', 0],
    ['delivered to pending', 'UPDATE deliveries SET state = 0, due_at = 1 WHERE number = ?', 0],
    ['dead to delivered', 'UPDATE deliveries SET state = 1 WHERE number = ?', 2],
    ['dead to suppressed', 'UPDATE deliveries SET state = 4 WHERE number = ?', 2],
  ])('a flipped state (%s) names its delivery', async (_, sql, index) => {
    const { dataDir, numbers } = await filled();
    tamper(dataDir, sql, numbers[index]!);
    const result = await check(dataDir);
    expect(result.balanced).toBe(false);
    expect(result.findings.map(({ number }) => deliveryId(number!))).toContain(deliveryId(numbers[index]!));
  });

  test('a deleted event and an edited counter are found', async () => {
    const { dataDir, events, numbers } = await filled();
    tamper(dataDir, 'DELETE FROM events WHERE id = ?', events[1]!);
    expect((await check(dataDir)).findings).toMatchObject([{ number: numbers[1] }]);
    const other = await filled();
    tamper(other.dataDir, 'UPDATE ledger SET accepted = accepted + 1');
    expect(await check(other.dataDir)).toMatchObject({ balanced: false, unaccounted: 1 });
  });
});
