import { SeededRandom } from 'posthorn/runtime';
import type { Scenario } from './scenario.ts';
import { dayMs, hourMs } from 'posthorn/domain';

/** Something that happens to a node. */
export interface NodeFault {
  readonly id: string;
  readonly kind: 'crash' | 'freeze' | 'restart' | 'clock_jump' | 'clock_leap';
  readonly node: number;
  /** ms since the world began. */
  readonly at: number;
  /** How long a crash or restart lasts until the node starts again, or a freeze until it thaws. */
  readonly forMs: number;
  /** By how much a clock jumps or leaps. */
  readonly byMs: number;
}

/** Something that operators do, to what `pick` finds when the time has come. */
export interface Operation {
  readonly id: string;
  readonly kind: 'redrive' | 'cancel' | 'pause' | 'bulk_redrive' | 'replay' | 'change' | 'delete';
  readonly at: number;
  readonly pick: number;
  readonly forMs: number;
}

/** A time in which an endpoint is away or bad. */
export interface Spell {
  readonly id: string;
  readonly kind: 'outage' | 'degraded';
  readonly endpoint: number;
  readonly from: number;
  readonly until: number;
  readonly factor: number;
}

/** All that a seed decides before the world begins; the rest depends on it and on numbers of things alone. */
export interface Plan {
  readonly seed: number;
  /** ms since the world began, ascending. */
  readonly paidAt: Float64Array;
  readonly amounts: Int32Array;
  /** Whose payment it is; its ordering key where the scenario has customers. */
  readonly customers: Int32Array;
  readonly nodeFaults: readonly NodeFault[];
  readonly operations: readonly Operation[];
  readonly spells: readonly Spell[];
  /** Where a failing plan was made smaller: the ids that are left (`p12`, `f3`, `o1`, `s2`); null: all. */
  readonly keep: ReadonlySet<string> | null;
}

/** Arrivals of a Poisson process: exponential gaps, as many as fit. */
function arrivals(random: SeededRandom, perHour: number, hours: number): number[] {
  const times: number[] = [];
  if (perHour <= 0) return times;
  for (let at = 0; ;) {
    at += (-Math.log(1 - random.float()) / perHour) * hourMs;
    if (at >= hours * hourMs) return times;
    times.push(at);
  }
}

export function makePlan(scenario: Scenario, seed: number, keep: ReadonlySet<string> | null = null): Plan {
  const numbered = <T extends { readonly id: string }>(
    letter: string,
    of: readonly Omit<T, 'id'>[],
    at: (one: Omit<T, 'id'>) => number,
  ): T[] =>
    of
      .toSorted((a, b) => at(a) - at(b))
      .map((one, index) => ({ ...one, id: `${letter}${index}` }) as T)
      .filter(({ id }) => keep === null || keep.has(id));
  return {
    seed,
    ...planPayments(scenario, seed),
    nodeFaults: numbered<NodeFault>('f', planFaults(scenario, seed), ({ at }) => at),
    operations: numbered<Operation>('o', planOperations(scenario, seed), ({ at }) => at),
    spells: numbered<Spell>('s', planSpells(scenario, seed), ({ from }) => from),
    keep,
  };
}

// Each part of a plan draws from a stream of its own, so that a change of one leaves the others of a seed as they were.

function planPayments(
  { payments, hours, customers, value }: Scenario,
  seed: number,
): Pick<Plan, 'paidAt' | 'amounts' | 'customers'> {
  const random = new SeededRandom(seed, 'payments');
  const span = hours * hourMs;
  // More by day than by night: two draws around noon for half of them.
  const paidAt = Float64Array.from({ length: payments }, () => {
    const day = Math.floor(random.float() * Math.max(1, hours / 24)) * 24 * hourMs;
    if (hours < 24 || random.float() < 0.5) return random.float() * span;
    return Math.min(span - 1, day + ((random.float() + random.float()) / 2) * 24 * hourMs);
  }).sort();
  // Log-normal with a coefficient of variation of 1.3, as card payments have a long tail.
  const sigma = Math.sqrt(Math.log(1 + 1.3 ** 2));
  const amounts = Int32Array.from({ length: payments }, () =>
    Math.max(
      1,
      Math.min(
        2_000_000_000,
        Math.round(value.mean_minor * Math.exp(sigma * random.normal() - (sigma * sigma) / 2)),
      ),
    ),
  );
  const customersOf = Int32Array.from({ length: payments }, () =>
    customers === 0 ? -1 : random.below(customers),
  );
  return { paidAt, amounts, customers: customersOf };
}

function planFaults({ hours, nodes, node_faults: faults }: Scenario, seed: number): Omit<NodeFault, 'id'>[] {
  const draw = new SeededRandom(seed, 'faults');
  const list: Omit<NodeFault, 'id'>[] = [];
  const nodeFault = (kind: NodeFault['kind'], perHour: number, forMs: () => number, byMs = () => 0): void => {
    for (const at of arrivals(draw, perHour, hours))
      list.push({ kind, at, node: draw.below(nodes), forMs: forMs(), byMs: byMs() });
  };
  nodeFault('crash', faults.crash_per_hour, () => draw.between(20, 30_000));
  nodeFault('restart', faults.restart_per_hour, () => draw.between(20, 10_000));
  nodeFault('freeze', faults.freeze_per_hour, () => draw.between(...faults.freeze_s) * 1000);
  nodeFault(
    'clock_jump',
    faults.clock_jump_per_hour,
    () => 0,
    () => draw.between(...faults.clock_jump_s) * 1000 * (draw.float() < 0.5 ? -1 : 1),
  );
  const leaps = new SeededRandom(seed, 'leaps');
  for (const at of arrivals(leaps, faults.clock_leap_per_hour, hours)) {
    const ms = leaps.float() < 0.5 ? leaps.between(1, 10) * hourMs : leaps.between(130, 400) * dayMs;
    const byMs = Math.round(ms) * (leaps.float() < 0.5 ? -1 : 1);
    list.push({ kind: 'clock_leap', at, node: leaps.below(nodes), forMs: 0, byMs });
  }
  return list;
}

function planOperations({ hours, operations: ops }: Scenario, seed: number): Omit<Operation, 'id'>[] {
  const random = new SeededRandom(seed, 'operations');
  const list: Omit<Operation, 'id'>[] = [];
  const operation = (kind: Operation['kind'], perHour: number, forMs = () => 0): void => {
    for (const at of arrivals(random, perHour, hours))
      list.push({ kind, at, pick: random.float(), forMs: forMs() });
  };
  operation('redrive', ops.redrive_per_hour);
  operation('cancel', ops.cancel_per_hour);
  operation('pause', ops.pause_per_hour, () => random.between(...ops.pause_s) * 1000);
  operation('bulk_redrive', ops.bulk_redrive_per_hour);
  operation('replay', ops.replay_per_hour);
  operation('change', ops.change_per_hour);
  operation('delete', ops.delete_per_hour);
  return list;
}

function planSpells({ hours, network, endpoints }: Scenario, seed: number): Omit<Spell, 'id'>[] {
  const weather = new SeededRandom(seed, 'spells');
  const spells: Omit<Spell, 'id'>[] = [];
  for (const { kind, endpoint, per_day, at_hour, minutes, factor } of network.spells) {
    const named = endpoints.findIndex(({ name }) => name === endpoint);
    const starts = at_hour === undefined ? arrivals(weather, (per_day ?? 1) / 24, hours) : [at_hour * hourMs];
    for (const from of starts) {
      const until = from + weather.between(...minutes) * 60_000;
      const every = endpoint === undefined ? endpoints.map((_, index) => index) : [named];
      for (const index of every) spells.push({ kind, endpoint: index, from, until, factor });
    }
  }
  return spells;
}

/** The ids of everything in a plan: what shrinking takes away from. */
export function planIds(plan: Plan): string[] {
  return [
    ...plan.nodeFaults.map(({ id }) => id),
    ...plan.operations.map(({ id }) => id),
    ...plan.spells.map(({ id }) => id),
    ...Array.from(plan.paidAt, (_, index) => `p${index}`),
  ];
}

export function eventIdFor(payment: number): string {
  return `pay-${payment}`;
}

/** The number of a payment by the id of its event, or -1. */
export function paymentFrom(eventId: string): number {
  return eventId.startsWith('pay-') ? Number(eventId.slice(4)) : -1;
}

/** Calls `hand` with the payments of each batch when its time has come. */
export function inBatches(
  { paidAt, keep }: Plan,
  everyMs: number,
  time: { readonly elapsed: number; after(ms: number, fn: () => void): unknown },
  hand: (payments: readonly number[]) => void,
): void {
  let next = 0;
  // One batch is scheduled by the one before it: a million timers at once would only make the heap tall.
  const schedule = (): void => {
    if (next >= paidAt.length) return;
    const at = (Math.floor(paidAt[next]! / everyMs) + 1) * everyMs;
    const batch: number[] = [];
    while (next < paidAt.length && paidAt[next]! < at) {
      if (keep === null || keep.has(`p${next}`)) batch.push(next);
      next++;
    }
    time.after(at - time.elapsed, () => {
      if (batch.length > 0) hand(batch);
      schedule();
    });
  };
  schedule();
}
