import { type KeyboardEvent, type ReactNode, useId } from 'react';
import { now as nowMs } from '../../clock.ts';
import { useWidth } from '../../parts/chart/size.ts';
import { plural } from '../../parts/number.ts';
import { durationText, timeText } from '../../parts/time.ts';
import { visible } from '../../parts/untrusted.tsx';
import { usePreferences } from '../../preferences.ts';
import { type Row, type Scale, scaleOf, type Timeline } from './timeline.ts';

const barPx = 14;
const leasePx = 24;
/** So that an attempt of a millisecond is seen. */
const minPx = 3;
const charPx = 6.6;
const axisPx = 26;
/** Above the rows: a line for marks, and one for the lengths of folds. */
const markPx = 16;
const foldTextPx = 18;

interface Sizes {
  readonly left: number;
  readonly rowPx: number;
  readonly foldPx: number;
  /** If a text does not fit beside its bar, it goes under it. */
  readonly isNarrow: boolean;
}

const sizesFor = (width: number): Sizes =>
  width < 560
    ? { left: 62, rowPx: 56, foldPx: 26, isNarrow: true }
    : { left: 150, rowPx: 46, foldPx: 56, isNarrow: false };

const nameOf = ({ n, kind }: Row): string => (kind === 'expected' ? `attempt ${n}` : `claim ${n}`);

/** Says in one sentence what the drawing shows. */
function labelOf({ rows, overlaps }: Timeline): string {
  const attempts = rows.filter(({ kind }) => kind === 'attempt').length;
  const lost = rows.filter(({ kind }) => kind === 'lost').length;
  const expected = rows.filter(({ kind }) => kind === 'expected').length;
  const parts = [
    plural(attempts, 'attempt'),
    ...(lost === 0 ? [] : [`${plural(lost, 'claim')} without an outcome`]),
    ...(overlaps.length === 0 ? [] : ['requests in flight at the same time']),
    ...(expected === 0 ? [] : [`${plural(expected, 'attempt')} to come`]),
  ];
  return `Claims of the delivery over time: ${parts.join(', ')}.`;
}

/** Beside its bar: right of it, else left of it, else in it, in the color of the paper. */
function placeOf(from: number, to: number, label: string, left: number, right: number) {
  const width = label.length * charPx;
  if (to + 8 + width <= right) return { x: to + 8, anchor: 'start' as const, isInside: false };
  if (from - 8 - width >= left) return { x: from - 8, anchor: 'end' as const, isInside: false };
  return { x: from + 8, anchor: 'start' as const, isInside: true };
}

/** Ticks at the beginnings of rows: the first as a time, the others after it. Those that would touch are left out. */
function ticksOf(
  rows: readonly Row[],
  x: (ms: number) => number,
  first: string,
  right: number,
): readonly { readonly x: number; readonly textX: number; readonly text: string }[] {
  const begin = rows[0]?.from ?? 0;
  const all = rows.map(({ from }, index) => {
    const text = index === 0 ? first : `+${durationText(from - begin)}`;
    return { x: x(from), textX: Math.min(x(from), right - text.length * charPx), text };
  });
  const endOf = ({ textX, text }: (typeof all)[number]): number => textX + (text.length + 1) * charPx;
  const last = all.at(-1);
  const shown: typeof all = [];
  for (const tick of all) {
    const before = shown.at(-1);
    if (before !== undefined && endOf(before) > tick.textX) continue;
    if (tick === last || last === undefined || endOf(tick) <= last.textX) shown.push(tick);
  }
  return shown;
}

/** Claims drawn to scale: requests solid, leases dashed, what overlapped shaded, what lasted without anything folded. */
export function TimelineChart({
  timeline,
  selected,
  onSelect,
}: {
  timeline: Timeline;
  selected: number | null;
  onSelect: (n: number) => void;
}): ReactNode {
  const [ref, width] = useWidth(900);
  const id = useId();
  const sizes = sizesFor(width);
  const right = width - 12;
  const { rows, deadline, now } = timeline;
  const scale = scaleOf(timeline, sizes.left, right - sizes.left, sizes.foldPx);
  const { x, folds } = scale;
  const topPx = (deadline === null && now === null ? 0 : markPx) + (folds.length === 0 ? 4 : foldTextPx);
  const bottom = topPx + rows.length * sizes.rowPx;
  const onKey = (event: KeyboardEvent): void => {
    const at = rows.findIndex(({ n }) => n === selected);
    const next = event.key === 'ArrowDown' ? at + 1 : event.key === 'ArrowUp' ? at - 1 : null;
    if (next === null || rows[next] === undefined) return;
    event.preventDefault();
    onSelect(rows[next].n);
  };
  const chosen = rows.find(({ n }) => n === selected);
  return (
    <figure className="timeline" ref={ref}>
      <svg
        width={width}
        height={bottom + axisPx}
        role="img"
        aria-labelledby={id}
        tabIndex={0}
        onKeyDown={onKey}
      >
        <title id={id}>{labelOf(timeline)}</title>
        <Ground timeline={timeline} scale={scale} top={topPx} bottom={bottom} right={right} />
        {rows.map((row, index) => (
          <Bar
            key={`${row.kind}${row.n}`}
            row={row}
            x={x}
            top={topPx + index * sizes.rowPx}
            sizes={sizes}
            right={right}
            isSelected={row.n === selected}
            onSelect={() => onSelect(row.n)}
          />
        ))}
      </svg>
      <figcaption className="sr" aria-live="polite">
        {chosen === undefined ? '' : `${nameOf(chosen)}: ${chosen.label}`}
      </figcaption>
      <Legend hasOverlaps={timeline.overlaps.length > 0} hasFolds={folds.length > 0} />
    </figure>
  );
}

/** What lies behind the claims: folds, overlaps, ticks, the deadline and now. */
function Ground({
  timeline: { rows, overlaps, deadline, now },
  scale: { x, folds },
  top,
  bottom,
  right,
}: {
  timeline: Timeline;
  scale: Scale;
  top: number;
  bottom: number;
  right: number;
}): ReactNode {
  const { zone } = usePreferences();
  const first = rows[0] === undefined ? '' : timeText(rows[0].from, zone, 'second', nowMs());
  return (
    <>
      {folds.map((fold) => (
        <g key={fold.from}>
          <rect className="timeline-fold" x={fold.x} y={top} width={fold.width} height={bottom - top} />
          <FoldLength fold={fold} y={top - 5} />
        </g>
      ))}
      {overlaps.map(({ from, to }) => (
        <rect
          key={from}
          className="timeline-overlap"
          x={x(from)}
          y={top}
          width={Math.max(minPx, x(to) - x(from))}
          height={bottom - top}
        />
      ))}
      {ticksOf(rows, x, first, right).map((tick) => (
        <g key={tick.x}>
          <line className="timeline-grid" x1={tick.x} x2={tick.x} y1={top} y2={bottom} />
          <text className="timeline-soft" x={tick.textX} y={bottom + 17}>
            {tick.text}
          </text>
        </g>
      ))}
      {deadline === null ? null : (
        <Mark at={x(deadline)} label="deadline" tone="wait" bottom={bottom} right={right} isDashed />
      )}
      {now === null ? null : <Mark at={x(now)} label="now" tone="link" bottom={bottom} right={right} />}
    </>
  );
}

function Legend({ hasOverlaps, hasFolds }: { hasOverlaps: boolean; hasFolds: boolean }): ReactNode {
  return (
    <ul className="timeline-legend row label">
      <li>
        <svg width="22" height="10" aria-hidden="true">
          <rect className="timeline-bar timeline-held" y="2" width="22" height="6" rx="1" />
        </svg>{' '}
        request
      </li>
      <li>
        <svg width="22" height="10" aria-hidden="true">
          <rect className="timeline-lease" x="0.5" y="0.5" width="21" height="9" rx="2" />
        </svg>{' '}
        lease
      </li>
      {hasOverlaps ? (
        <li>
          <svg width="14" height="10" aria-hidden="true">
            <rect className="timeline-overlap" width="14" height="10" />
          </svg>{' '}
          two requests under way at once
        </li>
      ) : null}
      {hasFolds ? (
        <li>
          <svg width="14" height="10" aria-hidden="true">
            <rect className="timeline-fold" width="14" height="10" />
          </svg>{' '}
          nothing happened, folded
        </li>
      ) : null}
    </ul>
  );
}

/** How long a fold lasts, as far as there is room to say it. */
function FoldLength({
  fold: { from, to, x, width },
  y,
}: {
  fold: Scale['folds'][number];
  y: number;
}): ReactNode {
  const whole = durationText(to - from);
  const text = [whole, whole.split(' ').slice(0, 2).join(' ')].find(
    (one) => one.length * charPx <= width + 6,
  );
  if (text === undefined) return null;
  return (
    <text className="timeline-soft" x={x + width / 2} y={y} textAnchor="middle">
      {text}
    </text>
  );
}

function Mark({
  at,
  label,
  tone,
  bottom,
  right,
  isDashed = false,
}: {
  at: number;
  label: string;
  tone: 'wait' | 'link';
  bottom: number;
  right: number;
  isDashed?: boolean;
}): ReactNode {
  const isInward = at + label.length * charPx + 6 > right;
  return (
    <g className={`timeline-mark timeline-${tone}`}>
      <line x1={at} x2={at} y1={16} y2={bottom} strokeDasharray={isDashed ? '4 3' : undefined} />
      <text
        className="timeline-halo"
        x={at + (isInward ? 3 : -3)}
        y={11}
        textAnchor={isInward ? 'end' : 'start'}
      >
        {label}
      </text>
    </g>
  );
}

/** Where a row's bars and words stand. */
function layoutOf(
  { from, to, leaseUntil, label }: Row,
  { x, right, sizes: { left, isNarrow } }: { x: (ms: number) => number; right: number; sizes: Sizes },
) {
  const begin = x(from);
  const width = Math.max(minPx, x(to) - begin);
  const leaseEnd = leaseUntil === null ? null : Math.max(begin + width + 3, x(leaseUntil));
  const outer = Math.max(begin + width, leaseEnd ?? 0);
  const under = Math.min(Math.max(left, begin), right - label.length * 6);
  const place = isNarrow
    ? { x: under, anchor: 'start' as const, isInside: false }
    : placeOf(begin, outer, label, left, right);
  return { begin, width, leaseEnd, place };
}

function Bar({
  row,
  x,
  top,
  sizes,
  right,
  isSelected,
  onSelect,
}: {
  row: Row;
  x: (ms: number) => number;
  top: number;
  sizes: Sizes;
  right: number;
  isSelected: boolean;
  onSelect: () => void;
}): ReactNode {
  const { kind, tone, label, node } = row;
  const { left, rowPx, isNarrow } = sizes;
  const middle = top + (isNarrow ? 20 : rowPx / 2);
  const { begin, width, leaseEnd, place } = layoutOf(row, { x, right, sizes });
  return (
    <g className="timeline-row" onClick={onSelect}>
      <rect
        className={isSelected ? 'timeline-here' : 'timeline-hit'}
        x={0}
        y={top + 1}
        width={right + 12}
        height={rowPx - 2}
        rx={4}
      />
      <text className="timeline-name" x={6} y={middle + 4}>
        {nameOf(row)}
      </text>
      {isNarrow || node === null ? null : (
        <text className="timeline-soft" x={70} y={middle + 4}>
          {visible(node).slice(0, 11)}
        </text>
      )}
      {leaseEnd === null ? null : <Lease x={begin} width={leaseEnd - begin} middle={middle} />}
      {kind === 'lost' ? null : (
        <rect
          className={`timeline-bar timeline-${tone}${kind === 'expected' ? ' is-hollow' : ''}`}
          x={begin}
          y={middle - barPx / 2}
          width={kind === 'expected' ? Math.max(8, width) : width}
          height={barPx}
          rx={2}
        />
      )}
      <text
        className={
          place.isInside ? 'timeline-words timeline-inside' : `timeline-halo timeline-words timeline-${tone}`
        }
        x={Math.max(left, place.x)}
        y={isNarrow ? middle + 27 : middle + 4}
        textAnchor={place.anchor}
      >
        {label}
      </text>
    </g>
  );
}

function Lease({ x, width, middle }: { x: number; width: number; middle: number }): ReactNode {
  return (
    <rect
      className="timeline-lease"
      x={x}
      y={middle - leasePx / 2}
      width={Math.max(4, width)}
      height={leasePx}
      rx={3}
    />
  );
}
