import { line } from 'd3-shape';
import type { ComponentProps, ReactNode } from 'react';
import type { Answer, Item } from '../../api.ts';
import { Frame } from '../../parts/chart/frame.tsx';
import { now } from '../../clock.ts';
import { Empty } from '../../parts/panel.tsx';
import { visible } from '../../parts/untrusted.tsx';
import { budgetText, sideMarks, sideNames, sideTitle, type Status } from './words.ts';

type History = Answer<'slos.history'>;
type Alert = Item<'alerts.list'>;

/** Deeper than this a line is cut off: what is overspent fifty times has one message. */
const maxBelow = 1;

/** The scale of what is left: from the whole budget down to the lowest point, or to where lines are cut off. */
function budgetScale(points: History['points']): Pick<ComponentProps<typeof Frame>, 'yTicks' | 'yShare'> {
  const lowest = Math.min(
    0,
    ...points.flatMap(({ sender, receiver }) => [
      sender.budget_remaining ?? 0,
      receiver.budget_remaining ?? 0,
    ]),
  );
  const low = Math.max(-maxBelow, lowest < 0 ? Math.min(lowest * 1.1, -0.25) : -0.12);
  return {
    yShare: (value) => (Math.max(low, Math.min(1, value)) - low) / (1.04 - low),
    yTicks: [1, 0.75, 0.5, 0.25, 0, -0.5, -1]
      .filter((at) => at >= low)
      .map((at) => ({ at, text: `${at < 0 ? '−' : ''}${Math.abs(at * 100)}%` })),
  };
}

type Names = Readonly<Record<(typeof sideNames)[number], string>>;

/** What each side has left at a point. */
function leftText(point: History['points'][number], names: Names): string {
  return sideNames
    .map((side) => `${names[side]} ${budgetText(point[side].budget_remaining)} left, ${point[side].bad} bad`)
    .join('; ');
}

/** The points as a table. */
function budgetTable(points: History['points'], names: Names): ComponentProps<typeof Frame>['table'] {
  return {
    head: sideNames.flatMap((side) => [`${names[side]}: left`, `${names[side]}: bad`]),
    rows: points.map((point) =>
      sideNames.flatMap((side) => [budgetText(point[side].budget_remaining), String(point[side].bad)]),
    ),
  };
}

/** Each side's budget over the window: it begins whole, and below 0 the promise is broken. Alerts are bands. */
export function BudgetChart({
  history,
  status,
  alerts,
}: {
  history: History;
  status: Status;
  alerts: readonly Alert[];
}): ReactNode {
  const { points } = history;
  if (points.length === 0)
    return (
      <Empty height={280}>
        Nothing has been counted yet: the first deliveries that come due begin this chart.
      </Empty>
    );
  const since = Date.parse(history.window.since);
  const until = Math.max(Date.parse(history.window.until), since + 1);
  const times = points.map(({ at, length_s: lengthS }) => Math.min(until, Date.parse(at) + lengthS * 1000));
  const names = {
    sender: visible(sideTitle('sender', status.sides.sender.team)),
    receiver: visible(sideTitle('receiver', status.sides.receiver.team)),
  };
  const pointText = (index: number): string => leftText(points[index]!, names);
  const known = Date.parse(history.window.known_since);
  return (
    <Frame
      label={`What was left of the budgets of ${names.sender} and of ${names.receiver}, from whole to now: ${pointText(points.length - 1)}.`}
      since={since}
      until={until}
      height={240}
      {...budgetScale(points)}
      times={times}
      valueAt={pointText}
      table={budgetTable(points, names)}
    >
      {(plot, cursor) => {
        const inside = (at: number): number =>
          Math.max(plot.left, Math.min(plot.left + plot.width, plot.x(at)));
        return (
          <>
            <Ground plot={plot} knownX={known > since ? inside(known) : null} />
            {alerts.map((alert) => (
              <AlertBand
                base={plot.y(0)}
                key={alert.id}
                alert={alert}
                x={inside}
                top={plot.top}
                height={plot.height}
                isNarrow={plot.isNarrow}
                right={plot.left + plot.width}
              />
            ))}
            <BudgetLines
              names={names}
              points={points}
              times={times}
              from={Math.max(since, known)}
              cursor={cursor}
              x={inside}
              y={plot.y}
              right={plot.left + plot.width}
            />
          </>
        );
      }}
    </Frame>
  );
}

type Plot = Parameters<ComponentProps<typeof Frame>['children']>[0];

/** What lies below an empty budget, and the time before `knownX`, of which nothing was counted. */
function Ground({
  plot: { y, left, top, width, height },
  knownX,
}: {
  plot: Plot;
  knownX: number | null;
}): ReactNode {
  return (
    <>
      <rect className="budget-below" x={left} y={y(0)} width={width} height={top + height - y(0)} />
      {knownX === null ? null : (
        <g>
          <rect
            className="budget-unknown"
            x={left}
            y={top}
            width={Math.max(0, knownX - left)}
            height={height}
          />
          {knownX - left > 90 ? (
            <text className="chart-halo" x={left + 6} y={y(0) - 8}>
              not counted yet
            </text>
          ) : null}
        </g>
      )}
    </>
  );
}

function BudgetLines({
  names,
  ...line
}: Omit<ComponentProps<typeof BudgetLine>, 'side' | 'name' | 'isBelow'> & {
  names: Names;
}): ReactNode {
  const ends = sideNames.map((side) => line.y(line.points.at(-1)?.[side].budget_remaining ?? 1));
  // Labels of lines that end close to each other are kept apart.
  const isClose = Math.abs(ends[0]! - ends[1]!) < 16;
  return sideNames.map((side, index) => (
    <BudgetLine
      key={side}
      side={side}
      name={names[side]}
      isBelow={isClose && isLower(ends, index)}
      {...line}
    />
  ));
}

/** Whether this end of two is the lower. */
function isLower(ends: readonly number[], index: number): boolean {
  const [end, other] = [ends[index]!, ends[1 - index]!];
  return end > other || (end === other && index === 1);
}

/** What is left of one side's budget, with its name at the end; `isBelow`: the name is below the line. */
function BudgetLine({
  side,
  name,
  points,
  times,
  from,
  cursor,
  x,
  y,
  right,
  isBelow,
}: {
  side: (typeof sideNames)[number];
  name: string;
  points: History['points'];
  times: readonly number[];
  from: number;
  cursor: number | null;
  x: (at: number) => number;
  y: (value: number) => number;
  right: number;
  isBelow: boolean;
}): ReactNode {
  const path = line<History['points'][number]>()
    .x((_, at) => x(times[at]!))
    .y((point) => y(point[side].budget_remaining ?? 1));
  const end = y(points.at(-1)?.[side].budget_remaining ?? 1);
  const started = points.length === 0 ? '' : `M${x(from)},${y(1)}L`;
  return (
    <g className={`chart-${sideMarks[side].tone}`}>
      <path
        className="chart-line budget-line"
        d={started + (path([...points]) ?? '').slice(1)}
        strokeDasharray={side === 'receiver' ? '5 3' : undefined}
      />
      {cursor === null || points[cursor] === undefined ? null : (
        <circle
          className="chart-dot"
          cx={x(times[cursor]!)}
          cy={y(points[cursor][side].budget_remaining ?? 1)}
          r="3"
        />
      )}
      <text
        className="chart-halo budget-name"
        x={right - 2}
        y={isBelow ? end + 17 : end - 6}
        textAnchor="end"
      >
        {`${name}: ${budgetText(points.at(-1)?.[side].budget_remaining ?? null)}`}
      </text>
    </g>
  );
}

function AlertBand({
  alert,
  x,
  top,
  height,
  right,
  isNarrow,
  base,
}: {
  alert: Alert;
  /** Where the budget is used up. */
  base: number;
  x: (at: number) => number;
  top: number;
  height: number;
  right: number;
  isNarrow: boolean;
}): ReactNode {
  const from = x(Date.parse(alert.since));
  const width = Math.max(3, x(alert.resolved_at === null ? now() : Date.parse(alert.resolved_at)) - from);
  const by = alert.acknowledged_by;
  const words = `${alert.severity}${by === null ? '' : `, acknowledged by ${visible(by)}`}`;
  const isInward = from + words.length * 6.4 > right;
  return (
    <g className={alert.severity === 'page' ? 'budget-band is-page' : 'budget-band'}>
      <rect x={from} y={top} width={width} height={height} />
      {isNarrow ? null : (
        <text
          className="chart-halo"
          x={isInward ? from + width - 4 : from + 4}
          y={base - 8}
          textAnchor={isInward ? 'end' : 'start'}
        >
          {words}
        </text>
      )}
    </g>
  );
}
