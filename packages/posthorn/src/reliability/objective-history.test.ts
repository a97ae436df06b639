import { describe, expect, test } from 'vitest';
import type { ScopedObjective } from '../domain/objective.ts';
import type { DayFailures, MissedWorth, StepCounters } from '../store/objective-readings.ts';
import { burnDown, historyCells, runLengths } from './objective-history.ts';
import { explainSpend } from './objective-spend.ts';
import { objectiveWindow } from './objective-window.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const now = Date.UTC(2026, 10, 26, 9, 30);

const objective = (createdAt: number, windowMs = 30 * day): ScopedObjective =>
  ({
    name: 'o',
    kind: 'delivered_within',
    target: 0.9,
    windowMs,
    eventTypes: ['*'],
    endpoints: [{ id: 'ep_1', deliverWithinMs: minute, createdAt }],
    producer: 'payments',
    consumer: 'shop',
    template: null,
  }) as unknown as ScopedObjective;

const step = (at: number, fields: Partial<StepCounters> = {}): StepCounters => ({
  endpointId: 'ep_1',
  eventType: 'a',
  at,
  accepted: 10,
  delivered: 10,
  dead: 0,
  cancelled: 0,
  suppressed: 0,
  late: 0,
  superseded: 0,
  firstAttempts: 10,
  firstAttemptDelivered: 10,
  recovered: 0,
  heldLate: 0,
  held: 0,
  ...fields,
});

describe('history', () => {
  test('stretches follow one another from the first count to now, as fine as counters are', () => {
    for (const [created, stepMs] of [
      [0, hour],
      [0, minute],
      [0, day],
      [now - 4 * day - 17 * minute, minute],
      [now - 7 * minute, hour],
      [now - 20 * day, hour],
    ] as const) {
      const cells = historyCells(objective(created), [], stepMs, now);
      const { since, until, knownSince } = objectiveWindow(objective(created), now);
      expect(cells[0]!.at).toBeLessThanOrEqual(knownSince);
      expect(cells[0]!.at).toBeGreaterThanOrEqual(since - day);
      for (const [index, cell] of cells.slice(1).entries())
        expect(cell.at).toBe(cells[index]!.at + cells[index]!.lengthMs);
      const last = cells.at(-1)!;
      expect(last.at).toBeLessThan(until);
      expect(last.at + last.lengthMs).toBeGreaterThanOrEqual(until);
      expect(cells.length).toBeLessThanOrEqual(1500);
    }
    const lengths = (stepMs: number) => [
      ...new Set(historyCells(objective(0), [], stepMs, now).map(({ lengthMs }) => lengthMs)),
    ];
    expect(lengths(minute)).toEqual([day, hour, minute]);
    expect(lengths(hour)).toEqual([day, hour]);
    expect(lengths(day)).toEqual([day]);
  });

  test('a young window begins with its first endpoint and says so; a day that the window cuts is left out', () => {
    const young = objectiveWindow(objective(now - 4 * day), now);
    expect(young).toMatchObject({ knownSince: now - 4 * day, resolution: 'day' });
    const old = objectiveWindow(objective(0), now);
    expect(old.since % day).toBe(0);
    expect(old.knownSince).toBe(old.since);
    expect(objectiveWindow(objective(0, hour), now).resolution).toBe('minute');
    expect(objectiveWindow({ ...objective(0), endpoints: [] }, now)).toMatchObject({ resolution: 'day' });
  });

  test('each side has its own burn-down, which ends with what is left now and may go below zero', () => {
    const dead = { delivered: 5, dead: 5, firstAttemptDelivered: 5 };
    const steps = [step(now - 2 * hour, dead), step(now - hour, { late: 1 }), step(now - 30 * minute)];
    const points = burnDown(historyCells(objective(now - 3 * hour), steps, hour, now), 0.9);
    expect(
      points.map(({ due, sides: { sender, receiver } }) => [due, sender.remaining, receiver.remaining]),
    ).toEqual([
      [0, 1, 1],
      [10, 1, expect.closeTo(1 - 5 / 3)],
      [10, expect.closeTo(1 - 1 / 3), expect.closeTo(1 - 5 / 3)],
      [10, expect.closeTo(1 - 1 / 3), expect.closeTo(1 - 5 / 3)],
    ]);
    const none = burnDown(historyCells(objective(now - hour), [], hour, now), 0.9);
    expect(none.every(({ sides }) => sides.sender.remaining === null)).toBe(true);
  });

  test('runs', () => {
    expect(runLengths([])).toEqual([]);
    expect(runLengths([0, 0, 3, 3, 3, 0])).toEqual([
      [0, 2],
      [3, 3],
      [0, 1],
    ]);
  });
});

describe('what spent the budget', () => {
  const today = Math.floor(now / day) * day;
  const failed = (daysAgo: number, errorClass: DayFailures['errorClass'], count = 7): DayFailures => ({
    endpointId: 'ep_1',
    day: today - daysAgo * day,
    eventType: 'a',
    errorClass,
    count,
  });
  const dead = (daysAgo: number, count: number): StepCounters =>
    step(today - daysAgo * day, { delivered: 10 - count, dead: count, firstAttemptDelivered: 10 - count });

  test('days in a row with one cause are one; every bad one is counted once', () => {
    const steps = [
      dead(5, 2),
      dead(4, 3),
      dead(3, 1),
      dead(1, 4),
      step(today - day, { late: 2, eventType: 'b' }),
    ];
    const failures = [
      failed(5, 'http_5xx'),
      failed(4, 'http_5xx'),
      failed(4, 'timeout', 1),
      failed(3, 'timeout'),
      failed(1, 'timeout'),
    ];
    const worth: MissedWorth[] = [5, 4].map((daysAgo) => ({
      endpointId: 'ep_1',
      eventType: 'a',
      day: today - daysAgo * day,
      ofSender: false,
      currency: 'EUR',
      amountMinor: 50n,
      events: 2,
    }));
    const spends = explainSpend({ eventTypes: ['*'] }, steps, failures, worth);
    expect(spends).toMatchObject([
      {
        side: 'receiver',
        cause: 'http_5xx',
        since: today - 5 * day,
        until: today - 3 * day,
        bad: 5,
        worth: [{ currency: 'EUR', amountMinor: 100n, events: 4 }],
      },
      { side: 'receiver', cause: 'timeout', since: today - day, until: today, bad: 4, worth: [] },
      { side: 'sender', cause: 'delayed', since: today - day, until: today, bad: 2 },
      { side: 'receiver', cause: 'timeout', since: today - 3 * day, until: today - 2 * day, bad: 1 },
    ]);
    expect([...spends[0]!.failures]).toEqual([
      ['http_5xx', 14],
      ['timeout', 1],
    ]);
  });

  test('what was paused or held is not put down to the failures of the same day', () => {
    const paused = step(today, {
      accepted: 30,
      suppressed: 20,
      firstAttempts: 10,
      delivered: 9,
      dead: 1,
      firstAttemptDelivered: 9,
    });
    expect(explainSpend({ eventTypes: ['*'] }, [paused], [failed(0, 'http_5xx')], [])).toMatchObject([
      { cause: 'paused', bad: 21 },
    ]);
    const held = step(today, { delivered: 4, held: 5, dead: 1, firstAttempts: 5, firstAttemptDelivered: 4 });
    expect(explainSpend({ eventTypes: ['*'] }, [held], [failed(0, 'http_5xx')], [])).toMatchObject([
      { cause: 'held', bad: 6 },
    ]);
    expect(explainSpend({ eventTypes: ['*'] }, [dead(0, 3)], [], [])).toMatchObject([
      { cause: 'unknown', bad: 3 },
    ]);
    // Failures of another type say nothing of it.
    expect(
      explainSpend({ eventTypes: ['a'] }, [dead(0, 3)], [{ ...failed(0, 'tls'), eventType: 'b' }], []),
    ).toMatchObject([{ cause: 'unknown' }]);
  });
});
