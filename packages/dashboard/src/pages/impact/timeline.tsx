import type { ReactNode } from 'react';
import { Card } from '../../parts/card.tsx';
import { Bars } from '../../parts/chart/bars.tsx';
import { Empty, Reading } from '../../parts/panel.tsx';
import { When } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import { useSetSearch } from '../../url.ts';
import type { Impact } from './measures.ts';

const stepMs = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
const stepNames = { minute: 'minute', hour: 'hour', day: 'day (UTC)' } as const;

/** Late or dropped over both times, with what happened between and in them. */
export function Timeline({ at, impact: { before, after } }: { at: string; impact: Impact }): ReactNode {
  const setSearch = useSetSearch();
  const window = { since: before.from, until: after.until };
  const series = useRead('series.get', { query: { ...window, measure: 'in_time' } });
  const markers = useRead('markers.list', { query: { ...window, limit: 50 } });
  return (
    <Card title="Late or dropped, of what was accepted then">
      <Reading of={series} what="Reading the counters…" height={260}>
        {({ series: [all], window: counted }) => {
          const points = all?.points ?? [];
          if (points.every(({ due = 0 }) => due === 0))
            return <Empty>Nothing was accepted in these times.</Empty>;
          const others = (markers.data?.items ?? []).filter(
            (marker) => Date.parse(marker.at) !== Date.parse(at),
          );
          const own = (markers.data?.items ?? []).find((marker) => Date.parse(marker.at) === Date.parse(at));
          return (
            <>
              <Bars
                label={`The share of deliveries that were late or dropped, by ${counted.step}, before and after ${at}, with 95% intervals.`}
                since={Date.parse(counted.since)}
                until={Date.parse(counted.until)}
                times={points.map((point) => Date.parse(point.at))}
                stepMs={stepMs[counted.step]}
                unit="share"
                parts={[
                  {
                    name: 'late or dropped',
                    tone: 'bad',
                    values: points.map(({ due = 0, in_time = 0 }) => (due === 0 ? 0 : 1 - in_time / due)),
                    intervals: points.map(({ due = 0, in_time_interval: interval }) =>
                      due === 0 || interval === undefined
                        ? null
                        : [1 - (interval[1] ?? 1), 1 - (interval[0] ?? 0)],
                    ),
                  },
                ]}
                isOpen={(index) => points[index]?.open === true}
                onPick={(index) => setSearch({ at: points[index]!.at, moment: null })}
                markers={[
                  { at: Date.parse(at), label: own?.label ?? 'the change' },
                  ...others.map((marker) => ({
                    at: Date.parse(marker.at),
                    label: marker.label,
                    tone: marker.kind === 'incident' ? ('bad' as const) : ('link' as const),
                  })),
                ]}
              />
              <p className="soft">
                Before: <When at={before.from} precision="minute" /> to{' '}
                <When at={before.until} precision="minute" />. After:{' '}
                <When at={after.from} precision="minute" /> to <When at={after.until} precision="minute" />.
                Counted by the {stepNames[counted.step]}. Drag the line of the change, or press a bar, to
                compare around another time.
              </p>
            </>
          );
        }}
      </Reading>
    </Card>
  );
}
