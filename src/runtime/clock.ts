/** Time, injected: the lab runs the same code on a clock of its own. */
export interface Clock {
  /** Milliseconds since the epoch, an integer. */
  now(): number;
  /** Milliseconds from an arbitrary start, never going back: for durations. */
  monotonic(): number;
  /** Calls `fn` after `ms`; answers how to cancel that. */
  after(ms: number, fn: () => void): () => void;
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

/**
 * A clock set by another's time: nodes that share a store go by the store's clock. Between two settings it runs on
 * the monotonic clock, so that a machine whose own clock is wrong, or jumps, changes nothing.
 */
export function correctedClock(base: Clock): Clock & { setTime(now: number): void } {
  let set: { readonly now: number; readonly at: number } | null = null;
  return {
    now: () => (set === null ? base.now() : Math.round(set.now + base.monotonic() - set.at)),
    monotonic: () => base.monotonic(),
    after: (ms, fn) => base.after(ms, fn),
    setTime: (now) => {
      set = { now, at: base.monotonic() };
    },
  };
}
