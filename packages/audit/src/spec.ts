import type { Format } from './result.ts';

/** Where a value stands in a record: the keys on the way to it. */
export type Path = readonly string[];

/** What an audit knows of a line; every source is read into these. */
export const fields = [
  'event_id',
  'delivery_id',
  'tenant',
  'endpoint',
  'attempt_no',
  'at',
  'accepted_at',
  'started_at',
  'ended_at',
  'duration',
  'phase',
  'outcome',
  'state',
  'status_code',
  'error',
  'next_retry_at',
  'retry_delay',
  'retry_after',
  'worker',
  'bytes',
  'payment_id',
  'amount',
  'currency',
  'event_type',
  'max_attempts',
] as const;
export type Field = (typeof fields)[number];

/** Units that a duration's field may be in; a time's unit shows by its size. */
export type Unit = 'ns' | 'us' | 'ms' | 's';

/** Where a field's value comes from: the first of the paths that has one. */
export interface FieldSource {
  readonly paths: readonly Path[];
  readonly unit?: Unit;
  /** Of amounts: minor units, or a decimal of major ones. */
  readonly money?: 'minor' | 'major';
  /** Rewrites the value: SQL in which `@@` stands for it (VARCHAR). */
  readonly sql?: string;
}

/** How the lines of one format are read. */
export interface Spec {
  readonly format: Format;
  readonly fields: Readonly<Partial<Record<Field, FieldSource>>>;
  /** An array in each record whose items are the attempts. */
  readonly unnest?: Path | undefined;
  /** Deliveries are told apart by their own id, not by event and endpoint: attempts know only it. */
  readonly joinBy?: 'delivery_id' | undefined;
  /** What `at` is where a line has no other time: when the request began, or when the line was written after it. */
  readonly atIs: 'start' | 'end';
  /** The id is that of a request: attempts of one event have it in common only if the sender repeats it. */
  readonly idOfRequest?: boolean | undefined;
  /** Of lines of text: named groups are the fields' paths. */
  readonly pattern?: string | undefined;
  /** What the format itself says of the sender. */
  readonly sender?: {
    readonly retries?: false;
    readonly horizonMs?: number;
    readonly timeoutMs?: number;
    /** Attempts after which it gives up, where the log does not show another number. */
    readonly maxAttempts?: number;
    /** A failure in this log is the sender's last word. */
    readonly failureIsFinal?: boolean;
    /** Successful deliveries may be sampled. */
    readonly sampled?: boolean;
  };
  readonly notes: readonly string[];
}

/** A record of the sample, flattened: dotted names to texts. */
export interface SampleRecord {
  readonly values: ReadonlyMap<string, string>;
}

/** A known format: how much a sample looks like it, and how it is read. */
export interface FormatReader {
  readonly format: Format;
  /** Names of which each record has all of at least one list. */
  readonly signs: readonly (readonly string[])[];
  spec(sample: readonly SampleRecord[]): Spec;
}

/** Stands in a dotted name for a dot that belongs to a key itself: {"message.id": …}. */
const keyDot = '\u2024';
export const keyName = (key: string): string => key.replaceAll('.', keyDot);
/** A dotted name as people read and write it. */
export const shown = (dotted: string): string => dotted.replaceAll(keyDot, '.');

/** A path written with dots, as mappings and samples write it. */
export function parsePath(text: string): Path {
  return text.split('.').map(shown);
}

/** A field read from paths written with dots. */
export function from(...paths: readonly string[]): FieldSource {
  return { paths: paths.map(parsePath) };
}

/** What the time at the beginning of a line of text is called. */
export const timeOfLine = 'time_of_line';
/** As loggers write it: 2026-02-02 00:04:06,123 or [2026-02-02T00:04:06Z]. */
export const timeOfLinePattern =
  '^[\\[(]?(\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d(?:[.,]\\d+)?(?:Z|[+-]\\d\\d:?\\d\\d)?)';
