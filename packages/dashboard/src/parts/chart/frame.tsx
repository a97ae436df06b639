import './chart.css';
import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  type SVGAttributes,
  useId,
  useState,
} from 'react';
import { now } from '../../clock.ts';
import { usePreferences } from '../../preferences.ts';
import { fullTimeText } from '../time.ts';
import { visible } from '../untrusted.tsx';
import { withRoom } from './labels.ts';
import { useWidth } from './size.ts';
import { moved, rangeOf, type Selection } from './selection.ts';
import { type Tick, timeTicks } from './ticks.ts';

/** Something that happened, at its time: a deploy, an incident, the end of one. */
export interface Marker {
  readonly at: number;
  readonly label: string;
  readonly tone?: 'link' | 'wait' | 'bad';
}

/** What a chart draws itself with: positions in pixels of time and value. */
export interface Plot {
  readonly x: (ms: number) => number;
  readonly y: (value: number) => number;
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly isNarrow: boolean;
}

export interface FrameProperties {
  /** A sentence that says what it shows, for who cannot see it. */
  readonly label: string;
  readonly since: number;
  readonly until: number;
  readonly height?: number;
  readonly yTicks: readonly Tick[];
  /** The position of a value between 0 (bottom) and 1 (top). */
  readonly yShare: (value: number) => number;
  /** Times at which there are values: the cursor steps from one to the next. */
  readonly times: readonly number[];
  /** What is said of one of them. */
  readonly valueAt: (index: number) => string;
  readonly markers?: readonly Marker[];
  /** A line across, dashed. */
  readonly target?: { readonly value: number; readonly label: string };
  /** Chosen with a click or Enter. */
  readonly onPick?: (index: number) => void;
  /** Chosen by dragging across several, or with Shift and the arrow keys, then Enter. */
  readonly onRange?: (first: number, last: number) => void;
  readonly children: (plot: Plot, cursor: number | null) => ReactNode;
  /** The same as a table: a head and rows of text. */
  readonly table: { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };
}

const charPx = 6.6;
const axisPx = 24;
const usualHeight = 220;
/** One alone does not say how long a day is. */
const minTicks = 3;
/** Words near the right edge turn inward. */
const inwardPx = 160;

function Axes({
  plot: { x, y, left, width },
  since,
  until,
  height,
  yTicks,
}: {
  plot: Plot;
  since: number;
  until: number;
  height: number;
  yTicks: readonly Tick[];
}): ReactNode {
  const { zone } = usePreferences();
  return (
    <>
      {yTicks.map(({ at: value, text }) => (
        <g key={value}>
          <line className="chart-grid" x1={left} x2={left + width} y1={y(value)} y2={y(value)} />
          <text x={left - 8} y={y(value) + 4} textAnchor="end">
            {text}
          </text>
        </g>
      ))}
      {timeTicks(since, until, Math.max(minTicks, Math.floor(width / 110)), zone, now()).map(
        ({ at: ms, text }) => (
          <text
            key={ms}
            x={Math.min(Math.max(x(ms), left + 14), left + width - 20)}
            y={height - 6}
            textAnchor="middle"
          >
            {text}
          </text>
        ),
      )}
    </>
  );
}

function Target({
  plot: { y, left, width },
  target,
}: {
  plot: Plot;
  target: NonNullable<FrameProperties['target']>;
}): ReactNode {
  return (
    <g>
      <line className="chart-target" x1={left} x2={left + width} y1={y(target.value)} y2={y(target.value)} />
      <text className="chart-halo wait" x={left + width} y={y(target.value) - 5} textAnchor="end">
        {target.label}
      </text>
    </g>
  );
}

/** A line at each marker, with its words as far as they do not run into those of a later one. */
function Markers({
  plot: { x, left, top, width, height, isNarrow },
  since,
  until,
  markers,
}: {
  plot: Plot;
  since: number;
  until: number;
  markers: readonly Marker[];
}): ReactNode {
  const placed = markers
    .filter(({ at }) => at >= since && at <= until)
    .toSorted((a, b) => a.at - b.at)
    .map((marker) => {
      const { at } = marker;
      const label = visible(marker.label);
      const words = isNarrow && label.length > 24 ? `${label.slice(0, 23)}…` : label;
      const isInward = x(at) > left + width - Math.min(inwardPx, width / 2);
      const begin = x(at) + (isInward ? -5 : 5);
      const length = words.length * charPx;
      const [from, to] = isInward ? [begin - length, begin] : [begin, begin + length];
      return { at, label, tone: marker.tone ?? 'link', words, isInward, begin, from, to };
    });
  const hasRoom = withRoom(placed, 4);
  return placed.map(({ at, label, tone, words, isInward, begin }, index) => (
    <g key={`${at}${label}`} className={`chart-marker chart-${tone}`}>
      <title>{label}</title>
      <line x1={x(at)} x2={x(at)} y1={top - 6} y2={top + height} />
      {hasRoom[index] === true ? (
        <text className="chart-halo" x={begin} y={top - 4} textAnchor={isInward ? 'end' : 'start'}>
          {words}
        </text>
      ) : null}
    </g>
  ));
}

/** The same as a table. */
function ChartTable({
  label,
  times,
  table,
}: {
  label: string;
  times: readonly number[];
  table: FrameProperties['table'];
}): ReactNode {
  const { zone } = usePreferences();
  return (
    <details className="chart-table">
      <summary>As a table</summary>
      <div className="chart-table-scroll" tabIndex={0} role="region" aria-label={`${label} As a table`}>
        <table className="table">
          <caption className="sr">{label}</caption>
          <thead>
            <tr>
              <th scope="col">{zone === 'utc' ? 'from (UTC)' : 'from (local time)'}</th>
              {table.head.map((head) => (
                <th key={head} scope="col" className="num">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {table.rows.map((cells, index) => (
              <tr key={times[index]}>
                <td>{fullTimeText(times[index]!, zone, 'minute')}</td>
                {cells.map((cell, column) => (
                  <td key={table.head[column]} className="num">
                    {cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** Where everything is in a chart of this width. */
function plotOf(
  { since, until, yTicks, yShare, markers = [], target, height = usualHeight }: FrameProperties,
  width: number,
): Plot {
  const left = Math.ceil(Math.max(...yTicks.map(({ text }) => text.length), 2) * charPx) + 8;
  const top = markers.length > 0 || target !== undefined ? 18 : 8;
  const inner = { width: Math.max(40, width - left - 8), height: height - top - axisPx };
  return {
    ...inner,
    left,
    top,
    isNarrow: width < 480,
    x: (ms) => left + ((ms - since) / Math.max(1, until - since)) * inner.width,
    y: (value) => top + (1 - yShare(value)) * inner.height,
  };
}

interface Cursor {
  readonly cursor: number | null;
  /** What is chosen by dragging: the first and the last. */
  readonly range: readonly [number, number] | null;
  /** For the drawing. */
  readonly handlers: Pick<
    SVGAttributes<SVGSVGElement>,
    'onPointerDown' | 'onPointerMove' | 'onPointerLeave' | 'onClick' | 'onKeyDown'
  >;
}

/** The cursor of a chart: it follows the pointer and the arrow keys, and chooses one or several. */
function useCursor({ times, onPick, onRange }: FrameProperties, { x }: Plot): Cursor {
  const [cursor, setCursor] = useState<number | null>(null);
  const [selection, setSelection] = useState<Selection | null>(null);
  const [isDragging, setDragging] = useState(false);
  const range = rangeOf(selection);
  const choose = (): void => {
    if (range !== null && onRange !== undefined) onRange(...range);
    else if (cursor !== null) onPick?.(cursor);
    setSelection(null);
  };
  const onPointer = (event: PointerEvent<SVGSVGElement>): void => {
    const here = nearest(times, x, event.clientX - event.currentTarget.getBoundingClientRect().left);
    setCursor(here);
    if (here === null || onRange === undefined || event.pointerType === 'touch') return;
    if (event.type === 'pointerdown') {
      setDragging(true);
      setSelection({ from: here, to: here });
    } else if (isDragging) setSelection((before) => ({ from: before?.from ?? here, to: here }));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = moved(event.key, cursor, times.length);
    if (next !== null) {
      event.preventDefault();
      const isExtended = event.shiftKey && onRange !== undefined;
      setSelection(isExtended ? { from: selection?.from ?? cursor ?? next, to: next } : null);
      setCursor(next);
    } else if (event.key === 'Enter') choose();
    else if (event.key === 'Escape') {
      setCursor(null);
      setSelection(null);
    }
  };
  const onPointerLeave = (): void => {
    setCursor(null);
    setDragging(false);
    setSelection(null);
  };
  const onClick = (): void => {
    setDragging(false);
    choose();
  };
  return {
    cursor,
    range,
    handlers: { onPointerDown: onPointer, onPointerMove: onPointer, onPointerLeave, onClick, onKeyDown },
  };
}

/** The time that is drawn nearest to a pixel. */
function nearest(times: readonly number[], x: (ms: number) => number, px: number): number | null {
  let found: number | null = null;
  for (const [index, at] of times.entries())
    if (found === null || Math.abs(x(at) - px) < Math.abs(x(times[found]!) - px)) found = index;
  return found;
}

/** What the cursor is on, as text. */
function Said({
  of: { times, since, until, valueAt },
  at: { cursor, range },
}: {
  of: FrameProperties;
  at: Cursor;
}): ReactNode {
  const { zone } = usePreferences();
  const precision = until - since > 4 * 86_400_000 ? 'minute' : 'second';
  const text = (ms: number): string => fullTimeText(ms, zone, precision);
  const at = cursor === null ? undefined : times[cursor];
  return (
    <figcaption className="chart-said label" aria-live="polite">
      {at === undefined || cursor === null
        ? ' '
        : range === null
          ? `${text(at)}: ${valueAt(cursor)}`
          : `${text(times[range[0]]!)} to ${text(times[range[1] + 1] ?? until)}: Enter chooses it`}
    </figcaption>
  );
}

/**
 * Axes, grid, markers, target, cursor and table of every chart over time. The cursor follows the pointer and the arrow keys; what
 * it is on is shown as text below the chart, and announced.
 */
export function Frame(properties: FrameProperties): ReactNode {
  const { label, since, until, height = usualHeight, yTicks, times, markers = [], target } = properties;
  const { onPick, children, table } = properties;
  const [ref, width] = useWidth();
  const id = useId();
  const plot = plotOf(properties, width);
  const { x, top } = plot;
  const at = useCursor(properties, plot);
  const { cursor, range } = at;
  const here = cursor === null ? undefined : times[cursor];
  return (
    <figure className="chart" ref={ref}>
      <svg
        width={width}
        height={height}
        role="img"
        aria-labelledby={id}
        tabIndex={0}
        {...at.handlers}
        className={onPick === undefined ? undefined : 'chart-picks'}
      >
        <title id={id}>{label}</title>
        <Axes plot={plot} since={since} until={until} height={height} yTicks={yTicks} />
        {range === null ? null : (
          <rect
            className="chart-selection"
            x={x(times[range[0]]!)}
            y={top}
            width={Math.max(1, x(times[range[1] + 1] ?? until) - x(times[range[0]]!))}
            height={plot.height}
          />
        )}
        {children(plot, cursor)}
        {target === undefined ? null : <Target plot={plot} target={target} />}
        <Markers plot={plot} since={since} until={until} markers={markers} />
        {here === undefined ? null : (
          <line className="chart-cursor" x1={x(here)} x2={x(here)} y1={top} y2={top + plot.height} />
        )}
      </svg>
      <Said of={properties} at={at} />
      <ChartTable label={label} times={times} table={table} />
    </figure>
  );
}
