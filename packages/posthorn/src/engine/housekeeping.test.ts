import { expect, test } from 'vitest';
import type { Ages } from '../domain/clock-record.ts';
import { secondMs } from '../domain/time.ts';
import { nodeClock } from '../runtime/clock.ts';
import { FormerTimeError } from '../store/leap.ts';
import { defaultRetention, Housekeeping } from './housekeeping.ts';

const start = Date.UTC(2026, 0, 1);
const quiet = (): void => {};

/** A node that keeps house; rounds come when the test says so. */
function aNode(shared: boolean) {
  let next: (() => void) | undefined;
  let isFormer = false;
  let monotonic = 100 * secondMs;
  const calls: string[] = [];
  const shown: unknown[] = [];
  const head = {
    firstSequence: 1,
    firstPreviousHash: '00',
    sequence: 1,
    hash: '01',
    sealedFrom: null,
    seal: null,
  };
  const asked: Ages[] = [];
  const call = async <T>(name: string, ages: Ages | null, answer: T): Promise<T> => {
    calls.push(name);
    if (ages !== null) asked.push(ages);
    if (isFormer && ages !== null) throw new FormerTimeError('the clock has jumped');
    return answer;
  };
  const housekeeping = new Housekeeping({
    store: {
      write: {
        prune: ({ ages }) => call('prune', ages, { deleted: 0, next: null }),
        cancelOrphans: () => call('cancelOrphans', null, 0),
        pruneSessions: async () => 0,
        pruneKeyedRequests: (ages) => call('pruneKeyedRequests', ages, 0),
        pruneAuditLog: (ages) => call('pruneAuditLog', ages, 0),
        fold: () => call('fold', null, false),
      },
      read: { auditChain: () => call('auditChain', null, { head: { ...head }, rows: [] }) },
    },
    clock: nodeClock({
      now: () => start,
      monotonic: () => monotonic,
      after: (_, fn) => {
        next = fn;
        return quiet;
      },
    }),
    logger: { debug: quiet, info: (fields) => void shown.push(fields), warn: quiet, error: quiet },
    retention: defaultRetention,
    shared,
    role: { isCoordinator: true },
    timekeeper: { isCurrent: true },
  });
  housekeeping.start();
  const round = async (): Promise<void> => {
    calls.length = 0;
    const begin = next!;
    next = undefined;
    begin();
    for (let turns = 0; next === undefined && turns < 100; turns++) await Promise.resolve();
  };
  const pass = (ms: number): void => void (monotonic += ms);
  return { round, calls, asked, head, shown, pass, jump: (is: boolean) => void (isFormer = is) };
}

test.each([true, false])(
  'G7: what is deleted by age is checked by the clock of a store that nodes share: %s',
  async (shared) => {
    const { round, asked } = aNode(shared);
    await round();
    expect(asked).toHaveLength(3);
    expect(asked.every((ages) => ages.shared === shared)).toBe(true);
  },
);

test('G7: a round that the store refuses, because its clock has jumped, ends there and is made again', async () => {
  const { round, calls, jump } = aNode(true);
  jump(true);
  await round();
  expect(calls).toEqual(['prune']);
  jump(false);
  await round();
  expect(calls).toEqual([
    'prune',
    'cancelOrphans',
    'pruneKeyedRequests',
    'pruneAuditLog',
    'fold',
    'auditChain',
  ]);
});

test('G9: the last entry of the audit log is in the log of the process, once for each minute in which it has changed', async () => {
  const { round, head, shown, pass } = aNode(false);
  await round();
  head.sequence = 2;
  head.hash = '02';
  await round();
  expect(shown).toEqual([{ code: 'audit_log_head', sequence: 1, hash: '01' }]);
  for (let minutes = 0; minutes < 2; minutes++) {
    pass(60 * secondMs);
    await round();
  }
  expect(shown.slice(1)).toEqual([{ code: 'audit_log_head', sequence: 2, hash: '02' }]);
});
