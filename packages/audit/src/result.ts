import type { z } from 'zod';
import type { causes, formats, verdicts } from './names.ts';
import type { auditResult } from './result-schema.ts';

type Frozen<T> = { readonly [K in keyof T]: Frozen<T[K]> };

/** The complete result of an audit, as `--json` prints it. One "event" here is one obligation: an event of one tenant to one endpoint. */
export type AuditResult = Frozen<z.infer<typeof auditResult>>;

export type Format = (typeof formats)[number];
export type Cause = (typeof causes)[number];
export type Verdict = (typeof verdicts)[number];

export type Source = AuditResult['source'];
export type SourceFile = Source['files'][number];
export type Coverage = AuditResult['coverage'];
export type Quality = AuditResult['quality'];
export type QualityProblem = Quality['problems'][number];
export type Power = AuditResult['power'];
export type CauseFinding = AuditResult['causes'][number];
export type ValueAtRisk = AuditResult['value_at_risk'][number];
export type Minor = ValueAtRisk['amount_minor'];
export type Money = AuditResult['money'];
export type WeeklyValue = AuditResult['weekly_value'][number];
export type SeriesBin = AuditResult['series']['bins'][number];
export type DurationBin = AuditResult['durations'][number];
export type EndpointFigures = AuditResult['endpoints'][number];
export type Example = AuditResult['examples'][number];
export type ExampleAttempt = Example['attempts'][number];
export type MissingEvent = AuditResult['missing']['listed'][number];

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
