import { type PointerEvent, type ReactNode, useMemo, useState } from 'react';
import type { Incident } from '../../../../posthorn/src/reliability/backtest.ts';
import { now } from '../../clock.ts';
import { Button } from '../../parts/button.tsx';
import { useWidth } from '../../parts/chart/size.ts';
import { timeTicks } from '../../parts/chart/ticks.ts';
import { fullTimeText } from '../../parts/time.ts';
import { usePreferences } from '../../preferences.ts';
import { type Counts, type Side, countsSpan } from './replay.ts';

const hourMs = 3_600_000;
/** Each is a band on every plot. */
export const maxIncidents = 10;

interface Cell {
  readonly at: number;
  readonly lengthMs: number;
  readonly bad: number;
}

/** Bad deliveries by the hour or the day. */
function toCells(counts: Counts, side: Side): readonly Cell[] {
  const cells: Cell[] = [];
  for (const segment of counts.segments) {
    const stepMs = segment.step_s * 1000;
    let at = Date.parse(segment.at);
    // Minutes would be thinner than a pixel.
    const joined = Math.max(1, hourMs / stepMs);
    let step = 0;
    for (const [bad = 0, times = 0] of segment[side])
      for (let time = 0; time < times; time++, step++, at += stepMs) {
        const last = cells.at(-1);
        if (last !== undefined && joined > 1 && step % joined !== 0)
          cells[cells.length - 1] = { ...last, bad: last.bad + bad, lengthMs: last.lengthMs + stepMs };
        else cells.push({ at, lengthMs: stepMs, bad });
      }
  }
  return cells;
}

const plotHeight = 76;

const inOrder = ({ from, until }: Incident): Incident => ({
  from: Math.min(from, until),
  until: Math.max(from, until),
});

/** Marks an incident by dragging: what the plot listens to, and the one that is being marked. */
function useDrag(
  timeAt: (event: PointerEvent<SVGSVGElement>) => number,
  onMarked: (incident: Incident) => void,
) {
  const [drag, setDrag] = useState<Incident | null>(null);
  return {
    marking: drag === null ? [] : [inOrder(drag)],
    listeners: {
      onPointerDown: (event: PointerEvent<SVGSVGElement>): void => {
        event.currentTarget.setPointerCapture(event.pointerId);
        const at = timeAt(event);
        setDrag({ from: at, until: at });
      },
      onPointerMove: (event: PointerEvent<SVGSVGElement>): void => {
        if (drag !== null) setDrag({ ...drag, until: timeAt(event) });
      },
      onPointerUp: (): void => {
        if (drag !== null && drag.from !== drag.until) onMarked(inOrder(drag));
        setDrag(null);
      },
      onPointerCancel: (): void => setDrag(null),
    },
  };
}

/** What was bad, by time, with incidents as bands: dragged on the plot, or written. */
export function IncidentPlot({
  counts,
  side,
  incidents,
  onChange,
}: {
  counts: Counts;
  side: Side;
  incidents: readonly Incident[];
  onChange: (incidents: readonly Incident[]) => void;
}): ReactNode {
  const [ref, width] = useWidth(640);
  const { zone } = usePreferences();
  const { from, until } = countsSpan(counts);
  const x = (ms: number): number => ((ms - from) / Math.max(1, until - from)) * width;
  const { marking, listeners } = useDrag(
    (event) => {
      const share = (event.clientX - event.currentTarget.getBoundingClientRect().left) / width;
      const ms = from + Math.max(0, Math.min(1, share)) * (until - from);
      return Math.round(ms / hourMs) * hourMs;
    },
    (incident) => onChange([...incidents, incident]),
  );
  const listed = incidents.map(
    (one) => `${fullTimeText(one.from, zone, 'minute')} to ${fullTimeText(one.until, zone, 'minute')}`,
  );
  return (
    <div>
      <h3 className="soft">
        What was late or dead, by time;{' '}
        {incidents.length === 0
          ? 'no incident'
          : incidents.length === 1
            ? 'one incident'
            : `${incidents.length} incidents`}{' '}
        marked. Drag to mark one.
      </h3>
      <div ref={ref} className="chart incident-plot">
        <svg
          width={width}
          height={plotHeight + 20}
          role="img"
          aria-label={`Late or dead deliveries by time; incidents: ${listed.join(', ') || 'none'}`}
          {...listeners}
        >
          {[...incidents, ...marking].map((incident, index) => (
            <rect
              key={`${incident.from} ${index}`}
              className="firing-incident"
              x={Math.max(0, x(incident.from))}
              y={0}
              width={Math.max(2, x(incident.until) - Math.max(0, x(incident.from)))}
              height={plotHeight}
            />
          ))}
          <BadBars counts={counts} side={side} x={x} />
          <line className="chart-grid" x1={0} x2={width} y1={plotHeight} y2={plotHeight} />
          <TimeAxis from={from} until={until} width={width} x={x} />
        </svg>
      </div>
      <IncidentList incidents={incidents} from={from} until={until} onChange={onChange} />
    </div>
  );
}

function TimeAxis({
  from,
  until,
  width,
  x,
}: {
  from: number;
  until: number;
  width: number;
  x: (ms: number) => number;
}): ReactNode {
  const { zone } = usePreferences();
  return (
    <>
      {timeTicks(from, until, Math.max(2, Math.floor(width / 110)), zone, now()).map(({ at, text }) => (
        <text key={at} x={Math.max(16, Math.min(width - 16, x(at)))} y={plotHeight + 16} textAnchor="middle">
          {text}
        </text>
      ))}
    </>
  );
}

function BadBars({ counts, side, x }: { counts: Counts; side: Side; x: (ms: number) => number }): ReactNode {
  const cells = useMemo(() => toCells(counts, side), [counts, side]);
  const rate = (cell: Cell): number => cell.bad / (cell.lengthMs / hourMs);
  const max = cells.reduce((highest, cell) => Math.max(highest, rate(cell)), 0) || 1;
  return cells.map((cell) => {
    if (cell.bad === 0) return null;
    const left = Math.max(0, x(cell.at));
    const height = Math.max(2, (rate(cell) / max) * (plotHeight - 6));
    return (
      <rect
        key={cell.at}
        className={`chart-fill chart-${side === 'sender' ? 'bar' : 'held'}`}
        x={left}
        y={plotHeight - height}
        width={Math.max(1.5, (x(cell.at + cell.lengthMs) - left) * 0.8)}
        height={height}
      />
    );
  });
}

/** The incidents, written. */
function IncidentList({
  incidents,
  from,
  until,
  onChange,
}: {
  incidents: readonly Incident[];
  from: number;
  until: number;
  onChange: (incidents: readonly Incident[]) => void;
}): ReactNode {
  return (
    <ul className="incident-list">
      {incidents.map((incident, index) => (
        <li key={`${incident.from} ${incident.until} ${index}`} className="row">
          <TimeField
            name={`Incident ${index + 1} from (UTC)`}
            ms={incident.from}
            onChange={(at) =>
              onChange(
                incidents.map((one, place) =>
                  place === index && at < one.until ? { ...one, from: at } : one,
                ),
              )
            }
          />
          <span className="soft">to</span>
          <TimeField
            name={`Incident ${index + 1} until (UTC)`}
            ms={incident.until}
            onChange={(at) =>
              onChange(
                incidents.map((one, place) =>
                  place === index && at > one.from ? { ...one, until: at } : one,
                ),
              )
            }
          />
          <Button
            kind="plain"
            onClick={() => onChange(incidents.filter((_, place) => place !== index))}
            aria-label={`Remove incident ${index + 1}`}
          >
            Remove
          </Button>
        </li>
      ))}
      <li>
        <Button
          onClick={() => onChange([...incidents, { from: Math.max(from, until - 24 * hourMs), until }])}
          forbidden={incidents.length >= maxIncidents ? `At most ${maxIncidents} incidents.` : null}
        >
          Add an incident
        </Button>
      </li>
    </ul>
  );
}

function TimeField({
  name,
  ms,
  onChange,
}: {
  name: string;
  ms: number;
  onChange: (ms: number) => void;
}): ReactNode {
  return (
    <input
      type="datetime-local"
      className="input incident-time"
      aria-label={name}
      value={new Date(ms).toISOString().slice(0, 16)}
      onChange={(event) => {
        const at = Date.parse(`${event.target.value}Z`);
        if (!Number.isNaN(at)) onChange(at);
      }}
    />
  );
}
