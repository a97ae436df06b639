import { useNavigate } from '@tanstack/react-router';
import { Fragment, type ReactNode } from 'react';
import type { Answer } from '../../api.ts';
import { Card } from '../../parts/card.tsx';
import { Bars, Legend } from '../../parts/chart/bars.tsx';
import { percent } from '../../parts/number.ts';
import { Reading } from '../../parts/panel.tsx';
import { visible } from '../../parts/untrusted.tsx';
import { useRead } from '../../query.ts';
import { useMe } from '../../session.tsx';
import { parseSearch } from '../../url.ts';
import { sinceOf } from './cards.tsx';
import { PathLink } from './equation.tsx';
import { lateAndDropped, type Now } from './words.ts';

const dayMs = 86_400_000;
const days = 30;
const maxMarkers = 20;
const maxLinks = 5;

const parts = [
  { name: 'late', tone: 'wait' },
  { name: 'dropped', tone: 'bad' },
] as const;

interface Marked {
  readonly id: string;
  readonly iso: string;
  readonly at: number;
  readonly label: string;
}

/** What people and pipelines have noted in these days. */
function useMarked(since: string): readonly Marked[] {
  const { kind } = useMe();
  const { data } = useRead(
    'markers.list',
    { query: { since, automatic: 'false', limit: maxMarkers } },
    { enabled: kind !== 'portal', everyMs: 60_000 },
  );
  return (data?.items ?? []).map(({ id, at, label }) => ({
    id,
    iso: at,
    at: Date.parse(at),
    label: visible(label),
  }));
}

/**
 * Late and dropped by day of acceptance. Late too, because a redrive heals the drops of a past day: what stays of an outage is
 * that it was late.
 */
export function ByDay({ now, scope }: { now: Now; scope: object }): ReactNode {
  const since = sinceOf(now.at, days);
  const read = useRead(
    'series.get',
    { query: { ...scope, measure: 'in_time', step: 'day', since } },
    { everyMs: 60_000 },
  );
  const markers = useMarked(since);
  return (
    <Card
      title="Late or dropped, by day of acceptance (UTC), with the 95% interval of both"
      actions={<Legend parts={parts} />}
    >
      <Reading of={read} what={`Counting ${days} days…`} height={260}>
        {(answer) => <Days of={answer} markers={markers} target={now.in_time.target} />}
      </Reading>
      {markers.length === 0 ? null : (
        <p className="label">
          Before and after:{' '}
          {markers.slice(0, maxLinks).map(({ id, iso, label }, index) => (
            <Fragment key={id}>
              {index === 0 ? '' : ', '}
              <PathLink path={`/impact?at=${iso}`}>{label}</PathLink>
            </Fragment>
          ))}
        </p>
      )}
    </Card>
  );
}

function Days({
  of: { window, series },
  markers,
  target,
}: {
  of: Answer<'series.get'>;
  markers: readonly Marked[];
  target: number | null;
}): ReactNode {
  const navigate = useNavigate();
  const points = series[0]?.points ?? [];
  const { late, dropped, intervals } = lateAndDropped(points);
  const times = points.map(({ at }) => Date.parse(at));
  const worst = Math.max(0, ...points.map((_, index) => late[index]! + dropped[index]!));
  const show = (first: number, last: number): void => {
    const query = `since=${points[first]!.at}&until=${new Date(times[last]! + dayMs).toISOString()}`;
    void navigate({ to: '/deliveries', search: parseSearch(query) as never });
  };
  return (
    <Bars
      label={`Late or dropped by day, of ${days} days: ${worst === 0 ? 'nothing was' : `at most ${percent(worst)} of a day`}.`}
      since={Date.parse(window.since)}
      until={Date.parse(window.until)}
      times={times}
      stepMs={dayMs}
      markers={markers}
      unit="share"
      parts={[
        { ...parts[0], values: late, intervals },
        { ...parts[1], values: dropped },
      ]}
      isOpen={(index) => points[index]?.open === true}
      {...(target === null ? {} : { target: { value: 1 - target, label: `target ${percent(1 - target)}` } })}
      onPick={(index) => show(index, index)}
      onRange={show}
    />
  );
}
