import type { Answer } from '../../api.ts';
import { durationText } from '../../parts/time.ts';

// A delivery's claims in time: what was under way when, for how long each lease lasted, and what is expected. Pure: the drawing
// and the table beneath it say the same.

export type Details = Answer<'deliveries.get'>;
type Attempt = Details['attempts'][number];
export type RowTone = 'good' | 'bad' | 'held' | 'wait' | 'soft';

export interface Row {
  readonly n: number;
  /** `lost`: a claim that never reported. `expected`: an attempt to come. */
  readonly kind: 'attempt' | 'under_way' | 'lost' | 'expected';
  readonly node: string | null;
  readonly from: number;
  /** When the request ended, or until when it is known to last; of what is expected the latest moment. */
  readonly to: number;
  readonly leaseUntil: number | null;
  readonly tone: RowTone;
  readonly label: string;
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface Timeline {
  readonly rows: readonly Row[];
  /** When two requests or more were under way. */
  readonly overlaps: readonly Span[];
  readonly deadline: number | null;
  /** Null: nothing more happens. */
  readonly now: number | null;
  /** From its beginning to its end, in pieces: folded ones are drawn at a fixed width. */
  readonly pieces: readonly (Span & { readonly isFolded: boolean })[];
  /** Expected attempts that are not drawn. */
  readonly moreExpected: number;
}

const maxExpected = 3;
const maxRows = 60;

function toneOf({ outcome }: Attempt): RowTone {
  if (outcome === 'delivered') return 'good';
  return outcome === 'superseded' ? 'held' : 'bad';
}

/** How long an attempt took: `184 ms`, `25.8 s`, then as any length of time. */
export const tookText = (ms: number): string =>
  ms < 1000 || ms >= 60_000
    ? durationText(ms)
    : `${(Math.floor(ms / 100) / 10).toFixed(1).replace(/\.0$/, '')} s`;

/** `503 in 600 ms`, `timeout after 15 s`, `superseded: 200 came too late`. */
function attemptLabel({
  outcome,
  status_code: status,
  error_class: error,
  duration_ms: ms,
}: Attempt): string {
  const took = tookText(ms);
  const answer = status === null ? (error ?? 'no answer') : String(status);
  if (outcome === 'superseded') return `superseded: ${answer} came too late`;
  if (status !== null) return `${answer} in ${took}`;
  return `${(error ?? 'no answer').replaceAll('_', ' ')} after ${took}`;
}

function attemptRow(attempt: Attempt): Row {
  const from = Date.parse(attempt.started_at);
  return {
    n: attempt.n,
    kind: 'attempt',
    node: attempt.node,
    from,
    to: from + attempt.duration_ms,
    leaseUntil: attempt.lease_until === null ? null : Date.parse(attempt.lease_until),
    tone: toneOf(attempt),
    label: attemptLabel(attempt),
  };
}

/** Claims that never reported: all that is known is when others of the delivery were. */
function lostRows({ attempts, claims, claim }: Details, created: number): Row[] {
  const known = new Set([...attempts.map(({ n }) => n), ...(claim === null ? [] : [claim.n])]);
  const lost: Row[] = [];
  for (let n = 1; n <= claims && lost.length < maxRows; n++) {
    if (known.has(n)) continue;
    const before = attempts.findLast((one) => one.n < n);
    const from = before === undefined ? created : Date.parse(before.started_at) + before.duration_ms;
    const after = attempts.find((one) => one.n > n);
    const to =
      after === undefined
        ? claim === null
          ? from
          : Date.parse(claim.lease_until)
        : Date.parse(after.started_at);
    lost.push({
      n,
      kind: 'lost',
      node: null,
      from,
      to: Math.max(from, to),
      leaseUntil: Math.max(from, to),
      tone: 'soft',
      label: 'ended without an outcome; it came due by itself',
    });
  }
  return lost;
}

/** Spans in which at least two of these overlap. */
export function overlapsOf(spans: readonly Span[]): readonly Span[] {
  const edges = spans
    .flatMap(({ from, to }) => [
      { at: from, change: 1 },
      { at: to, change: -1 },
    ])
    // Ends first: one that begins as another ends does not overlap it.
    .toSorted((a, b) => a.at - b.at || a.change - b.change);
  const found: Span[] = [];
  let open = 0;
  let since = 0;
  for (const { at, change } of edges) {
    if (open >= 2 && at > since) found.push({ from: since, to: at });
    open += change;
    since = at;
  }
  return joined(found);
}

function joined(spans: readonly Span[]): Span[] {
  const sorted = spans.toSorted((a, b) => a.from - b.from);
  const all: { from: number; to: number }[] = [];
  for (const { from, to } of sorted) {
    const last = all.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else all.push({ from, to });
  }
  return all;
}

/**
 * The time from first to last moment, in which long stretches without anything are folded: those longer than what happened, over
 * which one would see nothing else.
 */
function piecesOf(busy: readonly Span[], moments: readonly number[]): Timeline['pieces'] {
  const first = Math.min(...moments);
  const last = Math.max(...moments);
  const longest = Math.max(1, ...busy.map(({ from, to }) => to - from));
  const foldMs = 2 * longest;
  const cuts = joined([...busy, ...moments.map((at) => ({ from: at, to: at }))]);
  const pieces: (Span & { isFolded: boolean })[] = [];
  const add = (from: number, to: number, isFolded: boolean): void => {
    const before = pieces.at(-1);
    if (to <= from) return;
    if (before !== undefined && !before.isFolded && !isFolded)
      pieces[pieces.length - 1] = { from: before.from, to, isFolded };
    else pieces.push({ from, to, isFolded });
  };
  let at = first;
  for (const { from, to } of cuts) {
    // A little beside what happened stays to scale.
    const margin = longest / 12;
    if (from - at > foldMs) {
      add(at, at + margin, false);
      add(at + margin, from - margin, true);
      add(from - margin, from, false);
    } else add(at, from, false);
    add(from, to, false);
    at = Math.max(at, to);
  }
  return pieces.length === 0 ? [{ from: first, to: last + 1, isFolded: false }] : pieces;
}

/** What is drawn of a delivery as it stands at `nowMs`. */
export function timelineOf(details: Details, nowMs: number): Timeline {
  const created = Date.parse(details.created_at);
  const isPending = details.state === 'pending';
  const rows: Row[] = [...details.attempts.map(attemptRow), ...lostRows(details, created)];
  const { claim } = details;
  if (claim !== null)
    rows.push({
      n: claim.n,
      kind: 'under_way',
      node: claim.node,
      from: Math.min(nowMs, Math.max(created, ...rows.map(({ to }) => to))),
      to: nowMs,
      leaseUntil: Date.parse(claim.lease_until),
      tone: 'wait',
      label: `under way${claim.node === null ? '' : ` at ${claim.node}`}`,
    });
  rows.sort((a, b) => a.n - b.n);
  const expected = isPending ? details.next_attempts : [];
  for (const { n, at, latest_at: latest } of expected.slice(0, maxExpected)) {
    const from = Math.max(nowMs, Date.parse(at));
    rows.push({
      n,
      kind: 'expected',
      node: null,
      from,
      to: Math.max(from, Date.parse(latest)),
      leaseUntil: null,
      tone: 'soft',
      label: `expected in ${durationText(Math.max(0, from - nowMs))}`,
    });
  }
  const shown = rows.slice(-maxRows);
  const requests = shown.filter(({ kind }) => kind === 'attempt' || kind === 'under_way');
  const deadline = Date.parse(details.deadline_at);
  const ends = shown.flatMap(({ from, to, kind, leaseUntil }) =>
    // A lease is of interest as far as the request, or something unknown, outlasted it.
    leaseUntil !== null && (kind !== 'attempt' || leaseUntil < to) ? [from, to, leaseUntil] : [from, to],
  );
  const moments = [created, ...ends, ...(isPending ? [nowMs] : [])];
  const end = Math.max(...moments);
  const isDeadlineSeen = deadline <= end || (isPending && deadline > nowMs);
  if (isDeadlineSeen) moments.push(deadline);
  return {
    rows: shown,
    overlaps: overlapsOf(requests),
    deadline: isDeadlineSeen ? deadline : null,
    now: isPending ? nowMs : null,
    pieces: piecesOf(requests, moments),
    moreExpected: Math.max(0, expected.length - maxExpected),
  };
}

export interface Scale {
  readonly x: (ms: number) => number;
  readonly folds: readonly (Span & { readonly x: number; readonly width: number })[];
}

/** Positions of moments over a width: to scale within what is not folded. */
export function scaleOf({ pieces }: Timeline, left: number, width: number, foldPx: number): Scale {
  const folded = pieces.filter(({ isFolded }) => isFolded).length;
  // However many folds there are, half of the room is for what happened.
  const fold = folded === 0 ? 0 : Math.min(foldPx, width / 2 / folded);
  const lasting = pieces.reduce((sum, { from, to, isFolded }) => sum + (isFolded ? 0 : to - from), 0);
  const perMs = (width - folded * fold) / Math.max(1, lasting);
  let at = left;
  const placed = pieces.map(({ from, to, isFolded }) => {
    const span = { from, to, isFolded, x: at, width: isFolded ? fold : (to - from) * perMs };
    at += span.width;
    return span;
  });
  const x = (ms: number): number => {
    const inside = placed.find(({ to }) => ms <= to) ?? placed.at(-1)!;
    const share = (Math.max(inside.from, ms) - inside.from) / Math.max(1, inside.to - inside.from);
    return inside.x + Math.min(1, share) * inside.width;
  };
  return { x, folds: placed.filter(({ isFolded }) => isFolded) };
}
