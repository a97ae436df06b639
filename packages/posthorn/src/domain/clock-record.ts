import { dayMs, hourMs, minuteMs, secondMs } from './time.ts';

// What Posthorn believes of a wall clock: docs/internals/clock.md explains the model.
//
// The wall clock stamps rows and signs webhooks, because receivers compare it with their own. It is never believed alone:
// the store keeps its last reading, and every further reading is compared with what should have become of that one.
// *Lived* time is what deletion and expiry go by. It is the wall clock, except after a leap forward that no process lived
// through: then it goes on from before the leap, until the clock has held its course for a day.

/** A reading that differs by more than this from the expected one is a jump; less is drift, which is followed. */
export const jumpMs = 5 * secondMs;
/** Between readings of different nodes lies what passes until the record is saved and read again. */
export const sharedSlackMs = 15 * secondMs;
/** A longer leap forward while running is not lived through until it is confirmed. */
const longestSuspendMs = dayMs;
/** A process that starts may have been stopped for so long; beyond, its clock is doubted. */
const longestDowntimeMs = 120 * dayMs;
/** A doubted clock is believed after it has held its course for so long. */
const confirmMs = dayMs;
/** Jumps of at least a minute stay visible (readyz, alert) for an hour. */
const worthShowingMs = minuteMs;
const showMs = hourMs;
const maxDisputes = 16;
/** What a clock showed is known from readings: other nodes, and a process that was killed, went a little further. */
const marginMs = minuteMs;
/** So long after its clock was read a node may act on ages; the margin has to hold this, and drift. */
const heldUpMs = marginMs - 2 * jumpMs;
/** A node that was frozen during a step back writes by the former time until its next heartbeat. */
const againMs = 2 * minuteMs;
/** Sooner than this it would be looked at too early for what a node has sent just before it saw the step. */
const knownMs = 30 * secondMs;
/** Three jumps within the two minutes leave up to 15 former times; of 8 the one that counted had gone. */
const maxLooks = 32;
/** A node that was frozen while a clock that was behind was put right stamps rows by the former time when it thaws. */
const lateMs = hourMs;
const open = Number.MAX_SAFE_INTEGER;

/** Stamps that a wrong clock has made, or may have made. */
export interface DisputedStamps {
  /** `ahead`: the rows are older than they say; `behind`: they are younger. */
  readonly kind: 'ahead' | 'behind';
  readonly from: number;
  readonly until: number;
  /**
   * Only rows with numbers below these: later ones were stamped after the jump. Of a clock that was behind it is every row,
   * because only a node that has not seen the jump yet stamps more of them, and those are younger still.
   */
  readonly eventsBelow: number;
  readonly deliveriesBelow: number;
  /** How much time was lived through since: every one of these rows is at least so old. */
  readonly livedMs: number;
  /** The highest reading since. */
  readonly reached: number;
}

/** When rows are looked at again that a node may have written by a former time, and by how much that one is ahead, below zero. */
export interface LookAgain {
  readonly inMs: number;
  readonly byMs: number;
  /** For how long that time has been a former one: what was due at once by it is ahead by so much less. */
  readonly sinceMs: number;
}

export interface ClockJump {
  /** The reading after the jump, and by how much it differs from the expected one. */
  readonly at: number;
  readonly byMs: number;
}

/** What the store remembers of the clock. Times are ms since the epoch. */
export interface ClockRecord {
  /** The last reading. */
  readonly seen: number;
  /** Lived time at that reading. */
  readonly lived: number;
  /** The highest lived time ever: while the clock is behind it, it is wrong now, or was before. */
  readonly highest: number;
  /** The earliest and the latest reading since the clock went behind; null while it is not behind. */
  readonly behind: { readonly from: number; readonly until: number } | null;
  /** How long a doubted clock still has to hold its course; 0: it is believed. */
  readonly confirmInMs: number;
  readonly disputed: readonly DisputedStamps[];
  /** After a step back: the farthest first. */
  readonly again: readonly LookAgain[];
  /** The last jump, while it is to be seen. */
  readonly jump: (ClockJump & { readonly showForMs: number }) | null;
}

export interface ClockStep {
  readonly record: ClockRecord;
  /** What happened beyond the passing of time. `gap`: the process was stopped meanwhile. */
  readonly jump: (ClockJump & { readonly kind: 'forward' | 'backward' | 'gap' }) | null;
}

/** Every row that exists has a number below. */
export interface NumberBounds {
  readonly events: number;
  readonly deliveries: number;
}

export function firstClockRecord(now: number): ClockRecord {
  return {
    seen: now,
    lived: now,
    highest: now,
    behind: null,
    confirmInMs: 0,
    disputed: [],
    again: [],
    jump: null,
  };
}

/** Records of before were to be looked at once, or not at all. */
export function parseClockRecord(text: string): ClockRecord {
  const record = JSON.parse(text) as Omit<ClockRecord, 'again'> & { again?: LookAgain | LookAgain[] | null };
  return {
    ...record,
    again: [record.again ?? []].flat().map((one) => ({ ...one, sinceMs: one.sinceMs ?? 0 })),
  };
}

/** Whether deletion and expiry go by another time than the clock's. */
export function isDoubted({ confirmInMs }: ClockRecord): boolean {
  return confirmInMs > 0;
}

/**
 * Follows the clock from its last known reading to `now`. `livedMs` is how much time has passed by the monotonic clock; null
 * at a start, when it is unknown. `slackMs` is how exact that is.
 */
export function stepClock(
  record: ClockRecord,
  now: number,
  livedMs: number | null,
  slackMs = jumpMs,
): ClockStep {
  const passed = pass(record, livedMs ?? 0);
  const byMs = now - passed.seen;
  if (byMs < -jumpMs)
    return {
      record: backward(passed, now, byMs),
      jump: { at: now, byMs, kind: 'backward' },
    };
  if (byMs <= slackMs) return { record: follow(passed, now, passed.lived + byMs), jump: null };
  const starting = livedMs === null;
  return {
    record: forward(passed, now, byMs, starting),
    jump: { at: now, byMs, kind: starting ? 'gap' : 'forward' },
  };
}

/** Time that was lived through without a jump. */
function pass(record: ClockRecord, ms: number): ClockRecord {
  const { jump, confirmInMs, disputed, again, behind } = record;
  // A node that was frozen during a step back of a clock that was behind already stamps rows by the former time when it thaws.
  const late = behind === null || jump === null ? behind : { ...behind, until: behind.until + ms };
  return {
    ...record,
    seen: record.seen + ms,
    lived: record.lived + ms,
    behind: widened({ behind: late }, record.seen + ms),
    confirmInMs: Math.max(0, confirmInMs - ms),
    again: again.map(({ inMs, byMs, sinceMs }) => ({ inMs: inMs - ms, byMs, sinceMs: sinceMs + ms })),
    disputed: disputed.map((one) => ({
      ...one,
      until: one.kind === 'behind' && one.livedMs < lateMs ? one.until + ms : one.until,
      livedMs: one.livedMs + ms,
      reached: Math.max(one.reached, record.seen + ms),
    })),
    jump: jump === null || jump.showForMs <= ms ? null : { ...jump, showForMs: jump.showForMs - ms },
  };
}

/** After a reading that is believed, or whose doubt goes on. */
function follow(record: ClockRecord, now: number, lived: number): ClockRecord {
  const trusted = isDoubted(record) ? Math.min(lived, now) : now;
  const highest = Math.max(record.highest, trusted);
  return {
    ...record,
    seen: now,
    lived: trusted,
    highest,
    behind: highest === trusted ? null : widened(record, now),
  };
}

/** Every reading of a clock that is behind is one that it may have stamped rows with. */
function widened({ behind }: Pick<ClockRecord, 'behind'>, now: number): ClockRecord['behind'] {
  return behind === null ? null : { from: Math.min(behind.from, now), until: Math.max(behind.until, now) };
}

function backward(record: ClockRecord, now: number, byMs: number): ClockRecord {
  const { lived, seen } = record;
  const after = {
    ...record,
    disputed: dispute(record, 'ahead', now, seen),
    again: looksAfter(record, byMs),
    jump: shown(now, byMs),
  };
  if (now < lived - jumpMs)
    return {
      ...after,
      confirmInMs: 0,
      seen: now,
      lived: now,
      behind: widened(record, now) ?? { from: now, until: now },
    };
  // A doubted clock has come back, to what was lived through, or some way; then a stop does not explain the rest.
  return now <= lived + longestSuspendMs
    ? follow({ ...after, confirmInMs: 0 }, now, now)
    : { ...after, seen: now, confirmInMs: confirmMs };
}

/**
 * A node writes by a former time until it sees the jump. What it has written before a further jump is as far ahead as it was
 * (times in rows move with the clock), or by less where they do not (a leap ahead); what it writes after that one is as far
 * ahead as both jumps make it.
 */
function looksAfter({ again }: ClockRecord, byMs: number): readonly LookAgain[] {
  const all = [{ byMs, sinceMs: 0 }, ...again, ...again.map((one) => ({ ...one, byMs: one.byMs + byMs }))]
    .filter((one) => one.byMs < -jumpMs)
    .toSorted((a, b) => a.byMs - b.byMs);
  const sinceMs = Math.max(0, ...all.map((one) => one.sinceMs));
  return all
    .filter((one, index) => index === 0 || one.byMs - all[index - 1]!.byMs > jumpMs)
    .slice(0, maxLooks)
    .map((one) => ({ inMs: againMs, byMs: one.byMs, sinceMs }));
}

/** A node has seen a step back only now, and has written by the former time until now. */
export function lookAgain(record: ClockRecord, byMs: number): ClockRecord {
  const others = record.again.filter((one) => Math.abs(one.byMs - byMs) > sharedSlackMs);
  const sinceMs = Math.max(0, ...record.again.map((one) => one.sinceMs));
  const again = [{ inMs: againMs, byMs, sinceMs }, ...others]
    .slice(0, maxLooks)
    .toSorted((a, b) => a.byMs - b.byMs);
  return { ...record, again };
}

/** Whether rows of a time that was so far ahead are going to be looked at again, late enough. */
export function willLookAgain({ again }: ClockRecord, byMs: number): boolean {
  return again.some((one) => Math.abs(one.byMs - byMs) <= sharedSlackMs && one.inMs >= knownMs);
}

/** So much further may a clock be than what was lived through. */
function allowanceMs(starting: boolean): number {
  return starting ? longestDowntimeMs : longestSuspendMs;
}

function forward(record: ClockRecord, now: number, byMs: number, starting: boolean): ClockRecord {
  const { seen, highest, behind } = record;
  const allowance = allowanceMs(starting);
  // Whether a doubted clock is right does not show by its process being stopped for a while.
  if (isDoubted(record) && starting && byMs <= allowance)
    return { ...record, seen: now, again: looksAfter(record, byMs) };
  const believed = !isDoubted(record) && now <= Math.max(seen, highest) + allowance;
  const isCorrected = behind !== null && (!starting || endsBehind(record, now));
  const after = {
    ...record,
    // While it was stopped, rows of a clock that had been ahead grew older; of one that was behind that is unknown.
    disputed: isCorrected
      ? dispute(record, 'behind', behind.from - marginMs, Math.max(behind.until, seen) + marginMs)
      : starting && believed
        ? record.disputed.map((one) => ({ ...one, livedMs: one.livedMs + byMs }))
        : record.disputed,
    again: looksAfter(record, byMs),
    jump: starting && believed && !isCorrected ? record.jump : shown(now, byMs),
  };
  return believed ? follow(after, now, now) : { ...after, seen: now, confirmInMs: confirmMs };
}

/**
 * Whether a clock that was behind has been put right, or nearer, while the process was stopped: it comes back to where it was
 * before, or goes further than any stop explains. Anything else is a stop.
 */
function endsBehind({ seen, highest }: ClockRecord, now: number): boolean {
  const missingMs = highest - seen;
  const isBack = now >= highest - Math.min(longestSuspendMs, missingMs / 10);
  return (isBack && now <= highest + longestSuspendMs) || now - seen > longestDowntimeMs;
}

function shown(at: number, byMs: number): ClockRecord['jump'] {
  return Math.abs(byMs) < worthShowingMs ? null : { at, byMs, showForMs: showMs };
}

function dispute(
  { disputed }: ClockRecord,
  kind: DisputedStamps['kind'],
  from: number,
  until: number,
): readonly DisputedStamps[] {
  const reached = kind === 'ahead' ? from : until;
  const newest = { kind, from, until, eventsBelow: open, deliveriesBelow: open, livedMs: 0, reached };
  return [newest, ...disputed].slice(0, maxDisputes);
}

function isOpen({ kind, eventsBelow }: DisputedStamps): boolean {
  return kind === 'ahead' && eventsBelow === open;
}

/** Whether it is still open which rows a dispute is about: a node that sees a jump cannot wait for an answer. */
export function hasOpenDispute({ disputed }: ClockRecord): boolean {
  return disputed.some(isOpen);
}

/** Ends what is disputed with the rows that exist. Those of the few seconds since the jump are taken for as old as it. */
export function closeDisputes(record: ClockRecord, { events, deliveries }: NumberBounds): ClockRecord {
  return {
    ...record,
    disputed: record.disputed.map((one) =>
      isOpen(one) ? { ...one, eventsBelow: events, deliveriesBelow: deliveries } : one,
    ),
  };
}

/** What of the clock is shown: readyz, alerts. */
export interface ClockStatus {
  /** The last jump of a minute or more, for an hour; null: there was none. */
  readonly jump: ClockJump | null;
  /** How far the time that deletion and expiry go by is behind the clock, ms; 0: the clock is believed. */
  readonly doubtedMs: number;
  /** How long it still has to hold its course, ms. */
  readonly believedInMs: number;
}

export function clockStatus(record: ClockRecord | null): ClockStatus {
  if (record === null) return { jump: null, doubtedMs: 0, believedInMs: 0 };
  const { jump, confirmInMs, seen, lived } = record;
  return {
    jump: jump === null ? null : { at: jump.at, byMs: jump.byMs },
    doubtedMs: isDoubted(record) ? seen - lived : 0,
    believedInMs: confirmInMs,
  };
}

/** What is needed to tell how old a row is. */
export interface Ages {
  readonly now: number;
  readonly lived: number;
  readonly disputed: readonly DisputedStamps[];
  /** They go by the clock of a store that nodes share, and it may have jumped since this node read it. Default false. */
  readonly shared?: boolean;
}

/**
 * Whether ages that were worked out from an earlier reading are wrong by what the clock says now. Other nodes may have seen
 * the jump, and stamped rows by it: such a row is new, and looks old. So far ahead as `minAge` allows for, nothing is wrong.
 */
export function isFormer({ now }: Ages, reading: number): boolean {
  return reading < now - jumpMs || reading > now + heldUpMs;
}

/**
 * How long ago a row was made, or ended, at least, by lived time; null: its stamp lies in the future, and nothing says when it was
 * set. The stamp says it, unless the clock was wrong when it was set.
 */
export function minAge(
  { now, lived, disputed }: Ages,
  table: 'events' | 'deliveries',
  number: number,
  stamp: number,
  what: 'made' | 'ended' = 'made',
): number | null {
  let age: number | null = stamp > now ? null : lived - stamp;
  for (const { kind, from, until, eventsBelow, deliveriesBelow, livedMs, reached } of disputed) {
    if (stamp < from || stamp > until || number >= (table === 'events' ? eventsBelow : deliveriesBelow))
      continue;
    if (kind === 'behind') age = age === null ? null : Math.min(age, livedMs);
    // A row that was there may have ended since, as soon as the clock has come to that time.
    else if (what === 'made' || stamp > Math.max(reached, now) + marginMs)
      age = Math.max(age ?? livedMs, livedMs);
  }
  return age;
}

/** Whether a stamp is one that a wrong clock may have made: it says nothing of the rows beside it. */
export function isDisputed(
  { now, disputed }: Ages,
  table: 'events' | 'deliveries',
  number: number,
  stamp: number,
): boolean {
  return (
    stamp > now ||
    disputed.some(
      ({ from, until, eventsBelow, deliveriesBelow }) =>
        stamp >= from && stamp <= until && number < (table === 'events' ? eventsBelow : deliveriesBelow),
    )
  );
}
