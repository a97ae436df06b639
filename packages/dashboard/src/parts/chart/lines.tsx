import { line } from 'd3-shape';
import type { ReactNode } from 'react';
import { Frame, type Marker } from './frame.tsx';
import { apart } from './labels.ts';
import { linearTicks, logTicks, type Unit, valueText } from './ticks.ts';

export interface LineSeries {
  readonly name: string;
  readonly tone: 'bar' | 'good' | 'wait' | 'bad' | 'held' | 'soft';
  /** Two series differ in dash as well as in hue. */
  readonly isDashed?: boolean;
  /** Null: there is nothing to say of this time. */
  readonly values: readonly (number | null)[];
}

export interface LinesProperties {
  readonly label: string;
  readonly since: number;
  readonly until: number;
  readonly times: readonly number[];
  readonly series: readonly LineSeries[];
  readonly unit: Unit;
  /** `log` for lengths of time; rates and counts begin at 0. `fit`: between the values, for rates near 100%. */
  readonly scale?: 'zero' | 'log' | 'fit';
  readonly height?: number;
  readonly markers?: readonly Marker[];
  readonly target?: { readonly value: number; readonly label: string };
  readonly onPick?: (index: number) => void;
}

const room = 1.08;
const linePx = 14;

/** Ticks and the position of values, by the scale. */
function axis(all: readonly number[], unit: Unit, scale: 'zero' | 'log' | 'fit') {
  if (scale === 'log' && all.some((value) => value > 0)) {
    const positive = all.filter((value) => value > 0);
    const [low, high] = [Math.min(...positive) / 1.5, Math.max(...positive) * 1.5];
    const span = Math.log(high / low);
    return {
      ticks: logTicks(low, high),
      share: (value: number) => Math.max(0, Math.log(Math.max(value, low) / low) / span),
    };
  }
  if (scale === 'fit' && all.length > 0) {
    const [least, most] = [Math.min(...all), Math.max(...all)];
    const margin = Math.max((most - least) * 0.15, Math.abs(most) * 1e-6, 1e-9);
    const [low, high] = [least - margin, most + margin];
    const ticks = [least, most].filter((value, index, both) => both.indexOf(value) === index);
    return {
      ticks: ticks.map((at) => ({ at, text: valueText(at, unit) })),
      share: (value: number) => (value - low) / (high - low),
    };
  }
  const max = Math.max(0, ...all) * room || 1;
  return { ticks: linearTicks(max, unit), share: (value: number) => value / max };
}

/** Lines over time, each named at its end. */
export function Lines(properties: LinesProperties): ReactNode {
  const { label, since, until, times, series, unit, scale = 'zero', target, ...rest } = properties;
  const all = [
    ...series.flatMap(({ values }) => values.filter((value) => value !== null)),
    ...(target === undefined ? [] : [target.value]),
  ];
  const { ticks, share } = axis(all, unit, scale);
  const said = (value: number | null | undefined): string =>
    value === null || value === undefined ? 'nothing to say' : valueText(value, unit);
  return (
    <Frame
      {...rest}
      {...(target === undefined ? {} : { target })}
      label={label}
      since={since}
      until={until}
      times={times}
      yTicks={ticks}
      yShare={share}
      valueAt={(index) => series.map(({ name, values }) => `${name} ${said(values[index])}`).join(', ')}
      table={{
        head: series.map(({ name }) => name),
        rows: times.map((_, index) => series.map(({ values }) => said(values[index]))),
      }}
    >
      {({ x, y, left, width, isNarrow }, cursor) => {
        const ends = series.map(({ values }) => values.findLastIndex((value) => value !== null));
        const heights = apart(
          series.map(({ values }, index) => (ends[index] === -1 ? 0 : y(values[ends[index]!]!) - 6)),
          linePx,
        );
        return series.map(({ name, tone, isDashed, values }, index) => {
          const path = line<number | null>()
            .defined((value) => value !== null)
            .x((_, index) => x(times[index]!))
            .y((value) => y(value!));
          const lastIndex = ends[index]!;
          return (
            <g key={name} className={`chart-${tone}`}>
              <path
                className="chart-line"
                d={path([...values]) ?? ''}
                strokeDasharray={isDashed === true ? '5 3' : undefined}
              />
              {cursor === null || values[cursor] === null || values[cursor] === undefined ? null : (
                <circle className="chart-dot" cx={x(times[cursor]!)} cy={y(values[cursor])} r="3" />
              )}
              {lastIndex === -1 || series.length === 1 || isNarrow ? null : (
                <text
                  className="chart-halo"
                  x={Math.min(x(times[lastIndex]!), left + width) - 4}
                  y={heights[index]}
                  textAnchor="end"
                >
                  {name}
                </text>
              )}
            </g>
          );
        });
      }}
    </Frame>
  );
}

/** A line without axes, beside words that say the same. */
export function Spark({
  values,
  label,
  tone = 'bar',
  width = 120,
  height = 24,
}: {
  values: readonly (number | null)[];
  label: string;
  tone?: LineSeries['tone'];
  width?: number;
  height?: number;
}): ReactNode {
  const shown = values.filter((value) => value !== null);
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const path = line<number | null>()
    .defined((value) => value !== null)
    .x((_, index) => 1 + (index / Math.max(1, values.length - 1)) * (width - 2))
    .y((value) => height - 2 - ((value! - low) / (high - low || 1)) * (height - 4));
  return (
    <svg
      className={`spark chart-${tone}`}
      width={width}
      height={height}
      role="img"
      aria-label={label}
      viewBox={`0 0 ${width} ${height}`}
    >
      {shown.length < 2 ? null : <path className="chart-line" d={path([...values]) ?? ''} />}
    </svg>
  );
}
