import { hash as digest } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { nextTurn } from '../runtime/turn.ts';
import { Turns } from '../runtime/turns.ts';
import { HangPauses } from './hang-pauses.ts';
import { Lane, type LaneRecord, type NoResult, type Slice } from './lane.ts';
import { LaneQueue } from './lane-queue.ts';
import type { HostKind } from './host.ts';
import type { PartAnswer, Program, ThreadAnswer, ThreadRequest } from './protocol.ts';
import { type Excess, Runner } from './runner.ts';

const maxTextLengthPerMessage = 1024 * 1024;
const maxWaitingJobs = 5000;
const maxWaitingJobsPerLane = 1000;
const maxLanes = 10_000;
const idleRunnerMs = 60_000;

export interface PoolOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What its runners are, and what they run: a file that calls `serve`. */
  readonly host: HostKind;
  readonly script: URL;
  /** What its programs are called in the log. */
  readonly name: string;
  /** Processor time of one message to a thread, which is ended then. */
  readonly budgetMs: number;
  /** Processor time of one text, after which a program that can stop by itself does; and at first, before much is known of it. */
  readonly limitMs: number;
  readonly freshLimitMs: number;
  readonly maxTextsPerMessage: number;
  /** Processor time of compiling one program, which is its own cost at declaration and the first text's afterward. */
  readonly compileBudgetMs: number;
  readonly heapMb: number;
  /** What waits longer is given up. */
  readonly maxWaitMs: number;
}

/** Why a program gave no result. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
  readonly why: NoResult;
  constructor(why: NoResult) {
    super(why.kind);
    this.why = why;
  }
}

export function programFrom(text: string, isSimple = false): Program {
  return { text, hash: digest('sha256', text), isSimple };
}

/** Whose share of the runners a program uses: its lane is the owner's, and tenants take turns. */
export interface Owner {
  readonly tenant: string;
  readonly id: string;
}

type WorkKind = LaneRecord | 'inspection';

interface Inspection {
  readonly tenant: string;
  readonly program: string;
  readonly since: number;
  readonly resolve: (fault: string | null) => void;
  readonly reject: (why: NoResult) => void;
}

/** What one lane has in a message. */
interface Part<R> {
  readonly lane: Lane<R>;
  readonly slices: readonly Slice<R>[];
}

/** A message: one lane's, or those of several lanes that are known to be quick. */
interface Run<R> {
  readonly kind: 'run';
  readonly record: LaneRecord;
  readonly parts: readonly Part<R>[];
}

type Running<R> = Run<R> | { readonly kind: 'inspection'; readonly inspection: Inspection };

interface Slot<R> {
  readonly runner: Runner<R>;
  ready: boolean;
  running: Running<R> | null;
  idleSince: number;
}

function countTexts<R>({ slices }: Part<R>): number {
  return slices.reduce((sum, { from, to }) => sum + to - from, 0);
}

function unusable<R>(answer: ThreadAnswer<R>): string {
  return answer.kind === 'unusable' ? answer.message : 'it cannot be compiled';
}

/**
 * Runs programs that users declared on texts: in threads or processes of its own, with a bound on time, memory and what waits (G8). A program
 * and owner that exceed the bound fail alone; the thread that delivers never runs one.
 */
export class SandboxPool<R> {
  readonly #o: PoolOptions;
  readonly #clock: Clock;
  /** Those that run what may hang, beside the one for what is known to be quick. */
  readonly #maxUnproven = Math.min(3, Math.max(2, availableParallelism() - 1));
  readonly #slots = new Set<Slot<R>>();
  readonly #lanes = new Map<string, Lane<R>>();
  /** Lanes with work that are not running. */
  readonly #queues: Readonly<Record<LaneRecord, LaneQueue<R>>> = {
    proven: new LaneQueue(),
    simple: new LaneQueue(),
    fresh: new LaneQueue(),
    slow: new LaneQueue(),
  };
  readonly #pauses: HangPauses<R>;
  #inspections = new Turns<Inspection>();
  #turn = 0;
  #isDispatching = false;
  /** The thread that only proven lanes use, once there are any; what may hang runs where everything else goes first. */
  #reserved: Slot<R> | null = null;
  #hasProven = false;
  #waiting = 0;
  #cancelSweep: (() => void) | null = null;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#o = options;
    this.#clock = options.clock;
    this.#pauses = new HangPauses(options.clock, (lane) => this.#queue(lane));
  }

  /** A result for each text. Rejects with `SandboxError`. */
  run(program: Program, owner: Owner, texts: readonly string[]): Promise<readonly R[]> {
    const now = this.#clock.monotonic();
    return new Promise((resolve, fail) => {
      const reject = (why: NoResult): void => fail(new SandboxError(why));
      const lane = this.#lane(program, owner);
      if (this.#closed || lane === null || this.#waiting >= maxWaitingJobs) return reject({ kind: 'busy' });
      const retryAfterMs = lane.suspendedForMs(now);
      if (retryAfterMs > 0) return reject({ kind: 'suspended', retryAfterMs });
      if (lane.jobs.length >= maxWaitingJobsPerLane) return reject({ kind: 'busy' });
      lane.jobs.push({ texts, results: [], since: now, alone: false, resolve, reject });
      this.#waiting++;
      if (lane.jobs.length === 1 && !lane.running) this.#enqueue(lane);
    });
  }

  /** Why the program cannot be declared, or null. Rejects with `SandboxError`. */
  inspect(program: Program, tenant: string): Promise<string | null> {
    return new Promise((resolve, fail) => {
      const reject = (why: NoResult): void => fail(new SandboxError(why));
      if (this.#closed || this.#waiting >= maxWaitingJobs) return reject({ kind: 'busy' });
      const since = this.#clock.monotonic();
      this.#inspections.add(tenant, { tenant, program: program.text, since, resolve, reject });
      this.#waiting++;
      this.#dispatchSoon();
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancelSweep?.();
    this.#pauses.close();
    for (const { runner } of this.#slots) runner.close();
    this.#giveUp(() => true);
  }

  #lane(program: Program, { tenant, id }: Owner): Lane<R> | null {
    const key = `${program.hash} ${id}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      if (this.#lanes.size >= maxLanes) this.#forgetIdle();
      if (this.#lanes.size >= maxLanes) return null;
      lane = new Lane(program, tenant);
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #forgetIdle(): void {
    const now = this.#clock.monotonic();
    for (const [key, lane] of this.#lanes) if (lane.isIdle(now)) this.#lanes.delete(key);
  }

  #enqueue(lane: Lane<R>): void {
    if (!this.#pauses.holds(lane)) this.#queue(lane);
  }

  #queue(lane: Lane<R>): void {
    this.#queues[lane.record].add(lane, this.#clock.monotonic());
    this.#dispatchSoon();
  }

  // What hangs cannot take every thread: proven lanes have one to themselves, and slow ones leave another to what is new.
  /** The kinds of work that may begin on this thread, or with null on a new one. */
  #eligible(slot: Slot<R> | null): WorkKind[] {
    const { proven, simple, fresh, slow } = this.#queues;
    const kinds: WorkKind[] = proven.length > 0 ? ['proven'] : [];
    if (slot !== null && slot === this.#reserved) return kinds;
    if (simple.length > 0) kinds.push('simple');
    if (fresh.length > 0) kinds.push('fresh');
    let slowRunning = 0;
    for (const { running } of this.#slots)
      if (running !== null && (running.kind === 'inspection' || running.record === 'slow')) slowRunning++;
    if (slowRunning >= this.#maxUnproven - 1) return kinds;
    if (slow.length > 0) kinds.push('slow');
    if (this.#inspections.size > 0) kinds.push('inspection');
    return kinds;
  }

  /** What runs next on this thread: the kinds take turns, and tenants within a kind. */
  #next(slot: Slot<R>): Running<R> | null {
    const { runner } = slot;
    const kinds = this.#eligible(slot);
    if (kinds.length === 0) return null;
    const kind = kinds[this.#turn++ % kinds.length]!;
    if (kind === 'inspection') return { kind, inspection: this.#inspections.take()! };
    const queue = this.#queues[kind];
    const parts = [this.#part(queue.take()!)];
    // A message costs more than most runs: those that are known to be quick share one.
    if (kind === 'proven' && runner.sent.has(parts[0]!.lane.program.hash)) {
      let texts = countTexts(parts[0]!);
      while (
        queue.length > 0 &&
        texts < this.#o.maxTextsPerMessage &&
        runner.sent.has(queue.peek()!.program.hash)
      ) {
        const part = this.#part(queue.take()!);
        texts += countTexts(part);
        parts.push(part);
      }
    }
    return { kind: 'run', record: kind, parts };
  }

  #part(lane: Lane<R>): Part<R> {
    lane.running = true;
    lane.waitingSince = null;
    return { lane, slices: lane.take(this.#o.maxTextsPerMessage, maxTextLengthPerMessage) };
  }

  /** At the end of the turn, so that what comes in one turn shares a message. */
  #dispatchSoon(): void {
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    void nextTurn().then(() => {
      this.#isDispatching = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    if (this.#closed) return;
    if (this.#waiting > 0) this.#sweepLater();
    let isStarting = false;
    for (const slot of this.#slots) {
      isStarting ||= !slot.ready;
      if (!slot.ready || slot.running !== null) continue;
      const running = this.#next(slot);
      if (running === null) continue;
      slot.running = running;
      this.#send(slot, running);
    }
    if (this.#hasProven) this.#reserved ??= this.#startRunner(false);
    // What nothing took waits for a thread of its own, while there may be more.
    const unproven = this.#slots.size - Number(this.#reserved !== null);
    if (!isStarting && unproven < this.#maxUnproven && this.#eligible(null).length > 0)
      this.#startRunner(true);
  }

  #startRunner(lowPriority: boolean): Slot<R> {
    const slot: Slot<R> = {
      ready: false,
      running: null,
      idleSince: this.#clock.monotonic(),
      runner: new Runner({
        clock: this.#clock,
        host: this.#o.host,
        script: this.#o.script,
        heapMb: this.#o.heapMb,
        lowPriority,
        onReady: () => {
          slot.ready = true;
          this.#dispatch();
        },
        onEnd: (excess) => this.#ended(slot, excess),
      }),
    };
    this.#slots.add(slot);
    return slot;
  }

  #send(slot: Slot<R>, running: Running<R>): void {
    const { runner } = slot;
    if (running.kind === 'inspection') {
      const request: ThreadRequest = { kind: 'inspect', program: running.inspection.program };
      runner.run(request, this.#o.compileBudgetMs, (answer) =>
        this.#inspected(slot, running.inspection, answer),
      );
      return;
    }
    const { program } = running.parts[0]!.lane;
    const { hash } = program;
    if (runner.sent.has(hash)) return this.#sendTexts(slot, running);
    if (runner.sent.size >= maxLanes) runner.sent.clear();
    runner.run({ kind: 'prepare', program }, this.#o.compileBudgetMs, (answer) => {
      if (answer.kind !== 'prepared') return this.#ran(slot, running, answer);
      runner.sent.add(hash);
      this.#sendTexts(slot, running);
    });
  }

  #sendTexts(slot: Slot<R>, running: Run<R>): void {
    const parts = running.parts.map(({ lane, slices }) => ({
      hash: lane.program.hash,
      texts: slices.flatMap(({ job, from, to }) => job.texts.slice(from, to)),
    }));
    const isNew = running.record === 'fresh' || running.record === 'simple';
    const limitMs = isNew ? this.#o.freshLimitMs : this.#o.limitMs;
    slot.runner.run({ kind: 'run', parts, limitMs }, this.#o.budgetMs, (answer, usedMs) => {
      if (answer.kind === 'missing') return this.#forgotten(slot, running, answer.hash);
      for (const { lane } of running.parts) {
        lane.used(usedMs, parts.length === 1);
        this.#hasProven ||= lane.record === 'proven';
        this.#pauses.ran(lane.program.hash);
      }
      this.#ran(slot, running, answer);
    });
  }

  /** The thread has dropped a program: what was sent with it waits again, and the program is sent before. */
  #forgotten(slot: Slot<R>, { parts }: Run<R>, hash: string): void {
    slot.runner.sent.delete(hash);
    this.#free(slot);
    for (const part of parts) this.#back(part);
    this.#dispatch();
  }

  /** Puts jobs back to the front of their lane. */
  #back({ lane, slices }: Part<R>): void {
    lane.running = false;
    lane.jobs.unshift(...slices.map(({ job }) => job));
    this.#enqueue(lane);
  }

  #free(slot: Slot<R>): void {
    slot.running = null;
    slot.idleSince = this.#clock.monotonic();
  }

  #inspected(slot: Slot<R>, { resolve, reject }: Inspection, answer: ThreadAnswer<R>): void {
    this.#free(slot);
    this.#waiting--;
    if (answer.kind === 'inspected') resolve(answer.fault);
    else reject({ kind: 'unusable', message: unusable(answer) });
    this.#dispatch();
  }

  #ran(slot: Slot<R>, { record, parts }: Run<R>, answer: ThreadAnswer<R>): void {
    this.#free(slot);
    for (const [index, part] of parts.entries())
      this.#partRan(
        part,
        record,
        answer.kind === 'ran' ? answer.parts[index]! : { kind: 'unusable', message: unusable(answer) },
      );
    this.#dispatch();
  }

  #partRan(part: Part<R>, record: LaneRecord, answer: PartAnswer<R>): void {
    if (answer.kind === 'exceeded') return this.#partExceeded(part, record, 'time');
    const { lane, slices } = part;
    lane.running = false;
    let at = 0;
    for (const { job, from, to } of slices) {
      if (answer.kind === 'unusable') {
        this.#waiting--;
        job.reject(answer);
        continue;
      }
      job.results.push(...answer.results.slice(at, (at += to - from)));
      // Only a job that is alone in its message can be incomplete: it goes back to the front.
      if (job.results.length < job.texts.length) lane.jobs.unshift(job);
      else {
        this.#waiting--;
        job.resolve(job.results);
      }
    }
    if (lane.jobs.length > 0) this.#enqueue(lane);
  }

  #ended(slot: Slot<R>, excess: Excess): void {
    this.#slots.delete(slot);
    if (this.#reserved === slot) this.#reserved = null;
    const { running } = slot;
    slot.running = null;
    if (this.#closed || excess === 'closed') {
      if (running !== null) this.#rejectRunning(running, { kind: 'busy' });
      return;
    }
    const { logger, name } = this.#o;
    if (excess === 'failed') logger.warn({ code: `${name}_runner_ended` }, `the runner of a ${name} ended`);
    if (running === null) {
      // A thread that does not start would be started again for ever.
      if (!slot.ready) this.#giveUp(() => true);
    } else if (excess === 'failed') this.#rejectRunning(running, { kind: 'busy' });
    else if (running.kind === 'inspection')
      this.#rejectRunning(running, { kind: 'too_expensive', resource: excess });
    else if (running.parts.length > 1) for (const part of running.parts) this.#tryAlone(part);
    else {
      const part = running.parts[0]!;
      this.#pauses.hung(part.lane.program.hash);
      // Whatever its record: a thread was lost.
      this.#partExceeded(part, 'slow', excess);
    }
    this.#dispatch();
  }

  /** Tries each job by itself: one of several is at fault. */
  #tryAlone(part: Part<R>): void {
    part.lane.suspected();
    for (const { job } of part.slices) job.alone = true;
    this.#back(part);
  }

  #partExceeded(part: Part<R>, record: LaneRecord, resource: 'time' | 'memory'): void {
    const { lane, slices } = part;
    if (slices.length > 1) return this.#tryAlone(part);
    if (record === 'fresh' || record === 'simple') {
      lane.demote();
      return this.#back(part);
    }
    const now = this.#clock.monotonic();
    lane.running = false;
    lane.strike(now);
    this.#waiting--;
    slices[0]!.job.reject({ kind: 'too_expensive', resource });
    const retryAfterMs = lane.suspendedForMs(now);
    if (retryAfterMs > 0) {
      const { logger, name } = this.#o;
      logger.warn(
        { code: `${name}_suspended`, [name]: lane.program.hash.slice(0, 16), retry_after_ms: retryAfterMs },
        `a ${name} exceeds its budget and is suspended`,
      );
      this.#waiting -= lane.jobs.length;
      for (const job of lane.jobs.splice(0)) job.reject({ kind: 'suspended', retryAfterMs });
    }
    if (lane.jobs.length > 0) this.#enqueue(lane);
  }

  #rejectRunning(running: Running<R>, why: NoResult): void {
    if (running.kind === 'inspection') {
      this.#waiting--;
      return running.inspection.reject(why);
    }
    for (const { lane, slices } of running.parts) {
      lane.running = false;
      this.#waiting -= slices.length;
      for (const { job } of slices) job.reject(why);
      if (lane.jobs.length > 0) this.#enqueue(lane);
    }
  }

  /** Rejects what waits and came at such a time. */
  #giveUp(since: (at: number) => boolean): void {
    for (const { jobs } of this.#lanes.values()) {
      const late = jobs.filter((job) => since(job.since));
      if (late.length === 0) continue;
      jobs.splice(0, jobs.length, ...jobs.filter((job) => !since(job.since)));
      this.#waiting -= late.length;
      for (const { reject } of late) reject({ kind: 'busy' });
    }
    for (const queue of Object.values(this.#queues)) queue.dropEmpty();
    const inspections = this.#inspections;
    this.#inspections = new Turns();
    for (let next = inspections.take(); next !== undefined; next = inspections.take())
      if (since(next.since)) {
        this.#waiting--;
        next.reject({ kind: 'busy' });
      } else this.#inspections.add(next.tenant, next);
  }

  #sweepLater(): void {
    if (this.#closed) return;
    this.#cancelSweep ??= this.#clock.after(this.#o.maxWaitMs / 10, () => {
      this.#cancelSweep = null;
      const now = this.#clock.monotonic();
      this.#giveUp((at) => now - at > this.#o.maxWaitMs);
      for (const { runner, running, ready, idleSince } of this.#slots)
        if (ready && running === null && now - idleSince > idleRunnerMs) runner.close();
      if (this.#waiting > 0 || this.#slots.size > 0) this.#sweepLater();
    });
  }
}
