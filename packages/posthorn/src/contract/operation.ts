import type { z } from 'zod';
import type { KeyScope } from '../domain/caller.ts';
import type { ErrorCode } from '../domain/errors.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/** What a key has to be good for (see `KeyScope`); `any`: any key, session or portal link; `none`: no key is needed; `metrics`: none, unless the server has a key for metrics. */
export type Scope = KeyScope | 'any' | 'metrics' | 'none';

/** One call of the API, in the words of the wire (snake_case). Everything that is said of a call stands here. */
export interface Operation {
  readonly method: Method;
  /** Parameters in braces: `/v1/endpoints/{id}`. */
  readonly path: `/${string}`;
  /** The resource, and the page of the reference. */
  readonly tag: Tag;
  readonly scope: Scope;
  /** A few words in the imperative. */
  readonly summary: string;
  readonly description: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** A schema that accepts `{}` makes the body optional. */
  readonly body?: z.ZodType;
  /** Another bound than other calls' (512 KiB). */
  readonly maxBodyBytes?: number;
  /** False: a POST that does not honor `Idempotency-Key`, because its answer is of use once. */
  readonly isRepeatable?: boolean;
  readonly status: number;
  /** Where the call may answer with another status, and the same body. */
  readonly otherStatus?: number;
  /** Null: no body. */
  readonly answer: z.ZodType | null;
  /** Of JSON, unless the answer is text of another type. */
  readonly contentType?: string;
  /** The answer goes on: server-sent events (`contentType` is `text/event-stream`), each of them an `answer`. */
  readonly isStream?: true;
  /** The same call with a body and an answer of lines, which are read and written as they come. */
  readonly lines?: LineForm;
  /** Besides those of every call. */
  readonly errors: readonly ErrorCode[];
  readonly example: OperationExample;
}

/** A body of type `application/x-ndjson`: one JSON value a line. What a body of JSON says besides is in the query. */
export interface LineForm {
  readonly query: z.ZodObject;
  /** Of the body. */
  readonly line: z.ZodType;
  /** Of the answer, where the request accepts `application/x-ndjson`; else it is that of JSON. */
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
  transformations: 'Reshape what an endpoint is sent.',
  deliveries: 'What became of each event at each endpoint.',
  'dead-letters': 'Deliveries that ended undelivered.',
  redrives: 'Make many dead or suppressed deliveries pending again.',
  replays: 'Deliver many past events again.',
  accounting: 'What became of everything that was accepted.',
  series: 'Counters by time, for charts.',
  now: 'The overview of now.',
  alerts: 'What needs somebody.',
  channels: 'Where notifications go.',
  teams: 'Who owns what, and who is notified.',
  tenants: 'Whose webhooks they are, and how much each may have.',
  templates: 'Named, versioned delivery policies.',
  'event-types': 'Declared types of events: schema, owner, value.',
  slos: 'Reliability objectives, error budgets and burn rates.',
  conformance: 'What has no owner, template or objective.',
  impact: 'What a change did: markers, and before against after.',
  nodes: 'The processes that deliver.',
  keys: 'API keys: what each may see and do, and when it was used last.',
  reconcile: 'Compare what was delivered with what a receiver has.',
  stream: 'What changes, as it changes.',
  'audit-log': 'Who has changed what.',
  secrets: 'The keys that stored secrets are encrypted with.',
  sessions: 'Signing in, who calls, and links for receivers.',
  service: 'Health, metrics and this document.',
} as const;
export type Tag = keyof typeof tags;

type Output<S> = S extends z.ZodType ? z.output<S> : undefined;

/** A request of this operation, validated. */
export interface InputOf<O extends Operation> {
  readonly params: Output<O['params']>;
  readonly query: Output<O['query']>;
  readonly body: Output<O['body']>;
  /** Of a body of lines, in parts; `body` has what the query says. Null: it was JSON. Undefined: the call takes no lines. */
  readonly lines?: O['lines'] extends LineForm ? BodyLines<z.output<O['lines']['line']>> | null : undefined;
}

/** The values of a body's lines, some at a time, as they arrive. */
export type BodyLines<T> = AsyncIterable<readonly T[]>;

/** Answers are only read: what is stored may be answered without a copy. */
type Immutable<T> = T extends readonly (infer Item)[]
  ? readonly Immutable<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Immutable<T[K]> }
    : T;

/** What the answer has to be. */
export type AnswerOf<O extends Operation> = O['answer'] extends z.ZodType
  ? Immutable<z.input<O['answer']>>
  : undefined;

/** One line of its answer. */
export type LineOf<O extends Operation> = O['lines'] extends LineForm
  ? Immutable<z.input<O['lines']['answer']>>
  : never;

/** Keeps what is said of an operation in its type. */
export const operations = <const T extends Readonly<Record<string, Operation>>>(table: T): T => table;
