// The complete result of an audit, as `--json` prints it: snake_case, times in ISO 8601 (UTC), durations in ms, money in
// minor units. One "event" here is one obligation: an event of one tenant to one endpoint.

/** The source of a log. `generic` is any log whose fields are recognized by name or given by a mapping. */
export const formats = [
  'posthorn',
  'svix',
  'convoy',
  'outpost',
  'hookdeck',
  'hook0',
  'stripe',
  'github',
  'gitlab',
  'zendesk',
  'bullmq',
  'eventbridge',
  'sns',
  'envoy',
  'nginx',
  'traefik',
  'caddy',
  'haproxy',
  'alb',
  'generic',
] as const;
export type Format = (typeof formats)[number];

export const causes = [
  'retry_race',
  'retry_never_scheduled',
  'counter_reset',
  'client_timeout',
  'restart_loss',
  'defect_onset',
  'endpoint_outage',
  'dns',
  'tls',
  'rate_limited',
  'oversize',
  'poison',
  'acknowledged_unprocessed',
  'unknown',
] as const;
export type Cause = (typeof causes)[number];

export const verdicts = [
  'delivered',
  'late',
  'given_up',
  'silently_dropped',
  'unresolved',
  'acknowledged_unprocessed',
] as const;
export type Verdict = (typeof verdicts)[number];

/** Minor units as text, because a number would not be exact. */
export type Minor = number | string;

export interface SourceFile {
  readonly path: string;
  readonly bytes: number;
  readonly container: 'ndjson' | 'json' | 'csv' | 'parquet' | 'text';
  readonly compression: 'none' | 'gzip' | 'zstd';
  readonly format: Format;
}

export interface Source {
  readonly format: Format;
  /** Confidence of the detection, 0 to 1; 1 with `--format`. */
  readonly confidence: number;
  /** True if `--format` or a mapping decided. */
  readonly given: boolean;
  /** The reasons of the decision. */
  readonly why: readonly string[];
  /** The next best formats. */
  readonly alternatives: readonly { readonly format: Format; readonly score: number }[];
  readonly files: readonly SourceFile[];
  /** How each field of the log was read, and in which unit. */
  readonly fields: readonly { readonly field: string; readonly from: string; readonly as: string }[];
  /** Assumptions: units, time zone, meanings of status words, the retry horizon. */
  readonly assumptions: readonly string[];
}

export interface Gap {
  readonly from: string;
  readonly to: string;
  readonly seconds: number;
  /** Lines expected by the rate around the gap. */
  readonly lines_expected: number;
}

export interface Coverage {
  /** First and last time in the log. */
  readonly from: string | null;
  readonly to: string | null;
  readonly hours: number;
  readonly lines: number;
  /** Exact repetitions of attempts and state lines; counted once. */
  readonly duplicates: number;
  readonly malformed: {
    readonly count: number;
    readonly share: number;
    readonly samples: readonly {
      readonly file: string;
      readonly line: number | null;
      readonly why: string;
      readonly text: string;
    }[];
  };
  /** Lines that were read but could not be used: without an id, or with an implausible time. */
  readonly unusable: readonly { readonly why: string; readonly count: number; readonly sample: string }[];
  readonly gaps: readonly Gap[];
  /** Successful deliveries are sampled (SNS), or log levels hide steps (EventBridge): an event without a line is not necessarily dropped. */
  readonly sampling: { readonly suspected: boolean; readonly why: string | null };
  /** Attempts that end before they start, or start before the attempt that they follow. */
  readonly clock_skew: { readonly attempts: number; readonly max_ms: number };
  /** Events whose first line is not their first attempt: the log starts later (rotation). */
  readonly left_censored: number;
  /** Events younger than the retry horizon at the end of the log: `unresolved`. */
  readonly right_censored: number;
  /** Ids under more than one tenant or endpoint; each counts as a separate event. */
  readonly ids_shared: number;
  /** Notes on what the log cannot show. */
  readonly notes: readonly string[];
}

/** A reason why the log cannot show what became of events. */
export interface QualityProblem {
  readonly code:
    | 'unusable_lines'
    | 'no_success'
    | 'attempt_numbers_have_holes'
    | 'worker_lines_missing'
    | 'successes_may_be_sampled'
    | 'ids_do_not_join'
    | 'fan_out_without_endpoint'
    | 'times_conflict'
    | 'state_table';
  readonly count: number;
  /** The share of what is affected, 0 to 1. */
  readonly share: number;
  readonly message: string;
  readonly next_step: string;
}

export interface Quality {
  /** False: the log cannot show which events were lost, so none is called dropped. */
  readonly conclusive: boolean;
  /** Events that would be silent drops if the log were complete; 0 if it is conclusive. They are \`unresolved\`. */
  readonly suspected: number;
  readonly problems: readonly QualityProblem[];
}

export interface Power {
  /** The smallest drop rate that this log shows with a probability of 95% (one drop or more). */
  readonly detectable_rate: number;
  /** "0 of 412: this log could not have shown 0.3%." */
  readonly statement: string;
}

export interface CauseFinding {
  readonly cause: Cause;
  /** Events with this as their first cause; each event counts under one cause. */
  readonly events: number;
  /** These events by verdict. */
  readonly silently_dropped: number;
  readonly given_up: number;
  /** `proof`: every one of the events shows an illegal transition. `support`: the sign is enriched beyond chance. */
  readonly kind: 'proof' | 'support';
  /** Corrected by Benjamini and Hochberg over all tests; null if nothing was tested (`unknown`). */
  readonly p_value: number | null;
  readonly evidence: string;
  /** The test behind the p-value, with its figures. */
  readonly test: {
    readonly name: string;
    readonly risk_ratio: number | null;
    readonly risk_ratio_interval: readonly [number, number] | null;
    /** [[lost with it, not lost with it], [lost without it, not lost without it]] */
    readonly table: readonly [readonly [number, number], readonly [number, number]] | null;
  } | null;
  /** Other causes that the same events show. */
  readonly jointly: readonly { readonly cause: Cause; readonly events: number }[];
  /** Where the events are concentrated. */
  readonly where: {
    readonly endpoint?: string;
    readonly event_type?: string;
    readonly from?: string;
    readonly to?: string;
    readonly threshold?: number;
  };
  /** Up to ten event ids. */
  readonly sample_ids: readonly string[];
}

export interface ValueAtRisk {
  readonly currency: string;
  readonly amount_minor: Minor;
  readonly events: number;
}

export interface Money {
  /** The field, its unit (minor or major), and the key by which payments were deduplicated. */
  readonly basis: string;
  /** Payments whose notification was lost, by currency, before deductions. */
  readonly affected: readonly ValueAtRisk[];
  /** Deduction: notified later by another event of the payment, or processed by the receiver. */
  readonly recovered: readonly ValueAtRisk[];
  /** affected − recovered; equals `value_at_risk`. */
  readonly net: readonly ValueAtRisk[];
  /** Payments of given-up events, which the sender recorded: known, so not counted above. */
  readonly given_up: readonly ValueAtRisk[];
  /** The value of all payments in the log. */
  readonly total: readonly ValueAtRisk[];
  /** Lost events without an amount. */
  readonly unknown_amount_events: number;
  /** Excluded from every sum. */
  readonly negative: readonly ValueAtRisk[];
  readonly unknown_currency: readonly { readonly currency: string; readonly events: number }[];
}

export interface WeeklyValue {
  readonly currency: string;
  readonly amount_minor: Minor;
  /** 95%: compound Poisson, standard error √Σx². */
  readonly interval: readonly [Minor, Minor];
  readonly events: number;
  /** The observed time in weeks. */
  readonly weeks: number;
  /** Why the estimate is weak (fewer than ten events, or less than a day of log); otherwise null. */
  readonly caution: string | null;
}

export interface SeriesBin {
  readonly from: string;
  readonly accepted: number;
  readonly silently_dropped: number;
  readonly given_up: number;
  readonly unresolved: number;
  readonly value_at_risk: readonly ValueAtRisk[];
}

export interface DurationBin {
  /** [from, to) in ms. */
  readonly from_ms: number;
  readonly to_ms: number;
  /** Attempts by class of answer; `none` means no status. */
  readonly classes: Readonly<Record<'2xx' | '3xx' | '4xx' | '5xx' | 'none', number>>;
}

export interface EndpointFigures {
  readonly endpoint: string;
  readonly events: number;
  readonly attempts: number;
  readonly failed_attempts: number;
  readonly silently_dropped: number;
  readonly given_up: number;
}

export interface ExampleAttempt {
  readonly attempt: number | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly status_code: number | null;
  readonly error: string | null;
  readonly state: string | null;
  readonly next_retry_at: string | null;
  readonly worker: string | null;
}

export interface Example {
  readonly event_id: string;
  readonly endpoint: string | null;
  readonly tenant: string | null;
  readonly verdict: Verdict;
  readonly cause: Cause;
  readonly amount_minor: Minor | null;
  readonly currency: string | null;
  /** What went wrong, in one sentence. */
  readonly story: string;
  readonly attempts: readonly ExampleAttempt[];
}

export interface MissingEvent {
  readonly event_id: string;
  readonly endpoint: string | null;
  readonly tenant: string | null;
  readonly payment_id: string | null;
  readonly verdict: Verdict;
  readonly cause: Cause;
  readonly last_seen_at: string | null;
  readonly attempts: number;
  readonly amount_minor: Minor | null;
  readonly currency: string | null;
}

export interface AuditResult {
  readonly version: 1;
  readonly source: Source;
  readonly events: number;
  readonly attempts: number;
  readonly coverage: Coverage;
  /** Whether the log can show what became of events at all. */
  readonly quality: Quality;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** silently_dropped as a share of the events that are not unresolved; Wilson, 95%. */
  readonly silent_drop_rate: number;
  readonly silent_drop_interval: readonly [number, number];
  readonly power: Power;
  /** When the first lost event was accepted; null if none was lost or the log does not say when. */
  readonly first_lost_at: string | null;
  /** The main one first; empty on a healthy log. */
  readonly causes: readonly CauseFinding[];
  readonly value_at_risk: readonly ValueAtRisk[];
  readonly weekly_value: readonly WeeklyValue[];
  readonly money: Money;
  /** How the sender retries, as learned from the log. */
  readonly sender: {
    /** An event without a line for this long is lost or given up. */
    readonly horizon_ms: number;
    readonly horizon_from: 'option' | 'log' | 'format' | 'default';
    readonly max_attempts: number | null;
    readonly timeout_ms: number | null;
    /** Median wait before attempt 2, 3, …, in ms. */
    readonly retry_after_ms: readonly number[];
    /** A delivery that takes longer than this is `late`. */
    readonly late_after_ms: number;
    /** Share of attempts that failed. */
    readonly failure_rate: number;
  };
  /** The step in the drop rate, if there is a significant one. */
  readonly onset: {
    readonly at: string;
    readonly rate_before: number;
    readonly rate_after: number;
    readonly p_value: number;
  } | null;
  /** Deploys and restarts, given, found in the log, or inferred. */
  readonly markers: readonly {
    readonly at: string;
    readonly label: string;
    readonly from: 'file' | 'log' | 'inferred';
  }[];
  readonly endpoints: readonly EndpointFigures[];
  /** The 50 most frequent types; in a large log counted on a sample of events and scaled. Empty if the log lacks types. */
  readonly event_types: readonly { readonly event_type: string; readonly events: number }[];
  readonly series: { readonly bin_seconds: number; readonly bins: readonly SeriesBin[] };
  readonly durations: readonly DurationBin[];
  /** Up to three lost events, those with the main cause first, each with all of its attempts. */
  readonly examples: readonly Example[];
  /** Up to 1,000 lost events; `--missing` writes all. */
  readonly missing: {
    readonly total: number;
    readonly listed: readonly MissingEvent[];
    readonly file: string | null;
  };
  /** Comparison with what should have been sent; null without `--expected`. */
  readonly expected: {
    readonly file: string;
    readonly rows: number;
    /** Rows that cannot be read or have no id; not compared. */
    readonly unusable: number;
    readonly joined_by: string;
    /** Expected, but without a line in the log: counted as silently dropped. */
    readonly never_sent: number;
    /** In the log, but not expected. */
    readonly unexpected: number;
    /** Expected before the log begins, after it ends, or for endpoints that it does not contain: neither sent nor lost here. */
    readonly not_covered: number;
    readonly sample_ids: readonly string[];
  } | null;
  /** Comparison with what the receiver processed; null without `--received`. */
  readonly received: {
    readonly file: string;
    readonly rows: number;
    /** Rows that cannot be read or have no id; not compared. */
    readonly unusable: number;
    readonly joined_by: string;
    readonly acknowledged_unprocessed: number;
    /** The sender saw no success, but the receiver has the event. */
    readonly processed_all_the_same: number;
    /** Deliveries before or after the time of the file, or to endpoints of which it does not contain a single event. */
    readonly not_covered: number;
    readonly endpoints_not_covered: readonly string[];
    readonly sample_ids: readonly string[];
  } | null;
  readonly took_ms: number;
}

export interface AuditProgress {
  readonly stage: string;
  /** Progress of the whole audit, 0 to 1. */
  readonly done: number;
}

export interface AuditOptions {
  /** Paths and globs. */
  readonly files: readonly string[];
  readonly format?: Format | undefined;
  /** Only events first seen in [from, until), ISO 8601, get a verdict; their later lines count too. */
  readonly window?: { readonly from?: string | undefined; readonly until?: string | undefined } | undefined;
  /** Canonical field → path in the log (`data.object.id`); selects `generic`. */
  readonly mapping?: Readonly<Record<string, string>> | undefined;
  /** A pattern with named groups (of fields, or of names that mean one) for lines of text. */
  readonly pattern?: string | undefined;
  /** How times are written, for `strptime`: `%d/%m/%Y %H:%M:%S`. */
  readonly timeFormat?: string | undefined;
  /** CSV, JSON lines or Parquet with what should have been sent. */
  readonly expected?: string | undefined;
  /** CSV, JSON lines or Parquet with what the receiver processed. */
  readonly received?: string | undefined;
  /** CSV or text with deploys and restarts: a time and an optional label. */
  readonly deploys?: string | undefined;
  readonly horizonMs?: number | undefined;
  readonly lateAfterMs?: number | undefined;
  /** IANA name of the zone for times without one; default UTC. */
  readonly timezone?: string | undefined;
  /** Where to write all missing events as CSV. */
  readonly missing?: string | undefined;
  /** Seed of the permutation tests: the same seed gives the same p-values. Default 1. */
  readonly seed?: number | undefined;
  /** Default 1,200 MiB for DuckDB itself. */
  readonly memoryMb?: number | undefined;
  readonly threads?: number | undefined;
  readonly onProgress?: ((progress: AuditProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
