import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Details, overlapsOf, scaleOf, timelineOf } from './timeline.ts';

const start = Date.UTC(2026, 10, 26, 9, 41, 7);
const iso = (ms: number): string => new Date(ms).toISOString();

const attempt = (n: number, at: number, ms: number, more: object = {}): Details['attempts'][number] => ({
  n,
  started_at: iso(start + at),
  duration_ms: ms,
  lease_until: iso(start + at + 20_000),
  status_code: 200,
  outcome: 'delivered',
  error_class: null,
  message: null,
  response_excerpt: null,
  response_headers: null,
  address: null,
  phases_ms: null,
  trigger: 'schedule',
  node: 'node-a',
  ...more,
});

const details = (fields: Partial<Details>): Details =>
  ({
    state: 'delivered',
    created_at: iso(start),
    deadline_at: iso(start + 60_000),
    claims: fields.attempts?.length ?? 0,
    claim: null,
    next_attempts: [],
    attempts: [],
    ...fields,
  }) as Details;

/** Sent four times, arrived twice: a node froze, its lease passed, and its answer changed nothing. */
const overlapping = details({
  attempts: [
    attempt(1, 0, 15_000, { status_code: null, outcome: 'retry', error_class: 'timeout' }),
    attempt(2, 20_000, 25_800, { outcome: 'superseded', lease_until: iso(start + 41_000), node: 'node-b' }),
    attempt(3, 41_000, 600, { status_code: 503, outcome: 'retry', error_class: 'http_5xx' }),
    attempt(4, 162_000, 184),
  ],
});

describe('what a timeline shows', () => {
  test('each claim has a row, in order, with its outcome as text', () => {
    const { rows, now, moreExpected } = timelineOf(overlapping, start + 1e6);
    expect(rows.map(({ n, kind, tone, label }) => [n, kind, tone, label])).toEqual([
      [1, 'attempt', 'bad', 'timeout after 15 s'],
      [2, 'attempt', 'held', 'superseded: 200 came too late'],
      [3, 'attempt', 'bad', '503 in 600 ms'],
      [4, 'attempt', 'good', '200 in 184 ms'],
    ]);
    expect([now, moreExpected]).toEqual([null, 0]);
  });

  test('requests that were under way at once are marked for as long as they were', () => {
    const { overlaps } = timelineOf(overlapping, start + 1e6);
    expect(overlaps).toEqual([{ from: start + 41_000, to: start + 41_600 }]);
  });

  test('what lasts long without anything happening is folded, and nothing else', () => {
    const { pieces } = timelineOf(overlapping, start + 1e6);
    const folds = pieces.filter(({ isFolded }) => isFolded);
    expect(folds).toHaveLength(1);
    expect(folds[0]!.from).toBeGreaterThan(start + 60_000);
    expect(folds[0]!.to).toBeLessThan(start + 162_000);
  });

  test('a claim that never reported is a row of its own between those around it (G2)', () => {
    const { rows } = timelineOf(
      details({ claims: 3, attempts: [attempt(1, 0, 100), attempt(3, 90_000, 100)] }),
      start + 1e6,
    );
    expect(rows.map(({ n, kind }) => [n, kind])).toEqual([
      [1, 'attempt'],
      [2, 'lost'],
      [3, 'attempt'],
    ]);
    expect(rows[1]).toMatchObject({ from: start + 100, to: start + 90_000, tone: 'soft' });
  });

  test('a pending delivery shows what is under way, now, and the first attempts to come', () => {
    const at = (ms: number) => ({ n: 2, at: iso(start + ms), latest_at: iso(start + ms + 500) });
    const { rows, now, moreExpected } = timelineOf(
      details({
        state: 'pending',
        claims: 2,
        claim: { n: 2, node: 'node-b', lease_until: iso(start + 50_000) },
        attempts: [attempt(1, 0, 1000, { outcome: 'retry', status_code: 500 })],
        next_attempts: [at(60_000), at(120_000), at(600_000), at(1_800_000)].map((one, index) => ({
          ...one,
          n: index + 3,
        })),
      }),
      start + 30_000,
    );
    expect(now).toBe(start + 30_000);
    expect(rows.map(({ n, kind }) => [n, kind])).toEqual([
      [1, 'attempt'],
      [2, 'under_way'],
      [3, 'expected'],
      [4, 'expected'],
      [5, 'expected'],
    ]);
    expect(rows[1]).toMatchObject({ to: start + 30_000, leaseUntil: start + 50_000 });
    expect(rows[2]!.label).toBe('expected in 30 s');
    expect(moreExpected).toBe(1);
  });

  test('the deadline is drawn where it was missed, or is still to come', () => {
    expect(timelineOf(overlapping, start + 1e6).deadline).toBe(start + 60_000);
    expect(timelineOf(details({ attempts: [attempt(1, 0, 100)] }), start + 1e6).deadline).toBeNull();
    expect(timelineOf(details({ state: 'pending' }), start + 10).deadline).toBe(start + 60_000);
  });

  test.each([
    [{ status_code: null, error_class: 'dns', outcome: 'dead' }, 'dns after 100 ms'],
    [{ status_code: 410, outcome: 'dead' }, '410 in 100 ms'],
    [{ status_code: null, error_class: null, outcome: 'superseded' }, 'superseded: no answer came too late'],
  ])('%j', (more, label) => {
    const attempts = [attempt(1, 0, 100, more)];
    const { rows } = timelineOf(details({ attempts, claims: 1 }), start + 1e6);
    expect(rows[0]!.label).toBe(label);
  });
});

const spans = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 300 }))
    .map(([from, ms]) => ({ from, to: from + ms })),
  { maxLength: 12 },
);

test('overlaps are the moments in which two are open, each once', () => {
  fc.assert(
    fc.property(spans, (all) => {
      const found = overlapsOf(all);
      for (let at = 0.5; at < 1300; at += 7) {
        const open = all.filter(({ from, to }) => from <= at && at < to).length;
        expect(found.filter(({ from, to }) => from <= at && at < to)).toHaveLength(open >= 2 ? 1 : 0);
      }
    }),
  );
});

test('a scale keeps the order of all moments, stays within its room, and is linear where nothing is folded', () => {
  const attempts = fc.uniqueArray(
    fc.tuple(fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 0, max: 15_000 })),
    { minLength: 1, maxLength: 15, selector: ([at]) => at },
  );
  fc.assert(
    fc.property(attempts, fc.boolean(), (list, isPending) => {
      const sorted = list.toSorted(([a], [b]) => a - b);
      const timeline = timelineOf(
        details({
          state: isPending ? 'pending' : 'delivered',
          attempts: sorted.map(([at, ms], index) => attempt(index + 1, at, ms)),
        }),
        start + 400_000,
      );
      const { x, folds } = scaleOf(timeline, 100, 900, 44);
      const moments = timeline.rows.flatMap(({ from, to }) => [from, to]).toSorted((a, b) => a - b);
      let before = 100;
      for (const at of moments) {
        expect(x(at)).toBeGreaterThanOrEqual(before - 1e-6);
        expect(x(at)).toBeLessThanOrEqual(1000 + 1e-6);
        before = x(at);
      }
      // No request is in a fold.
      for (const { from, to } of folds)
        for (const row of timeline.rows.filter(({ kind }) => kind === 'attempt'))
          expect(row.to <= from || row.from >= to).toBe(true);
    }),
  );
});
