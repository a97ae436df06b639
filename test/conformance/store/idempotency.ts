import { expect, test } from 'vitest';
import type { Ages } from '../../../packages/posthorn/src/domain/clock-record.ts';
import { type KeyedRequest, keyedRequestMs } from '../../../packages/posthorn/src/store/idempotency.ts';
import { agesAt, start } from '../../support.ts';
import type { Subject } from './subject.ts';

const leaseMs = 30_000;

/** Keys of requests: who runs, who waits, whose answer is remembered, and for how long. */
export function describeIdempotency(subject: Subject): void {
  let tokens = 0;
  const aRequest = (fields: Partial<KeyedRequest> = {}): KeyedRequest => {
    const now = fields.now ?? start;
    return {
      id: 'key',
      caller: 'caller',
      fingerprint: 'print',
      token: `token-${tokens++}`,
      now,
      leaseUntil: now + leaseMs,
      ...fields,
    };
  };
  /** A request that was carried out. */
  const done = async (
    fields: Partial<KeyedRequest> = {},
    answer: string | null = 'answer',
  ): Promise<void> => {
    const request = aRequest(fields);
    expect(await subject.store.write.beginKeyedRequest(request)).toEqual({ state: 'fresh' });
    expect(await subject.store.write.finishKeyedRequest(request, answer)).toBe(true);
  };
  const stateOf = async (id: string, now = start): Promise<string> => {
    const request = aRequest({ id, now, fingerprint: 'print' });
    const { state } = await subject.store.write.beginKeyedRequest(request);
    if (state === 'fresh') await subject.store.write.abandonKeyedRequest(request);
    return state;
  };

  test('a key runs once, and is answered with the answer of that run', async () => {
    const { store } = subject;
    const first = aRequest();
    expect(await store.write.beginKeyedRequest(first)).toEqual({ state: 'fresh' });
    expect(await store.write.beginKeyedRequest(aRequest())).toEqual({ state: 'running' });
    expect(await store.write.finishKeyedRequest(first, 'the answer')).toBe(true);
    for (const now of [start, start + keyedRequestMs])
      expect(await store.write.beginKeyedRequest(aRequest({ now }))).toEqual({
        state: 'done',
        answer: 'the answer',
      });
    expect(await store.write.finishKeyedRequest(first, 'another')).toBe(false);
    expect(await store.write.beginKeyedRequest(aRequest())).toMatchObject({ answer: 'the answer' });
  });

  test('an answer that is not kept still counts as given', async () => {
    await done({}, null);
    expect(await subject.store.write.beginKeyedRequest(aRequest())).toEqual({ state: 'done', answer: null });
  });

  test('of many that begin at once exactly one runs', async () => {
    const states = await Promise.all(
      Array.from({ length: 20 }, () => subject.store.write.beginKeyedRequest(aRequest())),
    );
    expect(states.map(({ state }) => state).toSorted()).toEqual(['fresh', ...Array(19).fill('running')]);
  });

  test('G3: of many that take over a run that died exactly one runs', async () => {
    await subject.store.write.beginKeyedRequest(aRequest());
    const now = start + leaseMs;
    const states = await Promise.all(
      Array.from({ length: 20 }, () => subject.store.write.beginKeyedRequest(aRequest({ now }))),
    );
    expect(states.map(({ state }) => state).toSorted()).toEqual(['fresh', ...Array(19).fill('running')]);
  });

  test('another request under the key is a conflict, while the first runs, when it has ended, and after its lease', async () => {
    const { store } = subject;
    const first = aRequest();
    const other = aRequest({ fingerprint: 'other' });
    await store.write.beginKeyedRequest(first);
    expect(await store.write.beginKeyedRequest(other)).toEqual({ state: 'conflict' });
    expect(await store.write.beginKeyedRequest({ ...other, now: start + leaseMs })).toEqual({
      state: 'conflict',
    });
    await store.write.finishKeyedRequest(first, 'answer');
    expect(await store.write.beginKeyedRequest(other)).toEqual({ state: 'conflict' });
  });

  test('what was abandoned is forgotten: its key is free for any request', async () => {
    const { store } = subject;
    const first = aRequest();
    await store.write.beginKeyedRequest(first);
    await store.write.abandonKeyedRequest(first);
    expect(await store.write.beginKeyedRequest(aRequest({ fingerprint: 'other' }))).toEqual({
      state: 'fresh',
    });
    // A run that has ended cannot be abandoned.
    await done({ id: 'ended', token: 'ended' });
    await store.write.abandonKeyedRequest({ id: 'ended', token: 'ended' });
    expect(await stateOf('ended')).toBe('done');
  });

  test('G3: a run that has lost its lease is taken over, and changes nothing any more', async () => {
    const { store } = subject;
    const dead = aRequest();
    await store.write.beginKeyedRequest(dead);
    const before = aRequest({ now: start + leaseMs - 1 });
    expect(await store.write.beginKeyedRequest(before)).toEqual({ state: 'running' });
    const heir = aRequest({ now: start + leaseMs });
    expect(await store.write.beginKeyedRequest(heir)).toEqual({ state: 'fresh' });
    expect(await store.write.extendKeyedRequest(dead, start + 9 * leaseMs)).toBe(false);
    expect(await store.write.finishKeyedRequest(dead, 'late')).toBe(false);
    await store.write.abandonKeyedRequest(dead);
    expect(await store.write.beginKeyedRequest(aRequest({ now: start + leaseMs }))).toEqual({
      state: 'running',
    });
    expect(await store.write.finishKeyedRequest(heir, 'right')).toBe(true);
    expect(await store.write.beginKeyedRequest(aRequest())).toEqual({ state: 'done', answer: 'right' });
  });

  test('a lease that is renewed runs on', async () => {
    const { store } = subject;
    const first = aRequest();
    await store.write.beginKeyedRequest(first);
    expect(await store.write.extendKeyedRequest(first, start + 3 * leaseMs)).toBe(true);
    expect(await stateOf('key', start + 2 * leaseMs)).toBe('running');
    await store.write.finishKeyedRequest(first, 'answer');
    expect(await store.write.extendKeyedRequest(first, start + 9 * leaseMs)).toBe(false);
    expect(await stateOf('key', start + 10 * leaseMs)).toBe('done');
  });

  test('keys are kept for 24 hours and then deleted, a few at a time; what runs stays', async () => {
    const { store } = subject;
    for (const id of ['a', 'b', 'c']) await done({ id });
    await done({ id: 'young', now: start + 1 });
    await store.write.beginKeyedRequest(aRequest({ id: 'runs', leaseUntil: start + 2 * keyedRequestMs }));
    await store.write.beginKeyedRequest(aRequest({ id: 'died' }));
    const ages = agesAt(start + keyedRequestMs);
    expect(await store.write.pruneKeyedRequests(ages, 100)).toBe(0);
    const later = agesAt(start + keyedRequestMs + 1);
    expect(await store.write.pruneKeyedRequests(later, 3)).toBe(3);
    expect(await store.write.pruneKeyedRequests(later, 100)).toBe(1);
    expect(await store.write.pruneKeyedRequests(later, 100)).toBe(0);
    expect(await Promise.all(['a', 'b', 'c', 'died', 'runs', 'young'].map((id) => stateOf(id)))).toEqual([
      ...Array(4).fill('fresh'),
      'running',
      'done',
    ]);
  });

  test('G7: no leap of the clock expires a key, and a step back does not keep it for ever', async () => {
    const { store } = subject;
    const now = start + 1000 * keyedRequestMs;
    await done({ id: 'before' });
    await done({ id: 'meanwhile', now });
    // The clock has leapt, and the time has not really passed.
    const doubted: Ages = { now, lived: start + 1, disputed: [] };
    expect(await store.write.pruneKeyedRequests(doubted, 100)).toBe(0);
    // It was wrong and comes back: what it has stamped is as old as a new key.
    expect(await store.write.pruneKeyedRequests(agesAt(start + 2), 100)).toBe(0);
    expect(await store.write.pruneKeyedRequests(agesAt(start + 2 + keyedRequestMs), 100)).toBe(1);
    expect(await store.write.pruneKeyedRequests(agesAt(start + 3 + keyedRequestMs), 100)).toBe(1);
  });

  test('G7: a timestamp from a clock that was behind counts as the time of its correction', async () => {
    const { store } = subject;
    await done({ id: 'behind' });
    const correctedAt = start + 40 * keyedRequestMs;
    const agesAfter = (livedMs: number): Ages => ({
      ...agesAt(correctedAt + livedMs),
      disputed: [
        {
          kind: 'behind',
          from: start - 1000,
          until: start + 1000,
          eventsBelow: 0,
          deliveriesBelow: 0,
          livedMs,
          reached: correctedAt,
        },
      ],
    });
    expect(await store.write.pruneKeyedRequests(agesAfter(keyedRequestMs), 100)).toBe(0);
    expect(await store.write.pruneKeyedRequests(agesAfter(keyedRequestMs + 1), 100)).toBe(1);
  });

  test('G3: leases keep the time that they have left when the clock jumps', async () => {
    const { store } = subject;
    const day = keyedRequestMs;
    await store.write.beginKeyedRequest(aRequest());
    await store.write.saveClock({ expected: null, text: 'ahead', rebase: { now: start + day, byMs: day } });
    expect(await stateOf('key', start + day + leaseMs - 1)).toBe('running');
    await store.write.saveClock({ expected: 'ahead', text: 'back', rebase: { now: start, byMs: -day } });
    expect(await stateOf('key', start + leaseMs - 1)).toBe('running');
    expect(await stateOf('key', start + leaseMs)).toBe('fresh');
  });

  test('a caller has so many rows and bytes at most: its oldest that have ended go first', async () => {
    const { store } = subject;
    const ids = Array.from({ length: 20 }, (_, n) => `id-${String(n).padStart(2, '0')}`);
    for (const [n, id] of ids.entries()) await done({ id, now: start + n }, 'x'.repeat(100));
    await done({ id: 'other', caller: 'other' }, 'x'.repeat(5000));
    await store.write.beginKeyedRequest(
      aRequest({ id: 'runs', now: start - 1, leaseUntil: start + leaseMs }),
    );
    const many = 1_000_000;
    const bound = (maxRows: number, maxBytes: number, limit = 100): Promise<number> =>
      store.write.boundKeyedRequests('caller', { maxRows, maxBytes }, limit);
    expect(await bound(21, many)).toBe(0);
    expect(await bound(18, many, 2)).toBe(2);
    expect(await bound(18, many)).toBe(1);
    expect(await bound(many, 1700)).toBe(0);
    expect(await bound(many, 1001)).toBe(7);
    expect(await bound(10, 999)).toBe(1);
    const left = await Promise.all(ids.map((id) => stateOf(id)));
    expect(left).toEqual([...Array(11).fill('fresh'), ...Array(9).fill('done')]);
    expect(await stateOf('runs')).toBe('running');
    expect(await stateOf('other')).toBe('done');
  });
}
