import type { ReactNode } from 'react';
import type { Answer } from '../../api.ts';
import { Card } from '../../parts/card.tsx';
import { Lines } from '../../parts/chart/lines.tsx';
import { Empty, Reading } from '../../parts/panel.tsx';
import { useRead } from '../../query.ts';

type Series = Answer<'series.get'>;
type Point = Series['series'][number]['points'][number];

const everyMs = 60_000;

const firstPoints = ({ series }: Series): readonly Point[] => series[0]?.points ?? [];

/** Success and latency of one endpoint over its last day. */
export function Charts({ id }: { id: string }): ReactNode {
  const query = { endpoint_id: id };
  const inTime = useRead('series.get', { query: { ...query, measure: 'in_time' } }, { everyMs });
  const latency = useRead('series.get', { query: { ...query, measure: 'latency' } }, { everyMs });
  return (
    <div className="two">
      <Card title="In time, by when they were accepted">
        <Reading of={inTime} what="Counting what was in time…" height={200}>
          {(answer) => {
            const points = firstPoints(answer);
            if (points.every(({ due = 0 }) => due === 0))
              return <Empty>Nothing was due in these 24 hours.</Empty>;
            return (
              <Lines
                label="Share of deliveries in time over 24 hours"
                since={Date.parse(answer.window.since)}
                until={Date.parse(answer.window.until)}
                times={points.map(({ at }) => Date.parse(at))}
                unit="share"
                series={[
                  {
                    name: 'in time',
                    tone: 'bar',
                    values: points.map(({ due = 0, in_time: good = 0 }) => (due === 0 ? null : good / due)),
                  },
                ]}
              />
            );
          }}
        </Reading>
      </Card>
      <Card title="From acceptance to delivery">
        <Reading of={latency} what="Reading latencies…" height={200}>
          {(answer) => {
            const points = firstPoints(answer);
            if (points.every(({ delivered = 0 }) => delivered === 0))
              return <Empty>Nothing was delivered in these 24 hours.</Empty>;
            const line = (name: 'p50' | 'p95' | 'p99', tone: 'soft' | 'bar' | 'wait', isDashed: boolean) => ({
              name,
              tone,
              isDashed,
              values: points.map((point) => point[name] ?? null),
            });
            return (
              <Lines
                label="Latency over 24 hours"
                since={Date.parse(answer.window.since)}
                until={Date.parse(answer.window.until)}
                times={points.map(({ at }) => Date.parse(at))}
                unit="ms"
                scale="log"
                series={[line('p50', 'bar', false), line('p95', 'soft', true), line('p99', 'wait', true)]}
              />
            );
          }}
        </Reading>
      </Card>
    </div>
  );
}
