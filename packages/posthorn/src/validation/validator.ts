import { hash as digest } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { nextTurn } from '../runtime/turn.ts';
import { type LaneRecord, type NoVerdict, type Slice, ValidationLane } from './lane.ts';
import { lowerHelpers } from './low-priority.ts';
import type { ThreadAnswer, ThreadRequest, Verdict } from './protocol.ts';
import { type Excess, ValidationThread } from './thread.ts';

/** Processor time of one message to a thread; an ordinary schema takes microseconds a text. */
const budgetMs = 400;
/** Of one schema's compilation, which is its own cost at declaration and the first text's afterward. */
const compileBudgetMs = 1500;
const heapMb = 128;
const maxTextsPerMessage = 64;
const maxTextLengthPerMessage = 1024 * 1024;
const maxWaitingJobs = 5000;
const maxWaitingJobsPerLane = 1000;
const maxWaitMs = 10_000;
const maxLanes = 10_000;
const sweepEveryMs = 1000;
const idleThreadMs = 60_000;

export interface DeclaredSchema {
  readonly hash: string;
  readonly text: string;
}

/** Rejects with this where there is no verdict, and why. */
export class ValidationError extends Error {
  override readonly name = 'ValidationError';
  readonly why: NoVerdict;
  constructor(why: NoVerdict) {
    super(why.kind);
    this.why = why;
  }
}

export function declaredSchema(document: unknown): DeclaredSchema {
  const text = JSON.stringify(document);
  return { text, hash: digest('sha256', text) };
}

/**
 * Judges texts by schemas that users declared: in threads of its own, with a bound on time, memory and what waits (G8).
 * A schema and owner that exceed the bound fail alone; the delivery thread never runs a schema.
 */
export interface SchemaValidator {
  /** A verdict for each text. `owner` is whose share of the threads this is. Rejects with `ValidationError`. */
  validate(schema: DeclaredSchema, owner: string, texts: readonly string[]): Promise<readonly Verdict[]>;
  /** Why the schema cannot be declared, or null. Rejects with `ValidationError`. */
  inspect(schema: DeclaredSchema): Promise<string | null>;
  close(): void;
}

type WorkKind = LaneRecord | 'inspection';

interface Inspection {
  readonly schema: string;
  readonly since: number;
  readonly resolve: (fault: string | null) => void;
  readonly reject: (why: NoVerdict) => void;
}

/** What one lane has in a message. */
interface Part {
  readonly lane: ValidationLane;
  readonly slices: readonly Slice[];
}

/** A message: one lane's, or those of several lanes that are known to be quick. */
interface Validation {
  readonly kind: 'validation';
  readonly record: LaneRecord;
  readonly parts: readonly Part[];
}

type Running = Validation | { readonly kind: 'inspection'; readonly inspection: Inspection };

interface Slot {
  readonly thread: ValidationThread;
  ready: boolean;
  running: Running | null;
  idleSince: number;
}

function countTexts({ slices }: Part): number {
  return slices.reduce((sum, { from, to }) => sum + to - from, 0);
}

function unusable(answer: ThreadAnswer): string {
  return answer.kind === 'unusable' ? answer.message : 'the schema cannot be compiled';
}

class ThreadedValidator implements SchemaValidator {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Those that run what may hang, beside the one for what is known to be quick. */
  readonly #maxUnproven = Math.min(3, Math.max(2, availableParallelism() - 1));
  readonly #slots = new Set<Slot>();
  readonly #lanes = new Map<string, ValidationLane>();
  /** Lanes with work that are not running. */
  readonly #queues: Readonly<Record<LaneRecord, ValidationLane[]>> = { proven: [], fresh: [], slow: [] };
  readonly #inspections: Inspection[] = [];
  #turn = 0;
  #isDispatching = false;
  /** The thread that only proven lanes use, once there are any; what may hang runs where everything else goes first. */
  #reserved: Slot | null = null;
  #hasProven = false;
  #loweredHelpers = false;
  #waiting = 0;
  #cancelSweep: (() => void) | null = null;
  #closed = false;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  validate(schema: DeclaredSchema, owner: string, texts: readonly string[]): Promise<readonly Verdict[]> {
    const now = this.#clock.monotonic();
    return new Promise((resolve, fail) => {
      const reject = (why: NoVerdict): void => fail(new ValidationError(why));
      const lane = this.#lane(schema, owner);
      if (this.#closed || lane === null || this.#waiting >= maxWaitingJobs) return reject({ kind: 'busy' });
      const retryAfterMs = lane.suspendedForMs(now);
      if (retryAfterMs > 0) return reject({ kind: 'suspended', retryAfterMs });
      if (lane.jobs.length >= maxWaitingJobsPerLane) return reject({ kind: 'busy' });
      lane.jobs.push({ texts, verdicts: [], since: now, alone: false, resolve, reject });
      this.#waiting++;
      if (lane.jobs.length === 1 && !lane.running) this.#enqueue(lane);
      this.#dispatchSoon();
    });
  }

  inspect(schema: DeclaredSchema): Promise<string | null> {
    return new Promise((resolve, fail) => {
      const reject = (why: NoVerdict): void => fail(new ValidationError(why));
      if (this.#closed || this.#waiting >= maxWaitingJobs) return reject({ kind: 'busy' });
      this.#inspections.push({ schema: schema.text, since: this.#clock.monotonic(), resolve, reject });
      this.#waiting++;
      this.#dispatchSoon();
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancelSweep?.();
    for (const { thread } of this.#slots) thread.close();
    this.#giveUp(() => true);
  }

  #lane({ hash, text }: DeclaredSchema, owner: string): ValidationLane | null {
    const key = `${hash} ${owner}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      if (this.#lanes.size >= maxLanes) this.#forgetIdle();
      if (this.#lanes.size >= maxLanes) return null;
      lane = new ValidationLane(hash, text);
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #forgetIdle(): void {
    const now = this.#clock.monotonic();
    for (const [key, lane] of this.#lanes) if (lane.isIdle(now)) this.#lanes.delete(key);
  }

  #enqueue(lane: ValidationLane): void {
    this.#queues[lane.record].push(lane);
  }

  /**
   * The kinds of work that may begin on this thread, or with null on a new one. What hangs cannot take every thread: proven
   * lanes have one to themselves, and slow ones leave another to what is new.
   */
  #eligible(slot: Slot | null): WorkKind[] {
    const { proven, fresh, slow } = this.#queues;
    const kinds: WorkKind[] = proven.length > 0 ? ['proven'] : [];
    if (slot !== null && slot === this.#reserved) return kinds;
    if (fresh.length > 0) kinds.push('fresh');
    let slowRunning = 0;
    for (const { running } of this.#slots)
      if (running !== null && (running.kind === 'inspection' || running.record === 'slow')) slowRunning++;
    if (slowRunning >= this.#maxUnproven - 1) return kinds;
    if (slow.length > 0) kinds.push('slow');
    if (this.#inspections.length > 0) kinds.push('inspection');
    return kinds;
  }

  /** What runs next on this thread: the kinds take turns, and lanes of a kind too. */
  #next(slot: Slot): Running | null {
    const { thread } = slot;
    const kinds = this.#eligible(slot);
    if (kinds.length === 0) return null;
    const kind = kinds[this.#turn++ % kinds.length]!;
    if (kind === 'inspection') return { kind, inspection: this.#inspections.shift()! };
    const queue = this.#queues[kind];
    const parts = [this.#part(queue.shift()!)];
    // A message costs more than most validations: those that are known to be quick share one.
    if (kind === 'proven' && thread.sent.has(parts[0]!.lane.hash)) {
      let texts = countTexts(parts[0]!);
      while (queue.length > 0 && texts < maxTextsPerMessage && thread.sent.has(queue[0]!.hash)) {
        const part = this.#part(queue.shift()!);
        texts += countTexts(part);
        parts.push(part);
      }
    }
    return { kind: 'validation', record: kind, parts };
  }

  #part(lane: ValidationLane): Part {
    lane.running = true;
    return { lane, slices: lane.take(maxTextsPerMessage, maxTextLengthPerMessage) };
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
    if (this.#hasProven) this.#reserved ??= this.#startThread(false);
    // What nothing took waits for a thread of its own, while there may be more.
    const unproven = this.#slots.size - Number(this.#reserved !== null);
    if (!isStarting && unproven < this.#maxUnproven && this.#eligible(null).length > 0)
      this.#startThread(true);
  }

  #startThread(lowPriority: boolean): Slot {
    if (lowPriority && !this.#loweredHelpers) {
      this.#loweredHelpers = true;
      lowerHelpers();
    }
    const slot: Slot = {
      ready: false,
      running: null,
      idleSince: this.#clock.monotonic(),
      thread: new ValidationThread({
        clock: this.#clock,
        heapMb,
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

  #send(slot: Slot, running: Running): void {
    const { thread } = slot;
    if (running.kind === 'inspection') {
      const request: ThreadRequest = { kind: 'inspect', schema: running.inspection.schema };
      thread.run(request, compileBudgetMs, (answer) => this.#inspected(slot, running.inspection, answer));
      return;
    }
    const { hash, schema } = running.parts[0]!.lane;
    if (thread.sent.has(hash)) return this.#sendTexts(slot, running);
    if (thread.sent.size >= maxLanes) thread.sent.clear();
    thread.run({ kind: 'prepare', hash, schema }, compileBudgetMs, (answer) => {
      if (answer.kind !== 'prepared') return this.#validated(slot, running, answer);
      thread.sent.add(hash);
      this.#sendTexts(slot, running);
    });
  }

  #sendTexts(slot: Slot, running: Validation): void {
    const parts = running.parts.map(({ lane, slices }) => ({
      hash: lane.hash,
      texts: slices.flatMap(({ job, from, to }) => job.texts.slice(from, to)),
    }));
    slot.thread.run({ kind: 'validate', parts }, budgetMs, (answer, usedMs) => {
      if (answer.kind === 'missing') return this.#forgotten(slot, running, answer.hash);
      for (const { lane } of running.parts) {
        lane.used(usedMs, parts.length === 1);
        this.#hasProven ||= lane.record === 'proven';
      }
      this.#validated(slot, running, answer);
    });
  }

  /** The thread has dropped a schema: what was sent with it waits again, and the schema is sent before. */
  #forgotten(slot: Slot, { parts }: Validation, hash: string): void {
    slot.thread.sent.delete(hash);
    this.#free(slot);
    for (const part of parts) this.#back(part);
    this.#dispatch();
  }

  /** Puts jobs back to the front of their lane. */
  #back({ lane, slices }: Part): void {
    lane.running = false;
    lane.jobs.unshift(...slices.map(({ job }) => job));
    this.#enqueue(lane);
  }

  #free(slot: Slot): void {
    slot.running = null;
    slot.idleSince = this.#clock.monotonic();
  }

  #inspected(slot: Slot, { resolve, reject }: Inspection, answer: ThreadAnswer): void {
    this.#free(slot);
    this.#waiting--;
    if (answer.kind === 'inspected') resolve(answer.fault);
    else reject({ kind: 'unusable', message: 'the schema cannot be compiled' });
    this.#dispatch();
  }

  #validated(slot: Slot, { parts }: Validation, answer: ThreadAnswer): void {
    this.#free(slot);
    for (const [index, { lane, slices }] of parts.entries()) {
      lane.running = false;
      const verdicts = answer.kind === 'validated' ? answer.parts[index]! : unusable(answer);
      let at = 0;
      for (const { job, from, to } of slices) {
        if (typeof verdicts === 'string') {
          this.#waiting--;
          job.reject({ kind: 'unusable', message: verdicts });
          continue;
        }
        job.verdicts.push(...verdicts.slice(at, (at += to - from)));
        // Only a job that is alone in its message can be incomplete: it goes back to the front.
        if (job.verdicts.length < job.texts.length) lane.jobs.unshift(job);
        else {
          this.#waiting--;
          job.resolve(job.verdicts);
        }
      }
      if (lane.jobs.length > 0) this.#enqueue(lane);
    }
    this.#dispatch();
  }

  #ended(slot: Slot, excess: Excess): void {
    this.#slots.delete(slot);
    if (this.#reserved === slot) this.#reserved = null;
    const { running } = slot;
    slot.running = null;
    if (this.#closed || excess === 'closed') {
      if (running !== null) this.#rejectRunning(running, { kind: 'busy' });
      return;
    }
    if (excess === 'failed')
      this.#logger.warn({ code: 'validation_thread_ended' }, 'a validation thread ended');
    if (running === null) {
      // A thread that does not start would be started again for ever.
      if (!slot.ready) this.#giveUp(() => true);
    } else if (excess === 'failed') this.#rejectRunning(running, { kind: 'busy' });
    else if (running.kind === 'inspection')
      this.#rejectRunning(running, { kind: 'too_expensive', resource: excess });
    else this.#exceeded(running, excess);
    this.#dispatch();
  }

  #exceeded({ parts }: Validation, resource: 'time' | 'memory'): void {
    if (parts.length > 1 || parts[0]!.slices.length > 1) {
      // One of them is at fault: each is tried by itself.
      for (const part of parts) {
        part.lane.suspected();
        for (const { job } of part.slices) job.alone = true;
        this.#back(part);
      }
      return;
    }
    const { lane, slices } = parts[0]!;
    const now = this.#clock.monotonic();
    lane.running = false;
    lane.strike(now);
    this.#waiting--;
    slices[0]!.job.reject({ kind: 'too_expensive', resource });
    const retryAfterMs = lane.suspendedForMs(now);
    if (retryAfterMs > 0) {
      this.#logger.warn(
        { code: 'schema_suspended', schema: lane.hash.slice(0, 16), retry_after_ms: retryAfterMs },
        'a schema exceeds its budget and is suspended',
      );
      this.#waiting -= lane.jobs.length;
      for (const job of lane.jobs.splice(0)) job.reject({ kind: 'suspended', retryAfterMs });
    }
    if (lane.jobs.length > 0) this.#enqueue(lane);
  }

  #rejectRunning(running: Running, why: NoVerdict): void {
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
    for (const lanes of Object.values(this.#queues))
      lanes.splice(0, lanes.length, ...lanes.filter(({ jobs }) => jobs.length > 0));
    for (const inspection of this.#inspections.splice(0))
      if (since(inspection.since)) {
        this.#waiting--;
        inspection.reject({ kind: 'busy' });
      } else this.#inspections.push(inspection);
  }

  #sweepLater(): void {
    if (this.#closed) return;
    this.#cancelSweep ??= this.#clock.after(sweepEveryMs, () => {
      this.#cancelSweep = null;
      const now = this.#clock.monotonic();
      this.#giveUp((at) => now - at > maxWaitMs);
      for (const { thread, running, ready, idleSince } of this.#slots)
        if (ready && running === null && now - idleSince > idleThreadMs) thread.close();
      if (this.#waiting > 0 || this.#slots.size > 0) this.#sweepLater();
    });
  }
}

export function createSchemaValidator(clock: Clock, logger: Logger): SchemaValidator {
  return new ThreadedValidator(clock, logger);
}
