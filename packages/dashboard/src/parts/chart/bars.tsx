import { type ReactNode, useId } from 'react';
import { Frame, type Marker, type Plot } from './frame.tsx';
import { linearTicks, type Unit, valueText } from './ticks.ts';

export interface BarPart {
  readonly name: string;
  readonly tone: 'bar' | 'good' | 'wait' | 'bad' | 'held' | 'soft';
  readonly values: readonly number[];
  /** 95% intervals of the values, drawn as whiskers; for parts that are not stacked. */
  readonly intervals?: readonly (readonly [low: number, high: number] | null)[];
}

export interface BarsProperties {
  readonly label: string;
  readonly since: number;
  readonly until: number;
  /** Where each bar begins. */
  readonly times: readonly number[];
  /** The length of one bar. */
  readonly stepMs: number;
  /** Stacked, the first at the bottom. */
  readonly parts: readonly BarPart[];
  readonly unit: Unit;
  /** Bars whose numbers may still change: hatched. */
  readonly isOpen?: (index: number) => boolean;
  readonly height?: number;
  readonly markers?: readonly Marker[];
  readonly target?: { readonly value: number; readonly label: string };
  readonly onPick?: (index: number) => void;
  readonly onRange?: (first: number, last: number) => void;
}

const room = 1.1;
const gap = 0.3;
/** So that one of a million is seen. */
const minPx = 2;

/** Stacked bars over time, with intervals as whiskers. What may still change is hatched. */
export function Bars(properties: BarsProperties): ReactNode {
  const { label, since, until, times, stepMs, parts, unit, isOpen, target, ...rest } = properties;
  const hatch = useId();
  const sums = times.map((_, index) => parts.reduce((sum, { values }) => sum + (values[index] ?? 0), 0));
  const highs = parts.flatMap(({ intervals }) => intervals?.map((interval) => interval?.[1] ?? 0) ?? []);
  // One wide interval would flatten all bars: it is cut off at three times the tallest.
  const tallest = Math.max(0, ...sums, target?.value ?? 0);
  const max = Math.max(tallest, Math.min(Math.max(0, ...highs), tallest * 3)) * room || 1;
  return (
    <Frame
      {...rest}
      {...(target === undefined ? {} : { target })}
      label={label}
      since={since}
      until={until}
      times={times}
      yTicks={linearTicks(max, unit)}
      yShare={(value) => Math.min(1, value / max)}
      valueAt={(index) =>
        parts.map(({ name, values }) => `${name} ${valueText(values[index] ?? 0, unit)}`).join(', ') +
        (isOpen?.(index) === true ? '; may still change' : '')
      }
      table={{
        head: parts.map(({ name }) => name),
        rows: times.map((_, index) => parts.map(({ values }) => valueText(values[index] ?? 0, unit))),
      }}
    >
      {(plot, cursor) => (
        <>
          <Hatch id={hatch} />
          {times.map((at, index) => (
            <Bar
              key={at}
              plot={plot}
              at={at}
              stepMs={stepMs}
              parts={parts}
              index={index}
              isHere={cursor === index}
              hatch={isOpen?.(index) === true ? hatch : null}
            />
          ))}
        </>
      )}
    </Frame>
  );
}

function Hatch({ id }: { id: string }): ReactNode {
  return (
    <defs>
      <pattern id={id} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="6" height="6" className="chart-hatch-ground" />
        <line x1="0" y1="0" x2="0" y2="6" className="chart-hatch-line" />
      </pattern>
    </defs>
  );
}

/** The parts of one time, stacked. */
function Bar({
  plot: { x, y, left, width },
  at,
  stepMs,
  parts,
  index,
  isHere,
  hatch,
}: {
  plot: Plot;
  at: number;
  stepMs: number;
  parts: readonly BarPart[];
  index: number;
  isHere: boolean;
  /** The pattern of what may still change; null: it is final. */
  hatch: string | null;
}): ReactNode {
  const begin = Math.max(x(at), left);
  const full = Math.min(x(at + stepMs), left + width) - begin;
  const thickness = Math.max(1, full * (1 - gap));
  const middle = begin + full / 2;
  let below = 0;
  return (
    <g className={isHere ? 'chart-bar is-here' : 'chart-bar'}>
      {parts.map(({ name, tone, values, intervals }) => {
        const value = values[index] ?? 0;
        const base = y(below);
        const pixels = value === 0 ? 0 : Math.max(minPx, base - y(below + value));
        const interval = intervals?.[index] ?? null;
        const box = { x: begin + (full - thickness) / 2, y: base - pixels, width: thickness, height: pixels };
        below += value;
        return (
          <g key={name} className={`chart-${tone}`}>
            <rect {...box} className="chart-fill" />
            {hatch !== null && pixels > 0 ? <rect {...box} fill={`url(#${hatch})`} /> : null}
            {interval === null || thickness < 4 ? null : (
              <line
                className="chart-whisker"
                x1={middle}
                x2={middle}
                y1={y(interval[0])}
                y2={y(interval[1])}
              />
            )}
          </g>
        );
      })}
    </g>
  );
}

/** Names of parts with their colors, where no label fits at the drawing. */
export function Legend({
  parts,
}: {
  parts: readonly { readonly name: string; readonly tone: BarPart['tone'] }[];
}): ReactNode {
  return (
    <ul className="chart-legend row label">
      {parts.map(({ name, tone }) => (
        <li key={name} className={`chart-${tone}`}>
          <svg width="10" height="10" aria-hidden="true">
            <rect width="10" height="10" rx="2" className="chart-fill" />
          </svg>{' '}
          {name}
        </li>
      ))}
    </ul>
  );
}
