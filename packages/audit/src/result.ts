// The whole result of an audit, as `--json` prints it: snake_case, times in ISO 8601 (UTC), durations in ms, money in
// minor units. One "event" here is one obligation: an event of one tenant to one endpoint.

/** Where a log comes from. `generic` is any log whose fields are recognised by name or given by a mapping. */
export const formats = [
  'posthorn',
  'svix',
  'convoy',
  'github',
  'eventbridge',
  'sns',
  'envoy',
  'nginx',
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

/** Minor units, exact: text where a number would not be. */
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
  /** How sure the detection is, from 0 to 1; 1 where `--format` said it. */
  readonly confidence: number;
  /** True where `--format` or a mapping decided. */
  readonly given: boolean;
  /** What the decision rests on, in words. */
  readonly why: readonly string[];
  /** The formats that came next. */
  readonly alternatives: readonly { readonly format: Format; readonly score: number }[];
  readonly files: readonly SourceFile[];
  /** Which field of the log was read as what, and in which unit. */
  readonly fields: readonly { readonly field: string; readonly from: string; readonly as: string }[];
  /** What had to be assumed: units, time zone, what a status word means, the retry horizon. */
  readonly assumptions: readonly string[];
}

export interface Gap {
  readonly from: string;
  readonly to: string;
  readonly seconds: number;
  /** Lines that the rate around the gap would have written. */
  readonly lines_expected: number;
}

export interface Coverage {
  /** First and last time in the log. */
  readonly from: string | null;
  readonly to: string | null;
  readonly hours: number;
  readonly lines: number;
  /** Attempts and state lines that repeated another one to the letter; counted once. */
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
  /** Lines that were read but could not be used: without an id, with an absurd time. */
  readonly unusable: readonly { readonly why: string; readonly count: number; readonly sample: string }[];
  readonly gaps: readonly Gap[];
  /** Successful deliveries are sampled (SNS), or log levels hide steps (EventBridge): what is absent is not dropped. */
  readonly sampling: { readonly suspected: boolean; readonly why: string | null };
  /** Attempts whose end stands before their start, or that begin before the attempt they follow. */
  readonly clock_skew: { readonly attempts: number; readonly max_ms: number };
  /** Events whose first line is not their first attempt: the log begins in the middle (rotation). */
  readonly left_censored: number;
  /** Events younger than the retry horizon at the end of the log: `unresolved`. */
  readonly right_censored: number;
  /** Ids that occur under more than one tenant or endpoint; each is an event of its own. */
  readonly ids_shared: number;
  /** In words, what the log cannot show. */
  readonly notes: readonly string[];
}

export interface Power {
  /** The smallest drop rate that this log would have shown with 95 % chance (one drop or more). */
  readonly detectable_rate: number;
  /** "0 of 412: this log could not have shown 0.3 %." */
  readonly statement: string;
}

export interface CauseFinding {
  readonly cause: Cause;
  /** Events of which this is the first cause; each event counts once over all causes. */
  readonly events: number;
  /** Of those, by verdict. */
  readonly silently_dropped: number;
  readonly given_up: number;
  /** `proof`: every one of the events shows an illegal transition. `support`: they are enriched beyond chance. */
  readonly kind: 'proof' | 'support';
  /** Corrected by Benjamini and Hochberg over everything that was tested; null where nothing was tested (`unknown`). */
  readonly p_value: number | null;
  readonly evidence: string;
  /** The test that gave the p-value, and its figures. */
  readonly test: {
    readonly name: string;
    readonly risk_ratio: number | null;
    readonly risk_ratio_interval: readonly [number, number] | null;
    /** [[lost with it, not lost with it], [lost without it, not lost without it]] */
    readonly table: readonly [readonly [number, number], readonly [number, number]] | null;
  } | null;
  /** Other causes that these same events show. */
  readonly jointly: readonly { readonly cause: Cause; readonly events: number }[];
  /** What it is concentrated on. */
  readonly where: {
    readonly endpoint?: string;
    readonly event_type?: string;
    readonly from?: string;
    readonly to?: string;
    readonly threshold?: number;
  };
  /** Up to ten ids of events. */
  readonly sample_ids: readonly string[];
}

export interface ValueAtRisk {
  readonly currency: string;
  readonly amount_minor: Minor;
  readonly events: number;
}

export interface Money {
  /** Which field, whether minor or major units were read, and by what it was deduplicated. */
  readonly basis: string;
  /** Payments whose notification was lost, by currency, before anything was taken off. */
  readonly affected: readonly ValueAtRisk[];
  /** Of these, notified later all the same: by another event of the payment, or processed by the receiver. */
  readonly recovered: readonly ValueAtRisk[];
  /** affected − recovered. The same as `value_at_risk`. */
  readonly net: readonly ValueAtRisk[];
  /** Payments of events that the sender gave up and recorded: known, so not counted above. */
  readonly given_up: readonly ValueAtRisk[];
  /** All value that the log speaks of. */
  readonly total: readonly ValueAtRisk[];
  /** Lost events without an amount. */
  readonly unknown_amount_events: number;
  /** Kept out of every sum. */
  readonly negative: readonly ValueAtRisk[];
  readonly unknown_currency: readonly { readonly currency: string; readonly events: number }[];
}

export interface WeeklyValue {
  readonly currency: string;
  readonly amount_minor: Minor;
  /** 95 %: compound Poisson, standard error √Σx². */
  readonly interval: readonly [Minor, Minor];
  readonly events: number;
  /** The observation in weeks that it is scaled from. */
  readonly weeks: number;
  /** What makes it weak: fewer than ten events, less than a day of log; null else. */
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
  /** Attempts by class of answer; `none` had no status. */
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
  /** What is wrong with it, in one sentence. */
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
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** silently_dropped of the events that are not unresolved; Wilson, 95 %. */
  readonly silent_drop_rate: number;
  readonly silent_drop_interval: readonly [number, number];
  readonly power: Power;
  /** When the first event that was lost was accepted; null: none was lost, or the log does not say when. */
  readonly first_lost_at: string | null;
  /** The main one first; empty on a healthy log. */
  readonly causes: readonly CauseFinding[];
  readonly value_at_risk: readonly ValueAtRisk[];
  readonly weekly_value: readonly WeeklyValue[];
  readonly money: Money;
  /** What the log taught: how the sender retries. */
  readonly sender: {
    /** An event without news for this long is lost or given up. */
    readonly horizon_ms: number;
    readonly horizon_from: 'option' | 'log' | 'format' | 'default';
    readonly max_attempts: number | null;
    readonly timeout_ms: number | null;
    /** Median wait before attempt 2, 3, …, in ms. */
    readonly retry_after_ms: readonly number[];
    /** After this long a delivery is `late`. */
    readonly late_after_ms: number;
    /** Share of attempts that failed. */
    readonly failure_rate: number;
  };
  /** The step in the drop rate, if there is one beyond chance. */
  readonly onset: {
    readonly at: string;
    readonly rate_before: number;
    readonly rate_after: number;
    readonly p_value: number;
  } | null;
  /** Deploys and restarts, given or found in the log. */
  readonly markers: readonly {
    readonly at: string;
    readonly label: string;
    readonly from: 'file' | 'log' | 'inferred';
  }[];
  readonly endpoints: readonly EndpointFigures[];
  /** The most frequent 50; of a large log counted on a sample of events, and scaled. Empty where the log has no types. */
  readonly event_types: readonly { readonly event_type: string; readonly events: number }[];
  readonly series: { readonly bin_seconds: number; readonly bins: readonly SeriesBin[] };
  readonly durations: readonly DurationBin[];
  /** Up to three lost events, of the main cause first, each with all of its attempts. */
  readonly examples: readonly Example[];
  /** Up to 1,000 lost events; `--missing` writes all. */
  readonly missing: {
    readonly total: number;
    readonly listed: readonly MissingEvent[];
    readonly file: string | null;
  };
  /** Against what ought to have been sent; null without `--expected`. */
  readonly expected: {
    readonly file: string;
    readonly rows: number;
    /** Rows that cannot be read, or have no id: compared with nothing. */
    readonly unusable: number;
    readonly joined_by: string;
    /** Expected, and not one line of the log is about it: counted as silently dropped. */
    readonly never_sent: number;
    /** In the log, but not expected. */
    readonly unexpected: number;
    readonly sample_ids: readonly string[];
  } | null;
  /** Against what the receiver processed; null without `--received`. */
  readonly received: {
    readonly file: string;
    readonly rows: number;
    /** Rows that cannot be read, or have no id: compared with nothing. */
    readonly unusable: number;
    readonly joined_by: string;
    readonly acknowledged_unprocessed: number;
    /** The sender never saw success, but the receiver has it. */
    readonly processed_all_the_same: number;
    readonly sample_ids: readonly string[];
  } | null;
  readonly took_ms: number;
}

export interface AuditProgress {
  readonly stage: string;
  /** Share of the whole work, 0 to 1. */
  readonly done: number;
}

export interface AuditOptions {
  /** Paths and globs. */
  readonly files: readonly string[];
  readonly format?: Format | undefined;
  /** Only events first seen in [from, until), ISO 8601, are judged; with everything that the log says of them later. */
  readonly window?: { readonly from?: string | undefined; readonly until?: string | undefined } | undefined;
  /** Canonical field → path in the log (`data.object.id`); decides for `generic`. */
  readonly mapping?: Readonly<Record<string, string>> | undefined;
  /** CSV, JSON lines or Parquet of what ought to have been sent. */
  readonly expected?: string | undefined;
  /** CSV, JSON lines or Parquet of what the receiver processed. */
  readonly received?: string | undefined;
  /** CSV or text of deploys and restarts: a time, and perhaps a label. */
  readonly deploys?: string | undefined;
  readonly horizonMs?: number | undefined;
  readonly lateAfterMs?: number | undefined;
  /** IANA name for times that say no zone; default UTC. */
  readonly timezone?: string | undefined;
  /** Where to write everything that is missing, as CSV. */
  readonly missing?: string | undefined;
  /** For permutation tests: the same seed, the same p-values. Default 1. */
  readonly seed?: number | undefined;
  /** Default 1,200 MiB for DuckDB itself. */
  readonly memoryMb?: number | undefined;
  readonly threads?: number | undefined;
  readonly onProgress?: ((progress: AuditProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
