import type { AuditResult, SeriesBin } from '../../packages/audit/src/result.ts';

const hour = 3_600_000;
const begins = Date.UTC(2026, 0, 4);
const iso = (at: number): string => new Date(at).toISOString();

/** Two weeks by the hour, with losses from the fourth day on. */
function bins(): SeriesBin[] {
  return Array.from({ length: 14 * 24 }, (_, index) => {
    const accepted = 40 + Math.round(20 * Math.sin((index / 24) * 2 * Math.PI));
    const dropped = index > 72 && index % 5 === 0 ? 1 : 0;
    return {
      from: iso(begins + index * hour),
      accepted,
      silently_dropped: dropped,
      given_up: index % 97 === 0 ? 1 : 0,
      unresolved: 0,
      value_at_risk: dropped === 0 ? [] : [{ currency: 'USD', amount_minor: 41_300 + index * 10, events: 1 }],
    };
  });
}

/** A result with something in every field; `text` is used wherever content of the log appears. */
export function sampleResult(text = 'orders'): AuditResult {
  const series = { bin_seconds: 3600, bins: bins() };
  const events = series.bins.reduce((sum, { accepted }) => sum + accepted, 0);
  const dropped = series.bins.reduce((sum, { silently_dropped: n }) => sum + n, 0);
  const given = series.bins.reduce((sum, { given_up: n }) => sum + n, 0);
  const money = [{ currency: 'USD', amount_minor: '2271720', events: dropped }];
  const start = begins + 100 * hour;
  const attempt = (n: number, from: number, to: number, error: string, next: number | null) => ({
    attempt: n,
    started_at: iso(start + from),
    ended_at: iso(start + to),
    status_code: null,
    error,
    state: 'retrying',
    next_retry_at: next === null ? null : iso(start + next),
    worker: text,
  });
  const example = {
    event_id: `evt_${text}`,
    endpoint: `https://${text}.example.com/webhooks`,
    tenant: text,
    verdict: 'silently_dropped',
    cause: 'retry_race',
    amount_minor: 41_300,
    currency: 'USD',
    story: `attempt 1 ended after attempt 2 had begun, and the retry it owed was never made (${text})`,
    attempts: [
      attempt(1, 0, 10_000, 'timeout', 15_000),
      attempt(2, 15_000, 25_000, text, 55_000),
      attempt(1, 0, 27_500, 'reset', 55_000),
    ],
  } as const;
  return {
    version: 1,
    source: {
      format: 'generic',
      confidence: 0.93,
      given: false,
      why: [text],
      alternatives: [],
      files: [
        { path: `${text}.jsonl`, bytes: 1, container: 'ndjson', compression: 'none', format: 'generic' },
      ],
      fields: [{ field: 'event_id', from: text, as: 'text' }],
      assumptions: [`times without a zone are UTC (${text})`],
    },
    events,
    attempts: events + 700,
    quality: { conclusive: true, suspected: 0, problems: [] },
    coverage: {
      from: iso(begins),
      to: iso(begins + 14 * 24 * hour),
      hours: 336,
      lines: events + 700,
      duplicates: 3,
      malformed: {
        count: 1,
        share: 1e-5,
        samples: [{ file: text, line: 17, why: 'not valid JSON', text: `{"half": ${text}` }],
      },
      unusable: [{ why: 'no event id', count: 2, sample: text }],
      gaps: [],
      sampling: { suspected: false, why: null },
      clock_skew: { attempts: 0, max_ms: 0 },
      left_censored: 0,
      right_censored: 4,
      ids_shared: 0,
      notes: [`what was filtered before the log is not in it (${text})`],
    },
    verdicts: {
      delivered: events - dropped - given - 4,
      late: 0,
      given_up: given,
      silently_dropped: dropped,
      unresolved: 4,
      acknowledged_unprocessed: 0,
    },
    silent_drop_rate: dropped / (events - 4),
    silent_drop_interval: [0.0022, 0.0051],
    power: {
      detectable_rate: 0.0002,
      statement: `This log would have shown a drop rate of 0.02% (${text}).`,
    },
    first_lost_at: '2026-01-04T05:48:00.000Z',
    causes: [
      {
        cause: 'retry_race',
        events: dropped,
        silently_dropped: dropped,
        given_up: 0,
        kind: 'proof',
        p_value: 1e-14,
        evidence: `${dropped} of ${dropped} lost events have overlapping attempts (${text})`,
        test: {
          name: 'Fisher',
          risk_ratio: 88.4,
          risk_ratio_interval: [60, 120],
          table: [
            [dropped, 3],
            [0, 1000],
          ],
        },
        jointly: [{ cause: 'client_timeout', events: 40 }],
        where: { endpoint: text },
        sample_ids: [`evt_${text}`],
      },
    ],
    value_at_risk: money,
    weekly_value: [
      {
        currency: 'USD',
        amount_minor: 1_135_860,
        interval: [820_000, 1_451_000],
        events: dropped,
        weeks: 2,
        caution: null,
      },
    ],
    money: {
      basis: `amount_minor, by payment_id (${text}).`,
      affected: money,
      recovered: [],
      net: money,
      given_up: [],
      total: money,
      unknown_amount_events: 0,
      negative: [],
      unknown_currency: [{ currency: text, events: 1 }],
    },
    sender: {
      horizon_ms: hour,
      horizon_from: 'log',
      max_attempts: 6,
      timeout_ms: 10_000,
      retry_after_ms: [5000, 30_000],
      late_after_ms: 300_000,
      failure_rate: 0.02,
    },
    onset: { at: iso(begins + 73 * hour), rate_before: 0, rate_after: 0.0048, p_value: 1e-4 },
    markers: [{ at: iso(begins + 72 * hour), label: text, from: 'file' }],
    endpoints: [
      {
        endpoint: `https://${text}.example.com/webhooks`,
        events,
        attempts: events + 700,
        failed_attempts: 700,
        silently_dropped: dropped,
        given_up: given,
      },
    ],
    series,
    durations: Array.from({ length: 60 }, (_, index) => {
      const from = 10 ** (1 + index / 18);
      const usual = Math.round(3000 * Math.exp(-(((index - 16) / 8) ** 2)));
      return {
        from_ms: from,
        to_ms: 10 ** (1 + (index + 1) / 18),
        classes: {
          '2xx': index > 53 ? 0 : usual,
          '3xx': 0,
          '4xx': 0,
          '5xx': index % 7 === 0 ? 4 : 0,
          none: index === 54 ? 480 : index > 54 ? 3 : 0,
        },
      };
    }),
    examples: [example, { ...example, cause: 'unknown', attempts: [] }],
    missing: {
      total: dropped,
      listed: [
        {
          event_id: `evt_${text}`,
          endpoint: text,
          tenant: text,
          payment_id: text,
          verdict: 'silently_dropped',
          cause: 'retry_race',
          last_seen_at: iso(start),
          attempts: 2,
          amount_minor: 41_300,
          currency: text,
        },
      ],
      file: null,
    },
    expected: {
      file: text,
      rows: 1,
      unusable: 0,
      joined_by: text,
      never_sent: 0,
      unexpected: 0,
      not_covered: 0,
      sample_ids: [text],
    },
    received: {
      file: text,
      rows: 1,
      unusable: 0,
      joined_by: text,
      acknowledged_unprocessed: 0,
      processed_all_the_same: 0,
      not_covered: 0,
      endpoints_not_covered: [],
      sample_ids: [text],
    },
    event_types: [{ event_type: text, events }],
    took_ms: 5,
  } as AuditResult;
}
