import type { ClusterRole } from '../domain/shard.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { RedriveRecord, StorePart } from '../store/store.ts';
import type { Dispatcher } from './dispatcher.ts';

/** Measured on the embedded store: 6 ms, in which no event is accepted. */
const maxStep = 200;
/** Steps at the same time, over all jobs: one that waits for the store does not hold up the others. */
const maxSteps = 3;
/** Between two steps of one job the store does other work: for as long as the step took, within these bounds. */
const pauseMs = 5;
const maxPauseMs = 100;
/** While jobs run, this often: what was stopped, changed or added by another node. */
const pollMs = 1000;
/** With a rate, a step takes as many as are due in this time. */
const stepMs = 100;
/** A job that waits for the outcomes of its first deliveries looks this often. */
const waitPollMs = 100;
/** A job that is behind its rate, because the store was slow, makes up for at most this much. */
const maxBehindMs = 1000;
const retryFirstMs = 1000;
const maxRetryMs = 30_000;

export interface RedriverOptions {
  readonly store: StorePart<'stepRedrive', 'runningRedrives'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Only the coordinator runs jobs: two nodes would take twice the rate. */
  readonly role: ClusterRole;
  readonly dispatcher: Pick<Dispatcher, 'wake'>;
}

/** A redrive or replay that runs on this node. Times are monotonic. */
interface Job {
  redrive: RedriveRecord;
  /** The next step may begin then. */
  nextAt: number;
  /** The last step that redrove anything, and how many it did: a changed rate counts from there. */
  lastAt: number;
  last: number;
  failures: number;
  stepping: boolean;
}

/**
 * Runs redrives and replays in bulk side by side, in small steps that take turns: the one that has waited longest goes next, so neither a
 * slow, nor a large, nor a failing one holds up another (G8). Progress is stored with each step, so a restart, or another
 * node, goes on where the last one committed; a stop is in the store too, and the next step finds it.
 */
export class Redriver {
  readonly #o: RedriverOptions;
  readonly #jobs = new Map<string, Job>();
  #steps = 0;
  #reading = false;
  #readAgain = false;
  #stopped = false;
  #cancelPoll: (() => void) | null = null;
  #cancelTimer: (() => void) | null = null;

  constructor(options: RedriverOptions) {
    this.#o = options;
  }

  /** There may be a new job, or one may have changed. */
  wake(): void {
    if (this.#reading) this.#readAgain = true;
    else if (!this.#stopped && this.#o.role.isCoordinator) void this.#read();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelPoll?.();
    this.#cancelTimer?.();
    this.#jobs.clear();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    this.#cancelPoll?.();
    this.#cancelPoll = null;
    let failed = false;
    do {
      this.#readAgain = false;
      try {
        this.#keep(await this.#o.store.read.runningRedrives());
        failed = false;
      } catch (error) {
        failed = true;
        this.#o.logger.warn(
          { code: 'redrives_unread', error: (error as Error).message },
          'cannot read redrives; trying again',
        );
      }
    } while (this.#readAgain && !failed && !this.#stopped);
    this.#reading = false;
    if (this.#stopped) return;
    this.#pump();
    if (this.#jobs.size > 0 || failed)
      this.#cancelPoll = this.#o.clock.after(pollMs, () => {
        this.#cancelPoll = null;
        this.wake();
      });
  }

  #keep(running: readonly RedriveRecord[]): void {
    const ids = new Set(running.map(({ id }) => id));
    // One that is in a step ends with what the step answers.
    for (const [id, job] of this.#jobs) if (!ids.has(id) && !job.stepping) this.#jobs.delete(id);
    const now = this.#o.clock.monotonic();
    for (const redrive of running) {
      const job = this.#jobs.get(redrive.id);
      if (job === undefined) {
        // Begun by a former run or another node: the rate counts on from its last step.
        const since = redrive.steppedAt === null ? Infinity : this.#o.clock.now() - redrive.steppedAt;
        const pace = paceMs(redrive.ratePerS, stepSize(redrive.ratePerS));
        const nextAt = now + Math.min(pace, Math.max(0, pace - Math.max(0, since)));
        const fresh = { redrive, nextAt, lastAt: now, last: 0, failures: 0, stepping: false };
        this.#jobs.set(redrive.id, fresh);
      } else if (job.redrive.ratePerS !== redrive.ratePerS) {
        job.redrive = { ...job.redrive, ratePerS: redrive.ratePerS };
        if (job.failures === 0) job.nextAt = job.lastAt + paceMs(redrive.ratePerS, job.last);
      }
    }
  }

  /** Begins steps whose time has come, the one that has waited longest first. */
  #pump(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#stopped) return;
    if (!this.#o.role.isCoordinator) {
      this.#jobs.clear();
      return;
    }
    const waiting = [...this.#jobs.values()]
      .filter(({ stepping }) => !stepping)
      .toSorted((a, b) => a.nextAt - b.nextAt);
    const now = this.#o.clock.monotonic();
    for (const job of waiting) {
      if (this.#steps >= maxSteps) return;
      if (job.nextAt > now) {
        this.#cancelTimer = this.#o.clock.after(job.nextAt - now, () => this.#pump());
        return;
      }
      this.#steps++;
      job.stepping = true;
      void this.#step(job);
    }
  }

  async #step(job: Job): Promise<void> {
    const { id, ratePerS, redriven: before } = job.redrive;
    const began = this.#o.clock.monotonic();
    try {
      const answer = await this.#o.store.write.stepRedrive(id, stepSize(ratePerS), this.#o.clock.now());
      this.#o.dispatcher.wake(answer.endpointIds);
      const now = this.#o.clock.monotonic();
      // What a poll has heard of the rate meanwhile is as new as what the step has read.
      job.redrive = answer.redrive;
      job.failures = 0;
      if (answer.redrive.state !== 'running') this.#jobs.delete(id);
      if (answer.redrive.stopReason === 'failing')
        this.#o.logger.warn(
          { code: 'redrive_failing', redrive: id },
          'a redrive or replay stopped itself: its first deliveries all failed',
        );
      const last = answer.redrive.redriven - before;
      if (last > 0) {
        job.lastAt = Math.max(job.nextAt, now - maxBehindMs);
        job.last = last;
      }
      const pause = answer.isWaiting ? waitPollMs : Math.min(maxPauseMs, Math.max(pauseMs, now - began));
      job.nextAt = Math.max(now + pause, last > 0 ? job.lastAt + paceMs(answer.redrive.ratePerS, last) : 0);
    } catch (error) {
      const wait = Math.min(maxRetryMs, retryFirstMs * 2 ** Math.min(job.failures++, 10));
      job.nextAt = this.#o.clock.monotonic() + wait;
      this.#o.logger.warn(
        { code: 'redrive_step_failed', redrive: id, error: (error as Error).message },
        'a step of a redrive or replay failed; trying again',
      );
    }
    job.stepping = false;
    this.#steps--;
    this.#pump();
  }
}

function stepSize(ratePerS: number | null): number {
  return ratePerS === null ? maxStep : Math.min(maxStep, Math.max(1, Math.round((ratePerS * stepMs) / 1000)));
}

/** How long so many deliveries take at this rate. */
function paceMs(ratePerS: number | null, deliveries: number): number {
  return ratePerS === null ? 0 : (deliveries / ratePerS) * 1000;
}
