import type { Format } from '../result.ts';

/** The position of a value in a record: the keys that lead to it. */
export type Path = readonly string[];

/** The fields of a line; every source is read into these. */
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

/** Units of a duration; the unit of a time follows from its size. */
export type Unit = 'ns' | 'us' | 'ms' | 's';

/** The source of a field's value: the first of the paths that has one. */
export interface FieldSource {
  readonly paths: readonly Path[];
  readonly unit?: Unit;
  /** The unit of amounts: minor units, or decimals of major units. */
  readonly money?: 'minor' | 'major';
  /** SQL that rewrites the value (VARCHAR), which is written as `@@`. */
  readonly sql?: string;
}

/** How to read the lines of one format. */
export interface Spec {
  readonly format: Format;
  readonly fields: Readonly<Partial<Record<Field, FieldSource>>>;
  /** Fields of text that hold JSON: a path through one continues inside it. */
  readonly embedded?: readonly Path[] | undefined;
  /** A time of a layer around the records serves as `at`. */
  readonly outerTime?: boolean | undefined;
  /** Each record is a delivery with its last state. */
  readonly stateTable?: boolean | undefined;
  /** An array in each record with the attempts. */
  readonly unnest?: Path | undefined;
  /** The delivery id identifies deliveries, not event and endpoint: attempts have only that id. */
  readonly joinBy?: 'delivery_id' | undefined;
  /** The meaning of `at` if a line lacks other times: the start of the request, or the time of writing after it. */
  readonly atIs: 'start' | 'end';
  /** The id belongs to a request: attempts of one event share it only if the sender repeats it. */
  readonly idOfRequest?: boolean | undefined;
  /** The pattern of lines of text; its named groups are the paths of the fields. */
  readonly pattern?: string | undefined;
  /** Facts about the sender that follow from the format. */
  readonly sender?: {
    readonly retries?: false;
    readonly horizonMs?: number;
    readonly timeoutMs?: number;
    /** The number of attempts after which it gives up, unless the log shows another number. */
    readonly maxAttempts?: number;
    /** A failure in this log is final. */
    readonly failureIsFinal?: boolean;
    /** Successful deliveries may be sampled. */
    readonly sampled?: boolean;
  };
  readonly notes: readonly string[];
}

/** A record of the sample, flattened: dotted names to texts. */
export interface SampleRecord {
  readonly values: ReadonlyMap<string, string>;
  /** Names of texts that are JSON, whose values are under names of their own. */
  readonly embedded?: ReadonlySet<string>;
}

/** The values of each name, in the order of the records; names in the order in which they first appear. */
export function valuesByName(sample: readonly SampleRecord[]): Map<string, string[]> {
  const texts = new Map<string, string[]>();
  for (const { values } of sample)
    for (const [name, text] of values) {
      const list = texts.get(name);
      if (list === undefined) texts.set(name, [text]);
      else list.push(text);
    }
  return texts;
}

/** A known format: how to recognize it and how to read it. */
export interface FormatReader {
  readonly format: Format;
  /** Lists of names; each record has all names of at least one list. */
  readonly signs: readonly (readonly string[])[];
  /** The names that identify it, and what to know about it, for the reference. */
  readonly recognizedBy: string;
  readonly about: string;
  /** Some of its lines. */
  readonly sample: readonly string[];
  /** The pattern of its lines of text; the named groups are the names in its records. */
  readonly textPattern?: string;
  spec(sample: readonly SampleRecord[]): Spec;
}

/** Represents a dot that is part of a key in a dotted name: {"message.id": …}. */
const keyDot = '\u2024';
export const keyName = (key: string): string => key.replaceAll('.', keyDot);
/** Converts a dotted name to the form that users see. */
export const shown = (dotted: string): string => dotted.replaceAll(keyDot, '.');

/** Parses a path written with dots, as in mappings and samples. */
export function parsePath(text: string): Path {
  return text.split('.').map(shown);
}

/** Returns a field that is read from paths written with dots. */
export function from(...paths: readonly string[]): FieldSource {
  return { paths: paths.map(parsePath) };
}

/** The field name of the time at the beginning of a line of text. */
export const timeOfLine = 'time_of_line';
/** The field name of the time of a layer around the records. */
export const outerTime = 'time_of_layer';
/** A time as loggers, syslog and web servers write it. */
export const writtenTime = [
  '\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d(?:[.,]\\d+)?(?: ?Z| ?[+-]\\d\\d:?\\d\\d)?',
  '\\d{4}/\\d\\d/\\d\\d \\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?',
  '\\d\\d/[A-Z][a-z]{2}/\\d{4}:\\d\\d:\\d\\d:\\d\\d [+-]\\d{4}',
  '(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?(?: \\d{4})?',
].join('|');
/** The time at the beginning of a line, or after a short prefix: `I, [2026-02-02T00:04:06 #1]`, `<14>Feb  2 00:04:06 host`. */
export const timeOfLinePattern = `^.{0,40}?(${writtenTime})`;
