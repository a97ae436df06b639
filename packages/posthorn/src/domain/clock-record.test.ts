import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ClockRecord,
  clockStatus,
  closeDisputes,
  firstClockRecord,
  isDisputed,
  isDoubted,
  isFormer,
  minAge,
  lookAgain,
  parseClockRecord,
  stepClock,
  willLookAgain,
} from './clock-record.ts';
import { dayMs, hourMs, minuteMs, secondMs } from './time.ts';

const start = Date.UTC(2026, 0, 1);
const at = (record: ClockRecord, now = record.seen) => ({
  now,
  lived: record.lived,
  disputed: record.disputed,
});
const step = (record: ClockRecord, now: number, livedMs: number | null): ClockRecord =>
  closeDisputes(stepClock(record, now, livedMs).record, { events: 100, deliveries: 100 });

describe('a clock that holds its course', () => {
  test('is lived time, with its drift, and nothing is said', () => {
    const { record, jump } = stepClock(firstClockRecord(start), start + 5900, 5000);
    expect(jump).toBeNull();
    expect(record).toMatchObject({ seen: start + 5900, lived: start + 5900, confirmInMs: 0 });
    expect(clockStatus(record)).toEqual({ jump: null, doubtedMs: 0, believedInMs: 0 });
  });

  test('G7: a stop of up to 120 days is believed, and what lies behind it has grown older', () => {
    const { record, jump } = stepClock(firstClockRecord(start), start + 40 * dayMs, null);
    expect(jump).toMatchObject({ kind: 'gap' });
    expect(record.lived).toBe(start + 40 * dayMs);
    expect(clockStatus(record).jump).toBeNull();
  });
});

describe('a clock that leaps ahead', () => {
  test.each([
    ['while running', start + 400 * dayMs, 1000],
    ['between two runs', start + 400 * dayMs, null],
    ['by two days while running', start + 2 * dayMs, 1000],
  ])(
    'G7: %s is doubted: nothing grows old by it, until it has held its course for a day',
    (_, now, livedMs) => {
      const leapt = step(firstClockRecord(start), now, livedMs);
      expect(isDoubted(leapt)).toBe(true);
      expect(leapt.seen).toBe(now);
      expect(leapt.lived).toBe(start + (livedMs ?? 0));
      expect(minAge(at(leapt), 'deliveries', 1, start - hourMs)).toBe(hourMs + (livedMs ?? 0));
      // A restart in between confirms nothing.
      const again = step(leapt, now + minuteMs, null);
      expect(isDoubted(again)).toBe(true);
      const held = step(again, now + minuteMs + 25 * hourMs, 25 * hourMs);
      expect(isDoubted(held)).toBe(false);
      expect(held.lived).toBe(held.seen);
    },
  );

  test('by hours is followed: a machine was asleep', () => {
    const { record, jump } = stepClock(firstClockRecord(start), start + 2 * hourMs, 1000);
    expect(jump).toEqual({ at: start + 2 * hourMs, byMs: 2 * hourMs - 1000, kind: 'forward' });
    expect(record.lived).toBe(record.seen);
    expect(clockStatus(record).jump).not.toBeNull();
    // It is shown for an hour.
    expect(clockStatus(step(record, record.seen + 61 * minuteMs, 61 * minuteMs)).jump).toBeNull();
  });

  test('G7: and comes back: what it stamped neither waits for its time nor counts as old too early', () => {
    const leapt = step(firstClockRecord(start), start + 400 * dayMs, null);
    const back = step(leapt, start + hourMs, null);
    expect(isDoubted(back)).toBe(false);
    expect(back).toMatchObject({ lived: start + hourMs, behind: null });
    const stamp = start + 400 * dayMs - 1;
    expect(isDisputed(at(back), 'deliveries', 99, stamp)).toBe(true);
    expect(minAge(at(back), 'deliveries', 99, stamp)).toBe(0);
    const later = step(back, start + hourMs + 31 * dayMs, null);
    expect(minAge(at(later), 'deliveries', 99, stamp)).toBe(31 * dayMs);
    // Some way back, at a start too: no stop explains it, so the doubt goes on.
    const halfway = step(leapt, start + 19 * dayMs, null);
    expect(isDoubted(halfway)).toBe(true);
    expect(halfway.lived).toBe(start);
    // Rows that were made after the clock was right again are as old as they say.
    const young = start + 30 * dayMs;
    expect(minAge(at(later), 'deliveries', 100, young)).toBe(dayMs + hourMs);
    // Also where the wrong stamp has come about meanwhile.
    const early = start + 10 * dayMs;
    expect(minAge(at(later), 'deliveries', 99, early)).toBe(31 * dayMs);
  });
});

describe('a clock that goes back', () => {
  test('is followed at once, and its jump is exact', () => {
    const { record, jump } = stepClock(firstClockRecord(start), start - 2 * hourMs, 10 * secondMs);
    expect(jump).toEqual({ at: start - 2 * hourMs, byMs: -2 * hourMs - 10 * secondMs, kind: 'backward' });
    expect(record).toMatchObject({
      seen: start - 2 * hourMs,
      lived: start - 2 * hourMs,
      behind: { from: start - 2 * hourMs },
    });
  });

  test('G7: a stop after it is a stop, whether the clock had been ahead by more or by less', () => {
    for (const ahead of [20 * dayMs, 400 * dayMs]) {
      const back = step(firstClockRecord(start + ahead), start, null);
      const later = step(back, start + 40 * dayMs, null);
      expect(minAge(at(later), 'deliveries', 101, start)).toBe(40 * dayMs);
      expect(minAge(at(later), 'deliveries', 99, start)).toBe(40 * dayMs);
    }
  });

  test('G7: and is put right: rows of the time between are at least that recent', () => {
    const behind = step(firstClockRecord(start), start - 400 * dayMs, null);
    const passed = step(behind, start - 400 * dayMs + hourMs, hourMs);
    const right = step(passed, start + 2 * hourMs, 1000);
    expect(isDoubted(right)).toBe(false);
    expect(right).toMatchObject({ lived: start + 2 * hourMs, behind: null });
    const stamp = start - 400 * dayMs + 1;
    expect(minAge(at(right), 'deliveries', 99, stamp)).toBe(hourMs + 1000);
    // What was there before has its own age.
    expect(minAge(at(right), 'deliveries', 10, start - 60 * dayMs)).toBe(60 * dayMs + 2 * hourMs);
    const later = step(right, start + 2 * hourMs + 31 * dayMs, 31 * dayMs);
    expect(minAge(at(later), 'deliveries', 99, stamp)).toBe(31 * dayMs + hourMs + 1000);
  });
});

describe('a node that sees a jump late', () => {
  const offsets = ({ again }: ClockRecord): number[] => again.map(({ byMs }) => byMs);

  test('G7: what it has stamped by a clock that was behind is as recent as the correction, however high its number is', () => {
    const behind = step(firstClockRecord(start), start - 400 * dayMs, 0);
    const right = step(behind, start + 10 * minuteMs, 10 * minuteMs);
    // It thaws half an hour later, and goes by the former time still.
    const later = step(right, start + 40 * minuteMs, 30 * minuteMs);
    const stamp = start - 400 * dayMs + 40 * minuteMs;
    expect(minAge(at(later), 'deliveries', 5000, stamp)).toBe(30 * minuteMs);
    expect(minAge(at(later), 'events', 5000, stamp)).toBe(30 * minuteMs);
  });

  test('G7: a stamp of a clock that was behind, and has come to lie in the future, says nothing of a row that has ended', () => {
    const behind = step(firstClockRecord(start), start - 7 * hourMs, 0);
    const right = step(behind, start + minuteMs, minuteMs);
    const again = step(right, start - 7 * hourMs + 6 * minuteMs, 5 * minuteMs);
    const stamp = again.seen;
    const further = step(again, start - 8 * hourMs, 0);
    expect(minAge(at(further), 'deliveries', 5000, stamp, 'ended')).toBeNull();
  });

  test('G7: nor is what a node that was frozen during a second step back has stamped by the time of the first', () => {
    const behind = step(firstClockRecord(start), start - 100 * dayMs, 1000);
    const further = step(behind, start - 300 * dayMs, 1000);
    const thawed = step(further, start - 300 * dayMs + 10 * minuteMs, 10 * minuteMs);
    const corrected = step(thawed, start + 11 * minuteMs, 1000);
    const stamp = start - 100 * dayMs + 10 * minuteMs;
    expect(minAge(at(corrected), 'deliveries', 1000, stamp, 'ended')).toBe(0);
  });

  test('G2: after two steps back rows of before the second, and of a node that has seen neither, are looked at again', () => {
    const twice = step(step(firstClockRecord(start), start - 5 * hourMs, 0), start - 7 * hourMs, 0);
    expect(offsets(twice)).toEqual([-7 * hourMs, -5 * hourMs, -2 * hourMs]);
  });

  test('G2: what was written by the former time is as far ahead as a leap ahead has left it', () => {
    const after = step(step(firstClockRecord(start), start - 8 * hourMs, 0), start - 3 * hourMs, 0);
    expect(offsets(after)).toEqual([-8 * hourMs, -3 * hourMs]);
    // A clock that is where it was has nothing behind it that is due too late.
    const back = step(step(firstClockRecord(start), start - 8 * hourMs, 0), start, 0);
    expect(offsets(back)).toEqual([-8 * hourMs]);
  });

  test('G2: rows that were due at once by the former time are found however much later they are looked at', () => {
    const back = step(firstClockRecord(start), start - 5 * hourMs, 0);
    const later = step(back, back.seen + 100 * secondMs, 100 * secondMs);
    // A jump postpones the look; by then those rows are ahead by so much less.
    const jumped = step(later, later.seen + 90 * secondMs, 60 * secondMs);
    const look = jumped.again.find(({ byMs }) => byMs === -5 * hourMs)!;
    expect(look).toEqual({ inMs: 2 * minuteMs, byMs: -5 * hourMs, sinceMs: 160 * secondMs });
    const reported = lookAgain(step(back, back.seen + 15 * minuteMs, 15 * minuteMs), -5 * hourMs);
    expect(reported.again[0]!.sinceMs).toBe(15 * minuteMs);
  });

  test('G2: one that was frozen for longer than rows are watched has them looked at again', () => {
    const back = step(firstClockRecord(start), start - 5 * hourMs, 0);
    expect(willLookAgain(back, -5 * hourMs)).toBe(true);
    expect(willLookAgain(back, -9 * hourMs)).toBe(false);
    const late = step(back, back.seen + 110 * secondMs, 110 * secondMs);
    expect(willLookAgain(late, -5 * hourMs)).toBe(false);
    const reported = lookAgain(late, -5 * hourMs);
    expect(willLookAgain(reported, -5 * hourMs)).toBe(true);
    expect(reported.again).toHaveLength(1);
    expect(offsets(lookAgain(reported, -9 * hourMs))).toEqual([-9 * hourMs, -5 * hourMs]);
  });

  test('however often a clock jumps, few former times are remembered', () => {
    let record = firstClockRecord(start);
    for (let times = 1; times < 12; times++) record = step(record, start - times * times * hourMs, 0);
    expect(record.again.length).toBeLessThanOrEqual(32);
  });

  test('a record of a former version is read', () => {
    const record = firstClockRecord(start);
    const text = (again: unknown): string => JSON.stringify({ ...record, again });
    expect(parseClockRecord(text(null))).toEqual(record);
    expect(parseClockRecord(text(undefined))).toEqual(record);
    const one = { inMs: 5, byMs: -hourMs };
    expect(parseClockRecord(text(one)).again).toEqual([{ ...one, sinceMs: 0 }]);
  });
});

test('G7: whatever a clock does, no row counts as older than it is, where stops are short', () => {
  const jumps = fc.array(
    fc.record({
      byMs: fc.oneof(
        fc.constantFrom(0, 2 * hourMs, -2 * hourMs, 400 * dayMs, -400 * dayMs),
        fc.integer({ min: -500 * dayMs, max: 500 * dayMs }),
      ),
      forMs: fc.integer({ min: 0, max: 3 * hourMs }),
      isPutRight: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(jumps, (list) => {
      let truth = start;
      let wrong = 0;
      let record = firstClockRecord(start);
      // A leap that is believed at once makes what is there older by as much: no clock can tell it from a machine's sleep.
      let believed = 0;
      const rows: { number: number; stamp: number; truth: number; believed: number }[] = [];
      for (const { byMs, forMs, isPutRight } of list) {
        rows.push({ number: rows.length, stamp: truth + wrong, truth, believed });
        truth += forMs;
        const livedBefore = record.lived;
        record = stepClock(record, truth + wrong, forMs).record;
        const before = wrong;
        // Put right, or wrong by so much more.
        wrong = isPutRight ? 0 : wrong + byMs;
        const { record: after } = stepClock(record, truth + wrong, 0);
        // A leap of up to a day is believed, and so is a clock that is not further than it ever was.
        if (wrong > before && wrong - before <= dayMs)
          believed += Math.max(0, after.lived - Math.max(record.lived, livedBefore));
        record = closeDisputes(after, { events: rows.length, deliveries: rows.length });
        for (const row of rows) {
          const age = minAge(at(record), 'deliveries', row.number, row.stamp);
          if (age !== null)
            expect(age).toBeLessThanOrEqual(truth - row.truth + (believed - row.believed) + dayMs);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('G7: ages hold until the clock says another time; as long as nothing that is stamped by it looks old', () => {
  const ages = { now: start, lived: start, disputed: [] };
  for (const reading of [start - 4 * secondMs, start, start + 45 * secondMs])
    expect(isFormer(ages, reading)).toBe(false);
  for (const reading of [
    start - 400 * dayMs,
    start - 6 * secondMs,
    start + 55 * secondMs,
    start + 320 * dayMs,
  ])
    expect(isFormer(ages, reading)).toBe(true);
  // The latest that another node may have stamped by then.
  const back = step(firstClockRecord(start), start - 320 * dayMs, 1000);
  const later = step(back, start - 320 * dayMs + 40 * dayMs, 40 * dayMs);
  const ageOf = (stamp: number) => minAge(at(later), 'deliveries', 1, stamp, 'ended');
  expect(ageOf(later.seen + 50 * secondMs)).toBeNull();
  expect(ageOf(later.seen + 70 * secondMs)).toBe(40 * dayMs);
});
