import {
  type ClockRecord,
  type ClockStatus,
  type ClockStep,
  clockStatus,
  closeDisputes,
  firstClockRecord,
  hasOpenDispute,
  isDoubted,
  jumpMs,
  type LookAgain,
  lookAgain,
  parseClockRecord,
  sharedSlackMs,
  stepClock,
  willLookAgain,
} from '../domain/clock-record.ts';
import { iso, minuteMs } from '../domain/time.ts';
import type { NodeClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { type Repeated, repeat } from '../runtime/repeat.ts';
import type { Rebase } from '../store/clockwork.ts';
import type { StorePart } from '../store/store.ts';
import type { ClaimGate } from './claims.ts';
import type { OwnedShards } from './owned-shards.ts';

/** How often an embedded node compares its clock with the machine's; nodes that share a store do so with each heartbeat. */
const checkMs = 2000;
/** How often the record is saved: after a crash no more than this is missing of what was lived through. */
const saveMs = 5000;
/**
 * After a step back of a shared store's clock every node has to have seen it before times in rows are moved: one that has
 * not would write times of before into rows that were moved already.
 */
const everyNodeMs = 3000;
/** A node that was not compared with the clock for so long (frozen, or cut off) may be wrong about it. */
const currentMs = 5000;
const maxTries = 3;
/** What was due at once by the former time is due this much sooner than the whole step when it is read again. */
const againSlackMs = 5 * minuteMs;

export interface TimekeeperOptions {
  readonly store: StorePart<'saveClock', 'clock'>;
  readonly clock: NodeClock;
  readonly logger: Logger;
  /** Whether nodes share the store: then its clock counts, and `compare` is called with each heartbeat. */
  readonly shared: boolean;
  /** The coordinator saves the record; the others read it. */
  readonly shards: Pick<OwnedShards, 'isCoordinator' | 'isAlone'>;
  readonly listener: ClockListener;
}

export interface ClockListener {
  /** The clock has jumped, and this node has followed: what it has in memory moves by as much. */
  jumped(byMs: number): void;
  /** Times in rows have moved. */
  rowsMoved(rebase: Rebase): Promise<void>;
}

/**
 * Keeps this node's clock right, and remembers in the store what it was, so that a jump is noticed: while running, and
 * between two runs (domain/clock-record.ts). Signatures follow the clock at once; what is relative (retries, leases) keeps its
 * distance; what deletes or expires goes by lived time.
 */
export class Timekeeper implements ClaimGate {
  readonly #o: TimekeeperOptions;
  #record: ClockRecord | null = null;
  #shown: ClockRecord | null = null;
  #text: string | null = null;
  /** When the record's reading was right, by the monotonic clock; null: before the first run that is known. */
  #seenAt: number | null = null;
  /** Whether the record is this node's own last word: then `#seenAt` is exact, and nothing has to be read. */
  #isOwn = false;
  /** By how much this node's clock went back when it saw a step; until it is known that its rows are read again. */
  #wentBackBy: number | null = null;
  #syncedAt = Number.NEGATIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;
  #syncing: Promise<void> | null = null;
  #comparing = false;
  #comparedAt = Number.NEGATIVE_INFINITY;
  #unsureSince: number | null = null;
  #checks: Repeated | null = null;

  constructor(options: TimekeeperOptions) {
    this.#o = options;
  }

  get status(): ClockStatus {
    // A jump is shown when this node has followed it.
    if (!this.#comparing) this.#shown = this.#record;
    return clockStatus(this.#shown);
  }

  /** Whether this node knows what time it is: one that has just thawed does not. */
  get isCurrent(): boolean {
    return !this.#o.shared || this.#o.clock.monotonic() - this.#comparedAt <= currentMs;
  }

  /**
   * Whether this node may claim by its clock: one that has thawed waits for a heartbeat, lest it takes over leases that only
   * seem to have run out (G3). Where heartbeats are slow it does not wait for ever (G2).
   */
  get mayClaim(): boolean {
    if (this.isCurrent) {
      this.#unsureSince = null;
      return true;
    }
    const now = this.#o.clock.monotonic();
    this.#unsureSince ??= now;
    return now - this.#unsureSince >= currentMs;
  }

  /** Compares the clock with what the former run has seen; before anything is claimed. Rejects if the store is away. */
  async start(): Promise<void> {
    const { clock } = this.#o;
    const now = clock.now();
    // From here on a jump is nothing that this node sees before it is compared.
    clock.setTime(now);
    await this.#sync(now, clock.monotonic());
    if (this.#o.shared) return;
    this.#checks = repeat(clock, () => this.compare(clock.wall()), {
      everyMs: checkMs,
      kind: 'poll',
      onError: (error) => this.#notSaved(error),
    });
  }

  /** Saves the last reading. */
  async stop(): Promise<void> {
    void this.#checks?.stop();
    if (this.#record !== null) await this.#syncSafely(this.#o.clock.now());
  }

  /** What the clock that counts says now: the machine's, or in a heartbeat's answer the store's. */
  async compare(now: number): Promise<void> {
    if (this.#comparing) return;
    this.#comparing = true;
    try {
      await this.#compare(now);
    } finally {
      this.#comparing = false;
    }
  }

  async #compare(now: number): Promise<void> {
    const { clock, shared, listener } = this.#o;
    const comparedAt = clock.monotonic();
    this.#comparedAt = comparedAt;
    const byMs = now - clock.now();
    if (this.#record === null || Math.abs(byMs) <= jumpMs) {
      clock.setTime(now);
      const since = clock.monotonic() - Math.max(this.#syncedAt, this.#notBefore);
      if (this.#record !== null && since >= saveMs) await this.#syncSafely(now);
      return;
    }
    // Whatever becomes of the record: from here on nothing grows old by a leap.
    const livedMs = this.#seenAt === null ? 0 : Math.round(comparedAt - this.#seenAt);
    clock.believe(stepClock(this.#record, now, livedMs).record);
    if (byMs < 0 && shared) {
      clock.setTime(now);
      this.#notBefore = clock.monotonic() + everyNodeMs - saveMs;
      this.#wentBackBy = byMs;
      listener.jumped(byMs);
      return;
    }
    // The embedded store carries out calls in their order: what is claimed from here on is claimed after the move.
    const moving = this.#syncSafely(now);
    // On a shared store this node might take leases for expired that only seem so.
    if (shared) await moving;
    clock.setTime(now + Math.round(clock.monotonic() - comparedAt));
    listener.jumped(byMs);
    await moving;
  }

  /** One at a time; a store that cannot be written is asked again at the next check. */
  #syncSafely(reading: number): Promise<void> {
    const readAt = this.#o.clock.monotonic();
    const sync = (): Promise<void> =>
      this.#sync(reading, readAt).catch((error: Error) => {
        this.#isOwn = false;
        this.#notSaved(error);
      });
    const mine = this.#syncing === null ? sync() : this.#syncing.then(sync);
    this.#syncing = mine;
    return mine.finally(() => {
      if (this.#syncing === mine) this.#syncing = null;
    });
  }

  #notSaved(error: Error): void {
    this.#o.logger.warn(
      { code: 'clock_not_saved', error: error.message },
      'cannot save the last time seen; trying again',
    );
  }

  /** Brings the record up to now, by a reading and when that was right. */
  async #sync(reading: number, readAt: number, tries = 0): Promise<void> {
    const { store, clock, shared, shards, listener } = this.#o;
    this.#syncedAt = clock.monotonic();
    const starting = this.#record === null;
    if (shared || !this.#isOwn) await this.#read(reading);
    const staleMs = clock.monotonic() - readAt;
    // A node that was frozen meanwhile would take what others know better for a jump: the next heartbeat says what time it is.
    if (shared && !starting && staleMs > currentMs) {
      this.#syncedAt = Number.NEGATIVE_INFINITY;
      return;
    }
    const now = reading + Math.round(staleMs);
    // How long nothing ran is unknown, unless other nodes did.
    const unknownMs = shards.isAlone ? null : 0;
    const livedMs = this.#seenAt === null ? unknownMs : Math.round(clock.monotonic() - this.#seenAt);
    const step = this.#late(stepClock(this.#record!, now, livedMs, this.#isOwn ? jumpMs : sharedSlackMs));
    if (step.jump === null && shared && !starting && !shards.isCoordinator && this.#wentBackBy === null) {
      clock.believe(this.#record!);
      return;
    }
    if (step.jump !== null) clock.believe(step.record);
    const closing = step.jump === null && hasOpenDispute(step.record);
    const followed = closing ? closeDisputes(step.record, (await store.read.clock()).bounds) : step.record;
    const due = step.jump === null ? followed.again.find(({ inMs }) => inMs <= 0) : undefined;
    const record =
      due === undefined ? followed : { ...followed, again: followed.again.filter((one) => one !== due) };
    const rebase = due !== undefined && shared ? moveAgain(now, due) : rebaseFrom(step);
    const text = JSON.stringify(record);
    const savedAt = clock.monotonic();
    if (!(await store.write.saveClock({ expected: this.#text, text, rebase }))) {
      // Another node was faster, or an answer got lost: the next check reads what is there.
      this.#isOwn = false;
      this.#syncedAt = Number.NEGATIVE_INFINITY;
      if (step.jump !== null && tries < maxTries) await this.#sync(reading, readAt, tries + 1);
      return;
    }
    this.#record = record;
    this.#text = text;
    this.#seenAt = savedAt;
    this.#isOwn = true;
    this.#wentBackBy = null;
    clock.believe(record);
    this.#log(step, starting);
    if (rebase !== null) await listener.rowsMoved(rebase);
  }

  /**
   * Others may have moved times in rows long before this node, which was frozen, saw the step: then what it has written since
   * by the former time is read again, however long it was frozen.
   */
  #late(step: ClockStep): ClockStep {
    const byMs = this.#wentBackBy;
    if (byMs === null || step.jump !== null) return step;
    if (!willLookAgain(step.record, byMs)) return { ...step, record: lookAgain(step.record, byMs) };
    this.#wentBackBy = null;
    return step;
  }

  async #read(now: number): Promise<void> {
    const { store, clock, shared } = this.#o;
    const askedAt = clock.monotonic();
    const { text, newestStamp, bounds } = await store.read.clock();
    if (shared) clock.knowYounger(bounds.deliveries, askedAt);
    if (text !== null && text === this.#text) return;
    this.#seenAt = this.#record === null ? null : clock.monotonic();
    this.#isOwn = false;
    this.#text = text;
    this.#record = text === null ? firstClockRecord(Math.max(newestStamp ?? now, 0)) : parseClockRecord(text);
  }

  #log({ jump, record }: ClockStep, starting: boolean): void {
    const { logger } = this.#o;
    if (jump === null) return;
    const fields = {
      code: 'clock_jumped',
      by_s: Math.round(jump.byMs / 1000),
      time: iso(jump.at),
    };
    if (isDoubted(record))
      logger.error(
        fields,
        'the clock is far ahead of the last time seen: nothing is deleted or expires by it until it has held its course for a day',
      );
    else if (jump.kind === 'gap') logger.info({ ...fields, code: 'started_again' }, 'started again');
    else
      logger.warn(
        fields,
        starting
          ? 'the clock is behind the last time seen: pending deliveries come due after as long as they had left'
          : 'the clock has jumped: pending deliveries and leases keep the time that they have left',
      );
  }
}

/** What is due so late that a node must have written it by the former time, or that may as well come earlier. */
function moveAgain(now: number, { byMs, sinceMs }: LookAgain): Rebase {
  return { now, byMs, beyondMs: Math.max(0, -byMs - sinceMs - againSlackMs) };
}

function rebaseFrom({ jump }: ClockStep): Rebase | null {
  return jump === null || jump.kind === 'gap' ? null : { now: jump.at, byMs: jump.byMs };
}
