import { type Side, type WeekParts, weekPartsOf } from 'posthorn/impact';
import type { AuditResult } from '../result.ts';

/** Events by part of the week, if the log's time bins are fine enough; in a small log, hourly traffic is noise. */
function partsOfWeek({ series }: AuditResult): WeekParts {
  if (series.bin_seconds > 24 * 3600) return { hours: 24, events: new Map() };
  return weekPartsOf(
    series.bins.map(({ from, accepted }) => ({ at: Date.parse(from), events: accepted })),
    series.bin_seconds > 6 * 3600 ? 24 : 6,
  );
}

/** Converts the audit of a log to a side of the comparison. */
export function sideFromAudit(result: AuditResult, label: string): Side {
  const { verdicts: n, coverage, weekly_value: weekly, event_types: types } = result;
  return {
    label,
    from: Date.parse(coverage.from ?? '1970-01-01T00:00Z'),
    until: Date.parse(coverage.to ?? '1970-01-01T00:00Z'),
    decided: result.events - n.unresolved,
    unresolved: n.unresolved,
    silentlyDropped: n.silently_dropped,
    acknowledgedUnprocessed: n.acknowledged_unprocessed,
    givenUp: n.given_up,
    late: n.late,
    lateUnresolved: 0,
    weekly: weekly.map(({ currency, amount_minor: minor, interval: [lo, hi], events }) => ({
      currency,
      amountMinor: Number(minor),
      interval: [Number(lo), Number(hi)],
      events,
    })),
    givenUpWorth: result.money.given_up.map(({ currency, amount_minor: minor, events }) => ({
      currency,
      amountMinor: BigInt(minor),
      events,
    })),
    endpoints: new Map(result.endpoints.map(({ endpoint, events }) => [endpoint, events])),
    types: new Map(types.map(({ event_type: type, events }) => [type, events])),
    weekParts: partsOfWeek(result),
    firstLostAt: result.first_lost_at === null ? null : Date.parse(result.first_lost_at),
    notes: [
      ...(coverage.sampling.suspected && coverage.sampling.why !== null ? [coverage.sampling.why] : []),
      ...(coverage.gaps.length === 0 ? [] : [`the log has ${coverage.gaps.length} gaps`]),
    ],
  };
}
