import type { GeneratedEvent, GeneratedLog, Row, World } from './model.ts';

// The environment of a sender and its log: the traffic, the number of endpoints, and faults of the log itself.

const minuteMs = 60_000;

export const plain: World = { name: 'plain' };
export const worlds: readonly World[] = [
  { name: 'quiet weekends, bursts', weekend: 0.1, bursts: true },
  { name: 'clock skew between workers', skewMs: 700 },
  { name: 'an hour of lines lost', gapMinutes: 60 },
  { name: 'a third of the events sampled', keep: 1 / 3 },
  { name: '60 endpoints of 12 tenants', endpoints: 60 },
  { name: 'a long schedule', schedule: [30_000, 300_000, 1_800_000, 3_600_000, 3_600_000, 7_200_000] },
];

/** Returns the log with the faults of the world. */
export function through(log: GeneratedLog): GeneratedLog {
  const { world = plain } = log.recipe;
  return sampled(withGap(skewed(log, world.skewMs ?? 0), world.gapMinutes ?? 0), world.keep ?? 1);
}

/** Each worker's clock is wrong by its own amount. */
function skewed(log: GeneratedLog, skewMs: number): GeneratedLog {
  if (skewMs === 0) return log;
  const shift = (row: Row): Row => {
    const by = (row.worker % 3) * skewMs - skewMs;
    return { ...row, startedAt: row.startedAt + by, endedAt: row.endedAt === null ? null : row.endedAt + by };
  };
  return {
    ...log,
    events: log.events.map((event) => ({ ...event, rows: event.rows.map(shift) })),
  };
}

/** Lines of some minutes around noon of the middle day are missing; their content is unknown. */
function withGap(log: GeneratedLog, minutes: number): GeneratedLog {
  if (minutes === 0) return log;
  const dayMs = 1440 * minuteMs;
  const from = Math.floor((log.from + log.until) / 2 / dayMs) * dayMs + 12 * 60 * minuteMs;
  const to = from + minutes * minuteMs;
  const hidden = ({ endedAt, startedAt }: Row): boolean => {
    const at = endedAt ?? startedAt;
    return at >= from && at < to;
  };
  return {
    ...log,
    events: log.events.flatMap((event): GeneratedEvent[] => {
      const rows = event.rows.filter((row) => !hidden(row));
      if (rows.length === 0 && event.rows.length > 0) return [];
      const last = rows.at(-1);
      const arrived = rows.some(({ state }) => state === 'delivered' || state === 'failed');
      if (arrived || (last === undefined && event.acceptedAt >= to)) return [{ ...event, rows }];
      const since = last === undefined ? event.acceptedAt : (last.endedAt ?? last.startedAt);
      const due =
        last?.nextRetryAt ?? since + Math.max(...log.recipe.schedule.slice(0, Math.max(1, rows.length)));
      const touched = rows.length < event.rows.length || (since < to && due + 3 * minuteMs > from);
      return [{ ...event, rows, fate: touched ? 'unknowable' : event.fate }];
    }),
  };
}

/** Only a share of the events is in the log, each whole. */
function sampled(log: GeneratedLog, share: number): GeneratedLog {
  if (share === 1) return log;
  return { ...log, events: log.events.filter(({ number }) => (number * 0.6180339887) % 1 < share) };
}
