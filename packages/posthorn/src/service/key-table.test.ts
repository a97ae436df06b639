import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { aKey } from '../../../../test/conformance/store/keys.ts';
import { aClock } from '../../../../test/manual-clock.ts';
import { UnavailableError } from '../domain/errors.ts';
import type { KeyRecord } from '../domain/key.ts';
import { createKeyTable } from './key-table.ts';

const hashFrom = (key: string): Buffer => Buffer.from(hash('sha256', key), 'hex');

/** A table over a store that counts what it is asked, and that another node may change. */
function made(...keys: readonly KeyRecord[]) {
  const clock = aClock();
  const state = { version: 1, keys, reads: 0, isAway: false, written: [] as unknown[] };
  const table = createKeyTable(
    {
      read: {
        knownKeys: async (seen) => {
          state.reads++;
          if (state.isAway) throw new UnavailableError('away');
          return seen === state.version ? null : { version: state.version, keys: state.keys };
        },
      },
      write: {
        recordKeyUses: async (uses) => {
          if (state.isAway) throw new UnavailableError('away');
          state.written.push(uses);
        },
      },
    },
    clock,
  );
  const change = (...changed: readonly KeyRecord[]): void => {
    state.version++;
    state.keys = changed;
  };
  const stateOf = (key: string): string | undefined => table.find(hashFrom(key))?.state;
  return { clock, state, table, change, stateOf };
}
const one = (fields: Partial<KeyRecord> = {}): KeyRecord =>
  aKey({ hash: hash('sha256', 'phk_one'), createdAt: 0, ...fields });

test('G9: requests read nothing while what is known is fresh, whatever keys they present', async () => {
  const { table, state, stateOf } = made(one());
  await table.current();
  for (let n = 0; n < 1000; n++) {
    expect(table.current()).toBeNull();
    expect(stateOf(`phk_guess_${n}`)).toBeUndefined();
  }
  expect(stateOf('phk_one')).toBe('active');
  expect(state.reads).toBe(1);
});

test('G9: a key that another node has revoked stops within a second; until then requests do not wait', async () => {
  const key = one();
  const { table, clock, state, change, stateOf } = made(key);
  await table.current();
  change({ ...key, revokedAt: 1 });
  clock.pass(499);
  expect(table.current()).toBeNull();
  expect(state.reads).toBe(1);
  clock.pass(1);
  // In the background.
  expect(table.current()).toBeNull();
  expect(state.reads).toBe(2);
  await Promise.resolve();
  await table.current();
  expect(stateOf('phk_one')).toBe('revoked');
  change(key);
  clock.pass(1000);
  const reading = table.current();
  expect(reading).not.toBeNull();
  await reading;
  expect(stateOf('phk_one')).toBe('active');
});

test('G9: a change on this node applies when it is done, also if a read was under way', async () => {
  const key = one();
  const { table, change, stateOf } = made(key);
  const reading = table.current();
  change({ ...key, revokedAt: 1 });
  await table.refresh();
  expect(stateOf('phk_one')).toBe('revoked');
  await reading;
  expect(table.callerBy(key.id)).toBeNull();
});

test('G9: while the store is away keys are honored for a second, and then refused as unavailable', async () => {
  const { table, clock, state, stateOf } = made(one());
  await table.current();
  state.isAway = true;
  clock.pass(600);
  expect(table.current()).toBeNull();
  expect(stateOf('phk_one')).toBe('active');
  clock.pass(400);
  await expect(table.current()).rejects.toThrow(UnavailableError);
  state.isAway = false;
  await table.current();
  expect(stateOf('phk_one')).toBe('active');
});

test('G9: a key expires at its time, and the one before a rotation when its grace ends', async () => {
  const key = one({ expiresAt: 900, former: { hash: hash('sha256', 'phk_former'), until: 300 } });
  const { table, clock, stateOf } = made(key);
  await table.current();
  expect([stateOf('phk_one'), stateOf('phk_former')]).toEqual(['active', 'active']);
  expect(table.callerBy(key.id)).toMatchObject({ kind: 'key', id: key.id });
  clock.pass(299);
  expect(stateOf('phk_former')).toBe('active');
  clock.pass(1);
  expect([stateOf('phk_one'), stateOf('phk_former')]).toEqual(['active', 'expired']);
  clock.pass(600);
  expect([stateOf('phk_one'), stateOf('phk_former')]).toEqual(['expired', 'expired']);
  expect(table.callerBy(key.id)).toBeNull();
});

test('G8: a key has one second of its rate at once, and keeps what it has used over a change', async () => {
  const key = one({ ratePerS: 4 });
  const { table, clock, change } = made(key, aKey({ id: 'key_free' }));
  await table.current();
  const taken = (): number[] => Array.from({ length: 6 }, () => table.take(key.id));
  expect(taken()).toEqual([0, 0, 0, 0, 250, 250]);
  change(key);
  await table.refresh();
  expect(table.take(key.id)).toBe(250);
  clock.pass(250);
  expect([table.take(key.id), table.take(key.id)]).toEqual([0, 250]);
  clock.pass(3_600_000);
  expect(taken().filter((waitMs) => waitMs === 0)).toHaveLength(4);
  expect(table.take('key_free')).toBe(0);
});

test('a rate below one a second lets one request through at once', async () => {
  const key = one({ ratePerS: 0.5 });
  const { table, clock } = made(key);
  await table.current();
  expect([table.take(key.id), table.take(key.id)]).toEqual([0, 2000]);
  clock.pass(2000);
  expect(table.take(key.id)).toBe(0);
});

test('uses are written in the background: one write for all, and every ten seconds at most', async () => {
  const [a, b] = [one(), aKey()];
  const { table, clock, state } = made(a, b);
  await table.current();
  for (let n = 0; n < 100; n++) table.used(a.id, `192.0.2.${n}`);
  table.used(b.id, null);
  expect(table.lastUse(a.id)).toEqual({ at: 0, from: '192.0.2.99' });
  expect(state.written).toEqual([]);
  clock.pass(500);
  expect(state.written).toEqual([
    [
      { id: a.id, at: 0, from: '192.0.2.99' },
      { id: b.id, at: 0, from: null },
    ],
  ]);
  expect(table.lastUse(a.id)).toBeNull();
  table.used(a.id, null);
  clock.pass(9999);
  expect(state.written).toHaveLength(1);
  clock.pass(1);
  expect(state.written).toHaveLength(2);
});

test('uses that the store does not take are written later, and what is left when it closes', async () => {
  const key = one();
  const { table, clock, state } = made(key);
  await table.current();
  state.isAway = true;
  table.used(key.id, null);
  clock.pass(500);
  await Promise.resolve();
  state.isAway = false;
  clock.pass(10_000);
  expect(state.written).toHaveLength(1);
  table.used(key.id, '192.0.2.1');
  await table.close();
  expect(state.written.at(-1)).toMatchObject([{ from: '192.0.2.1' }]);
  clock.pass(60_000);
  expect(state.written).toHaveLength(2);
});
