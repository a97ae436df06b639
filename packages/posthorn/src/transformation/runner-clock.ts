/** Reading the processor time costs a system call, so it is not read at every step of an expression. */
const stepsPerReading = 32;

let fixedAt = 0;
let beganMs = 0;
let readMs = 0;
let steps = 0;

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** From here on the clock of this process is fixed at this time, and its processor time is counted anew. */
export function beginRun(eventTime: number): void {
  fixedAt = Number.isFinite(eventTime) ? eventTime : 0;
  beganMs = cpuMs();
  readMs = beganMs;
  steps = 0;
}

/** Processor time since `beginRun`. */
export const usedMs = (): number => cpuMs() - beganMs;

/** JSONata measures its time limit by `Date.now`. */
function now(): number {
  if (steps++ % stepsPerReading === 0) readMs = cpuMs();
  return readMs;
}

/** The time of the event: completes a time of day, the same in every attempt. */
class EventDate extends Date {
  constructor(...given: readonly unknown[]) {
    if (given.length === 0) super(fixedAt);
    else super(...(given as [number]));
  }

  static override now = now;
}

/** Replaces the clock of this process. An expression's result must not depend on when it runs, or on what else runs. */
export function fixClock(): void {
  Object.assign(globalThis, { Date: EventDate });
}
