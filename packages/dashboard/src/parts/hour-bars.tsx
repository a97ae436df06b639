import type { ReactNode } from 'react';
import { countText, plural } from './number.ts';
import '../styles/parts-hour-bars.css';

const height = 28;
const barWidth = 5;
const gap = 2;
/** So that one of a million is seen. */
const minPx = 2;

/** One path for all bars of a color: a list of a hundred days in small would else draw 4,800 rectangles before its first key is heard. */
const bar = (x: number, y: number, tall: number): string =>
  tall === 0 ? '' : `M${x} ${y}h${barWidth}v${tall}h-${barWidth}z`;

/** A day in small: one bar an hour, what went well below and what did not on top of it. */
export function HourBars({
  good,
  bad,
  hours = good.length,
}: {
  good: readonly number[];
  bad: readonly number[];
  hours?: number;
}): ReactNode {
  const max = Math.max(1, ...good.map((count, index) => count + (bad[index] ?? 0)));
  const px = (count: number): number => (count === 0 ? 0 : Math.max(minPx, (count / max) * height));
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  const width = hours * (barWidth + gap) - gap;
  const bars = good.map((count, index) => {
    const [well, ill] = [px(count), px(bad[index] ?? 0)];
    const x = index * (barWidth + gap);
    return { x, well: Math.min(well, height - ill), ill, top: height - Math.min(height, well + ill) };
  });
  return (
    <svg
      className="hour-bars"
      role="img"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      width={width}
      height={height}
      aria-label={`${plural(hours, 'hour')}: ${countText(sum(good))} delivered in time, ${countText(sum(bad))} late, dead or suppressed`}
    >
      <line className="hour-bars-ground" x1={0} x2={width} y1={height - 0.5} y2={height - 0.5} />
      <path className="hour-bars-good" d={bars.map(({ x, well }) => bar(x, height - well, well)).join('')} />
      <path className="hour-bars-bad" d={bars.map(({ x, top, ill }) => bar(x, top, ill)).join('')} />
    </svg>
  );
}
