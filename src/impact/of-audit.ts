import type { AuditResult } from '../audit/result.ts';
import type { Side } from './side.ts';

const blockHours = 6;

/** The part of the week, UTC: 28 blocks of six hours, Monday 0:00 to 6:00 is 0. Traffic by the hour is noise in a small log. */
export const blockOfWeek = (at: number): number => {
  const date = new Date(at);
  return Math.floor((((date.getUTCDay() + 6) % 7) * 24 + date.getUTCHours()) / blockHours);
};

/** Events by part of the week, where the log's time bins are fine enough to tell. */
function partsOfWeek({ series }: AuditResult): Map<string, number> {
  const parts = new Map<string, number>();
  if (series.bin_seconds > blockHours * 3600) return parts;
  for (const { from, accepted } of series.bins) {
    const part = String(blockOfWeek(Date.parse(from)));
    parts.set(part, (parts.get(part) ?? 0) + accepted);
  }
  return parts;
}

/** A side from the audit of a log. */
export function sideOfAudit(result: AuditResult, label: string): Side {
  const { verdicts: n, coverage, series, weekly_value: weekly, event_types: types } = result;
  const lossy = series.bins.find((bin) => bin.silently_dropped > 0);
  return {
    label,
    from: Date.parse(coverage.from ?? '1970-01-01T00:00Z'),
    until: Date.parse(coverage.to ?? '1970-01-01T00:00Z'),
    judged: result.events - n.unresolved,
    unresolved: n.unresolved,
    silentlyDropped: n.silently_dropped,
    acknowledgedUnprocessed: n.acknowledged_unprocessed,
    givenUp: n.given_up,
    late: n.late,
    weekly: weekly.map(({ currency, amount_minor: minor, interval: [lo, hi], events }) => ({
      currency,
      amountMinor: Number(minor),
      interval: [Number(lo), Number(hi)],
      events,
    })),
    endpoints: new Map(result.endpoints.map(({ endpoint, events }) => [endpoint, events])),
    types: new Map(types.map(({ event_type: type, events }) => [type, events])),
    hoursOfWeek: partsOfWeek(result),
    firstLostAt: lossy === undefined ? null : Date.parse(lossy.from),
    notes: [
      ...(coverage.sampling.suspected && coverage.sampling.why !== null ? [coverage.sampling.why] : []),
      ...(coverage.gaps.length === 0 ? [] : [`the log has ${coverage.gaps.length} gaps`]),
    ],
  };
}
