import { deliveryId } from 'posthorn/domain';
import type { Database } from 'posthorn/sqlite';
import type { Settlement } from 'posthorn/store';
import type { Retention } from 'posthorn/engine';
import type { KeyChecker } from './key-checker.ts';
import type { LabNode } from './node.ts';
import type { Step } from './shared-store.ts';
import type { VirtualTime } from 'posthorn/runtime';

export type Invariant =
  | 'lost'
  | 'pruned_early'
  | 'unexpected'
  | 'unexplained_duplicate'
  | 'conservation'
  | 'fencing'
  | 'forgotten'
  | 'lease'
  | 'overlap'
  | 'terminal_changed'
  | 'promise'
  | 'order'
  | 'blocked'
  | 'disabled'
  | 'late_count'
  | 'starved'
  | 'over_rate'
  | 'liveness'
  | 'memory'
  | 'defect';

/** Something that must never happen, and did. */
export interface Violation {
  readonly invariant: Invariant;
  /** ms since the world began. */
  readonly at: number;
  readonly message: string;
}

/** A delivery's row, as the checker reads it. */
export interface Seen {
  readonly number: number;
  readonly eventId: string;
  readonly endpoint: number;
  readonly state: number;
  readonly claim: number;
  readonly claimed: boolean;
  readonly dueAt: number | null;
  readonly attempts: number;
  readonly orderKey: string | null;
}

/** No pending delivery may sleep longer than the longest delay of any schedule, Retry-After (24 h) and jitter allow. */
const maxSleepMs = 25 * 3_600_000;
const pending = 0;
const dead = 2;
const cancelled = 3;
const suppressed = 4;
/** What drift of up to a jump's size, and the rounding of times, may take from retention. */
const retentionSlackMs = 10_000;

/** What clocks say, as far as the checks depend on it. */
export interface CheckedClocks {
  /** What the clock that counts says, right or wrong. */
  now(): number;
  /** Whether this node may go by another time still, because the clock has just leapt. */
  isUnsteady(node: LabNode): boolean;
  /** Whether rows may still hold times from before a leap: until they are read again. */
  isSettling(): boolean;
  /** Whether the clock has leapt ahead since (ms since the world began) so that a node has to believe it. */
  hasBelievedLeapSince(elapsed: number): boolean;
}

// Notes which rows a step writes, by any writer: so a step costs what it changed, not what there is.
const watching = `
  CREATE TEMP TABLE lab_changed (number INTEGER PRIMARY KEY);
  CREATE TEMP TRIGGER lab_inserted AFTER INSERT ON main.deliveries BEGIN INSERT OR IGNORE INTO lab_changed VALUES (new.number); END;
  CREATE TEMP TRIGGER lab_updated AFTER UPDATE ON main.deliveries BEGIN INSERT OR IGNORE INTO lab_changed VALUES (new.number); END;
  CREATE TEMP TRIGGER lab_deleted AFTER DELETE ON main.deliveries BEGIN INSERT OR IGNORE INTO lab_changed VALUES (old.number); END;
`;

/** Who may take a delivery out of a terminal state. */
const redriving = new Set(['redriveDelivery', 'stepRedrive']);

/**
 * Compares rows before and after every step of the store, with queries of its own: what no step may do is found at
 * the step that did it. Invariants G2 to G7.
 */
export class StepChecker {
  readonly #db: Database;
  readonly #time: VirtualTime;
  readonly #report: (violation: Violation) => void;
  readonly #timeoutOf: (endpoint: number) => number;
  readonly #sharedClock: boolean;
  readonly #clocks: CheckedClocks;
  readonly #retention: Retention;
  readonly #keys: KeyChecker;
  /** By number: when a delivery came into its last terminal state, ms since the world began. */
  readonly #endedAt = new Map<number, number>();
  readonly #rows = new Map<number, Seen>();
  /** By endpoint: rows in each state. */
  readonly #counts = new Map<number, number[]>();
  /** By delivery id and claim: until when it is leased. */
  readonly leases = new Map<string, number>();
  /** What retention took away, as it was last. */
  readonly gone: Seen[] = [];
  steps = 0;
  #writtenBefore = 0;

  constructor(options: {
    db: Database;
    /** Whether `after` is going to be called. */
    watch: boolean;
    time: VirtualTime;
    report: (violation: Violation) => void;
    /** By the endpoint's number in the store, ms. */
    timeoutOf: (endpoint: number) => number;
    sharedClock: boolean;
    clocks: CheckedClocks;
    retention: Retention;
    keys: KeyChecker;
  }) {
    this.#db = options.db;
    if (options.watch) this.#db.raw.exec(watching);
    this.#time = options.time;
    this.#report = options.report;
    this.#timeoutOf = options.timeoutOf;
    this.#sharedClock = options.sharedClock;
    this.#clocks = options.clocks;
    this.#retention = options.retention;
    this.#keys = options.keys;
  }

  after(step: Step): void {
    this.steps++;
    // Half of all steps write nothing (a claim that finds nothing due): then all is as it was when it was last compared.
    if (this.#written() === this.#writtenBefore) return;
    const settlements = new Map<number, Settlement>();
    // If a delivery has two outcomes, that of the open claim counts.
    if (step.name === 'settle')
      for (const settlement of step.args[0] as readonly Settlement[])
        if (
          !settlements.has(settlement.number) ||
          settlement.claim === this.#rows.get(settlement.number)?.claim
        )
          settlements.set(settlement.number, settlement);
    for (const [number, row] of this.#changed()) {
      const old = this.#rows.get(number);
      if (old !== undefined) this.#countRow(old, -1);
      if (row !== null) {
        this.#countRow(row, 1);
        this.#rows.set(number, row);
        this.#compare(step, number, old, row, settlements.get(number));
        continue;
      }
      if (old === undefined) continue;
      this.#rows.delete(number);
      this.gone.push(old);
      if (old.state === pending)
        this.#found('forgotten', `${deliveryId(number)} was pending and is gone after ${step.name} (G7)`);
      else if (step.name !== 'prune')
        this.#found('forgotten', `${deliveryId(number)} is gone after ${step.name}`);
      else this.#kept(old);
    }
    this.#conserved(step.name);
    this.#writtenBefore = this.#written();
  }

  /** G7: whatever the clock says, retention takes what is old, by time that really passed or that a node has to believe. */
  #kept({ number, state, orderKey, endpoint }: Seen): void {
    if (state === dead && orderKey !== null && this.#keys.blocks(endpoint))
      this.#found('pruned_early', `${deliveryId(number)} is pruned while it blocks its key (G7)`);
    const endedAt = this.#endedAt.get(number);
    if (endedAt === undefined || this.#clocks.hasBelievedLeapSince(endedAt)) return;
    const age = this.#time.elapsed - endedAt;
    const keptMs = state === dead ? this.#retention.deadMs : this.#retention.settledMs;
    if (age < keptMs - retentionSlackMs)
      this.#found(
        'pruned_early',
        `${deliveryId(number)} is pruned ${Math.round(age / 1000)} s after it ended, and is to be kept for ${Math.round(keptMs / 1000)} s (G7)`,
      );
  }

  /** How many rows were ever written on this connection, in whatever table and by whomever. */
  #written(): number {
    return this.#db.get('SELECT total_changes()')![0] as number;
  }

  #compare(
    step: Step,
    number: number,
    old: Seen | undefined,
    row: Seen,
    settlement: Settlement | undefined,
  ): void {
    const id = deliveryId(number);
    const now = this.#clocks.now();
    // What was suppressed ended then, also if it is cancelled later.
    const hadEnded = old?.state === row.state || old?.state === suppressed;
    if (row.state !== pending && !hadEnded) this.#endedAt.set(number, this.#time.elapsed);
    // Leases keep their length through a leap of the clock.
    if (step.name === 'saveClock' && row.claimed && row.dueAt !== null)
      this.leases.set(`${id}/${row.claim}`, row.dueAt);
    if (row.state === pending) {
      if (row.dueAt === null)
        this.#found('forgotten', `${id} is pending and nothing is going to move it (G2)`);
      else if (row.dueAt > now + maxSleepMs && !this.#clocks.isSettling())
        this.#found(
          'forgotten',
          `${id} is pending and due only in ${Math.round((row.dueAt - now) / 3_600_000)} hours (G2)`,
        );
    }
    if (row.claimed && (old === undefined || old.claim !== row.claim)) {
      const leaseUntil = row.dueAt ?? 0;
      this.leases.set(`${id}/${row.claim}`, leaseUntil);
      const claimedAt = stepTime(step);
      if (claimedAt !== null && leaseUntil < claimedAt + this.#timeoutOf(row.endpoint))
        this.#found(
          'lease',
          `${id} was claimed for less than its endpoint's timeout: another attempt can overlap it (G3)`,
        );
    }
    if (step.name === 'claim' && row.claimed && old?.claim !== row.claim) this.#free(number);
    if (old === undefined) return;
    this.#compareClaims(step, id, old, row);
    this.#compareStates(step, id, old, row);
    if (step.name === 'settle') this.#compareSettled(id, old, row, settlement);
  }

  #compareClaims(step: Step, id: string, old: Seen, row: Seen): void {
    const isUnsteady = this.#clocks.isUnsteady(step.node);
    // A cancel and a redrive while an attempt is in flight ask for another one: the lease ended with the delivery.
    if (old.state === pending && row.state !== pending) this.leases.set(`${id}/${row.claim}`, 0);
    if (row.claim < old.claim)
      this.#found('fencing', `${id}: its claim number went back from ${old.claim} to ${row.claim} (G3)`);
    if (
      step.name === 'claim' &&
      row.claim > old.claim &&
      old.claimed &&
      this.#claimTime(step) < old.dueAt! &&
      !isUnsteady
    )
      this.#found('lease', `${id} was claimed while a lease ran (G2)`);
  }

  #compareStates(step: Step, id: string, old: Seen, row: Seen): void {
    // A dead letter that blocks its key can be given up, and what was suppressed.
    const isGivenUp =
      step.name === 'cancelDelivery' &&
      row.state === cancelled &&
      (old.state === suppressed ||
        (old.state === dead && row.orderKey !== null && this.#keys.blocks(row.endpoint)));
    if (old.state !== pending && row.state !== old.state && !isGivenUp && !redriving.has(step.name))
      this.#found(
        'terminal_changed',
        `${id} had ended (state ${old.state}) and ${step.name} made it ${row.state} (G3)`,
      );
    if (old.state !== pending && row.state === pending && this.#isDeleted(row.endpoint))
      this.#found(
        'terminal_changed',
        `${id} is pending again although its endpoint is deleted: it ends as cancelled, and its value at risk is gone (G5)`,
      );
    if (old.state === 1 && row.state !== 1)
      this.#found('terminal_changed', `${id} was delivered and is no longer`);
  }

  #compareSettled(id: string, old: Seen, row: Seen, settlement: Settlement | undefined): void {
    if (row.state === old.state && row.attempts === old.attempts) return;
    if (settlement === undefined) {
      if (row.attempts !== old.attempts) this.#found('fencing', `${id} was settled without an outcome`);
    } else if (settlement.claim !== old.claim || !old.claimed || old.state !== pending)
      this.#found(
        'fencing',
        `${id}: an outcome of claim ${settlement.claim} was settled while ${old.claimed ? `claim ${old.claim} was open` : 'no claim was open'} (G3)`,
      );
  }

  #free(number: number): void {
    const dead = this.#keys.heldBy(number);
    if (dead !== null)
      this.#found('blocked', `${deliveryId(number)} was claimed while ${dead} blocks its key`);
  }

  #isDeleted(endpoint: number): boolean {
    const row = this.#db.get('SELECT 1 FROM endpoints WHERE num = ? AND deleted_at IS NOT NULL', endpoint);
    return row !== undefined;
  }

  /** What this step has written: null where a row is gone. */
  #changed(): Map<number, Seen | null> {
    const rows = new Map<number, Seen | null>();
    for (const [
      number,
      endpoint,
      state,
      claim,
      claimedBy,
      dueAt,
      attempts,
      eventId,
      orderKey,
    ] of this.#db.all(
      `SELECT c.number, d.endpoint, d.state, d.claim, d.claimed_by, d.due_at, d.attempts, e.id, d.order_key FROM lab_changed c
       LEFT JOIN deliveries d ON d.number = c.number LEFT JOIN events e ON e.number = d.event_number ORDER BY c.number`,
    )) {
      rows.set(
        number as number,
        endpoint === null
          ? null
          : {
              number: number as number,
              eventId: eventId as string,
              endpoint: endpoint as number,
              state: state as number,
              claim: claim as number,
              claimed: claimedBy !== null,
              dueAt: dueAt as number | null,
              attempts: attempts as number,
              orderKey: orderKey as string | null,
            },
      );
    }
    if (rows.size > 0) this.#db.run('DELETE FROM lab_changed');
    return rows;
  }

  /** Nodes that share a store have its clock, whatever their own says; an embedded one has only its own. */
  #claimTime(step: Step): number {
    return this.#sharedClock ? this.#clocks.now() + 1 : stepTime(step)!;
  }

  #countRow({ endpoint, state }: Seen, by: number): void {
    let states = this.#counts.get(endpoint);
    if (states === undefined) this.#counts.set(endpoint, (states = [0, 0, 0, 0, 0]));
    states[state]! += by;
  }

  /** G6: what the rows say, counted one by one as they changed, and the sums of the counters. */
  #conserved(name: string): void {
    const counters = new Map(
      (
        this.#db.all(
          `SELECT endpoint, sum(accepted), sum(delivered), sum(dead), sum(cancelled), sum(suppressed), sum(pruned_delivered),
             sum(pruned_dead), sum(pruned_cancelled), sum(pruned_suppressed) FROM ledger GROUP BY endpoint`,
        ) as number[][]
      ).map(([endpoint, ...sums]) => [endpoint!, sums]),
    );
    for (const [endpoint, states] of this.#counts) {
      const sums = counters.get(endpoint);
      if (sums === undefined) {
        this.#found('conservation', `endpoint ${endpoint} has deliveries and no counters (G4)`);
        continue;
      }
      const [accepted, ...ended] = sums.slice(0, 5) as [number, ...number[]];
      const pruned = sums.slice(5);
      const inAll = [...states, ...pruned].reduce((sum, n) => sum + n, 0);
      if (accepted !== inAll)
        this.#found(
          'conservation',
          `after ${name}, endpoint ${endpoint} has accepted ${accepted} and accounts for ${inAll} (G6)`,
        );
      else if (ended.some((sum, index) => sum !== states[index + 1]! + pruned[index]!))
        this.#found(
          'conservation',
          `after ${name}, a counter of endpoint ${endpoint} does not match its rows (G4, G6)`,
        );
    }
  }

  #found(invariant: Invariant, message: string): void {
    this.#report({ invariant, at: this.#time.elapsed, message });
  }
}

function stepTime({ name, args }: Step): number | null {
  if (name === 'claim') return (args[0] as { now: number }).now;
  if (name === 'accept') return (args[1] as { now: number }).now;
  if (name === 'stepFanOut') return (args[0] as { now: number }).now;
  return null;
}
