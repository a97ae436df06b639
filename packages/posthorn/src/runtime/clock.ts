import { type Ages, type ClockRecord, minAge } from '../domain/clock-record.ts';

/** Time, injected: the lab runs the same code on a clock of its own. */
export interface Clock {
  /** Milliseconds since the epoch, an integer. */
  now(): number;
  /** Milliseconds from an arbitrary start, never going back: for durations. */
  monotonic(): number;
  /**
   * Calls `fn` after `ms`; returns how to cancel that. `poll`: `fn` is a periodic check for which nothing waits, so that a
   * simulation of weeks may make it less often.
   */
  after(ms: number, fn: () => void, kind?: 'poll'): () => void;
}

// Beyond this Node's timers fire at once.
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, fn) => {
    let timer: NodeJS.Timeout;
    const arm = (left: number): void => {
      timer = setTimeout(
        () => (left > longestTimerMs ? arm(left - longestTimerMs) : fn()),
        Math.min(left, longestTimerMs),
      );
    };
    arm(Math.max(0, ms));
    return () => clearTimeout(timer);
  },
};

/** The clock of one node: it runs on the monotonic clock, and is set by the timekeeper, which compares it with the time. */
export interface NodeClock extends Clock {
  /** What the machine's own clock says now, right or wrong. */
  wall(): number;
  /** From now on it is this time. */
  setTime(now: number): void;
  /** How far lived time is behind, and which stamps to doubt. */
  believe(record: ClockRecord): void;
  /**
   * Deliveries from this number on were made after `at`, by the monotonic clock: none of them is older than that, whatever
   * their stamps say. Another node may have seen a step back of the store's clock before this one.
   */
  knowYounger(fromNumber: number, at: number): void;
  /** The time that deletion and expiry go by: never ahead of what was lived through. */
  lived(): number;
  /** How old a delivery is at least, ms; not negative. */
  ageOf(deliveryNumber: number, createdAt: number): number;
  /** What is needed to tell how old rows are. */
  ages(): Ages;
}

/**
 * A clock that is set from time to time: by the machine's own clock, or by the store's where nodes share one. Between two
 * settings it runs on the monotonic clock, so that a jump changes nothing until the timekeeper has seen it, and all that
 * depends on it moves at once.
 */
export function nodeClock(base: Clock): NodeClock {
  let set: { readonly now: number; readonly at: number } | null = null;
  let behindMs = 0;
  let disputed: ClockRecord['disputed'] = [];
  let younger = { fromNumber: Number.MAX_SAFE_INTEGER, at: 0 };
  const now = (): number => (set === null ? base.now() : Math.round(set.now + base.monotonic() - set.at));
  const ages = (): Ages => ({ now: now(), lived: now() - behindMs, disputed });
  return {
    now,
    wall: () => base.now(),
    monotonic: () => base.monotonic(),
    after: (ms, fn, kind) => base.after(ms, fn, kind),
    setTime: (time) => {
      set = { now: time, at: base.monotonic() };
    },
    believe: (record) => {
      behindMs = Math.max(0, record.seen - record.lived);
      disputed = record.disputed;
    },
    knowYounger: (fromNumber, at) => {
      younger = { fromNumber, at };
    },
    lived: () => now() - behindMs,
    ageOf: (number, createdAt) => {
      const age =
        behindMs === 0 && disputed.length === 0
          ? now() - createdAt
          : (minAge(ages(), 'deliveries', number, createdAt) ?? 0);
      const most = number < younger.fromNumber ? age : Math.ceil(base.monotonic() - younger.at);
      return Math.max(0, Math.min(age, most));
    },
    ages,
  };
}
