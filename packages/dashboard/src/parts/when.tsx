import type { ReactNode } from 'react';
import { now, useOfNow } from '../clock.ts';
import { usePreferences } from '../preferences.ts';
import { fullTimeText, type Precision, relativeText, timeText } from './time.ts';

/** Both zones and the epoch, for who hovers over a time. */
const title = (ms: number): string =>
  `${fullTimeText(ms, 'utc', 'millisecond')}\n${fullTimeText(ms, 'local', 'millisecond')}\n${ms} ms`;

/** A point in time in the zone that the reader chose. */
export function When({ at, precision = 'second' }: { at: string; precision?: Precision }): ReactNode {
  const { zone } = usePreferences();
  const ms = Date.parse(at);
  return (
    <time dateTime={at} title={title(ms)} className="nowrap">
      {timeText(ms, zone, precision, now())}
    </time>
  );
}

/** A point in time relative to now; it ticks. */
export function Ago({ at }: { at: string }): ReactNode {
  const ms = Date.parse(at);
  const text = useOfNow((nowMs) => relativeText(ms, nowMs));
  return (
    <time dateTime={at} title={title(ms)} className="nowrap">
      {text}
    </time>
  );
}

/** The name of the zone that times are in, for a column's heading. */
export function ZoneName(): ReactNode {
  const { zone } = usePreferences();
  return <>{zone === 'utc' ? 'UTC' : 'local time'}</>;
}
