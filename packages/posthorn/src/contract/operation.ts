import type { z } from 'zod';
import type { KeyScope } from '../domain/caller.ts';
import type { ErrorCode } from '../domain/errors.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/**
 * The scope a key needs (see `KeyScope`); `any`: any key, session or portal link; `none`: no key is needed; `metrics`:
 * none, unless the server has a key for metrics.
 */
export type Scope = KeyScope | 'any' | 'metrics' | 'none';

/** One operation of the API, in wire names (snake_case). This is the only description of an operation. */
export interface Operation {
  readonly method: Method;
  /** Parameters in braces: `/v1/endpoints/{id}`. */
  readonly path: `/${string}`;
  /** The resource, which is also the page of the reference. */
  readonly tag: Tag;
  readonly scope: Scope;
  /** A few words in the imperative. */
  readonly summary: string;
  readonly description: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** A schema that accepts `{}` makes the body optional. */
  readonly body?: z.ZodType;
  /** A body limit other than the usual one (512 KiB). */
  readonly maxBodyBytes?: number;
  /** False: a POST that does not honor `Idempotency-Key`, because its answer is useful only once. */
  readonly isRepeatable?: boolean;
  readonly status: number;
  /** Set if the operation may also answer with another status and the same body. */
  readonly otherStatus?: number;
  /** Null: no body. */
  readonly answer: z.ZodType | null;
  /** An example as JSON, unless the answer is text of another type. */
  readonly contentType?: string;
  /** The answer is a stream of server-sent events (`contentType` is `text/event-stream`), each of them an `answer`. */
  readonly isStream?: true;
  /** The same operation with a body and an answer of lines, which are read and written as they come. */
  readonly lines?: LineForm;
  /** Besides those of every operation. */
  readonly errors: readonly ErrorCode[];
  readonly example: OperationExample;
}

/** A body of type `application/x-ndjson`: one JSON value per line. The query has what a JSON body contains besides. */
export interface LineForm {
  readonly query: z.ZodObject;
  /** Example of the body. */
  readonly line: z.ZodType;
  /** Example of the answer, if the request accepts `application/x-ndjson`; else the answer is JSON. */
  readonly answer: z.ZodType;
  readonly example: {
    readonly query: Readonly<Record<string, string>>;
    readonly body: readonly unknown[];
    readonly answer: readonly unknown[];
  };
}

/** A request and its answer as on the wire. */
export interface OperationExample {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly answer?: unknown;
}

export const tags = {
  events: 'Publish events, and look them up.',
  endpoints: 'Receivers: their URLs, subscriptions, limits and secrets.',
  filters: 'Which events an endpoint gets, by their data.',
  transformations: 'Reshape what an endpoint receives.',
  deliveries: 'The state of each event at each endpoint.',
  'dead-letters': 'Deliveries that ended undelivered.',
  redrives: 'Make many dead or suppressed deliveries pending again.',
  replays: 'Deliver many past events again.',
  accounting: 'The ledger: what became of everything that was accepted.',
  series: 'Counters by time, for charts.',
  now: 'The current overview.',
  alerts: 'What needs attention.',
  channels: 'Where notifications go.',
  teams: 'Who owns what, and who is notified.',
  tenants: 'Whose webhooks they are, and the limits of each.',
  templates: 'Named, versioned delivery policies.',
  'event-types': 'Declared types of events: schema, owner, value.',
  slos: 'Reliability objectives, error budgets and burn rates.',
  conformance: 'What lacks an owner, template or objective.',
  impact: 'What a change did: markers, and the comparison of before and after.',
  nodes: 'The processes that deliver.',
  keys: 'API keys: what each may see and do, and when it was last used.',
  reconcile: 'Compare what was delivered with what a receiver has.',
  stream: 'Changes as they happen.',
  'audit-log': 'Who changed what.',
  secrets: 'The keys that encrypt stored secrets.',
  sessions: "Signing in, the caller's identity, and links for receivers.",
  service: 'Health, metrics and this document.',
} as const;
export type Tag = keyof typeof tags;

type Output<S> = S extends z.ZodType ? z.output<S> : undefined;

/** A validated request of this operation. */
export interface InputOf<O extends Operation> {
  readonly params: Output<O['params']>;
  readonly query: Output<O['query']>;
  readonly body: Output<O['body']>;
  /**
   * The lines of a line body, in parts; `body` then has the query's fields. Null: the body was JSON. Undefined: the
   * operation takes no lines.
   */
  readonly lines?: O['lines'] extends LineForm ? BodyLines<z.output<O['lines']['line']>> | null : undefined;
}

/** The values of a body's lines, in groups as they arrive. */
export type BodyLines<T> = AsyncIterable<readonly T[]>;

/** Answers are only read, so stored values may be answered without a copy. */
type Immutable<T> = T extends readonly (infer Item)[]
  ? readonly Immutable<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Immutable<T[K]> }
    : T;

/** The type of the answer. */
export type AnswerOf<O extends Operation> = O['answer'] extends z.ZodType
  ? Immutable<z.input<O['answer']>>
  : undefined;

/** One line of its answer. */
export type LineOf<O extends Operation> = O['lines'] extends LineForm
  ? Immutable<z.input<O['lines']['answer']>>
  : never;

/** Keeps the literal types of an operation. */
export const operations = <const T extends Readonly<Record<string, Operation>>>(table: T): T => table;
