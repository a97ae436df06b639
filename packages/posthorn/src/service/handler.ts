import type { Operation } from '../contract/operation.ts';
import type { Answer, Input, Line, OperationId, table } from '../contract/table.ts';
import type { Caller } from '../domain/caller.ts';
import type { SessionRecord } from '../domain/session.ts';
import type { TraceContext } from '../domain/trace.ts';

/** The credential that identifies a caller; what the caller starts ends with it. */
export interface Credential {
  /** SHA-256 (hex) of the key; for a session, of the key that started it. Null: there is none. */
  readonly keyHash: string | null;
  /** Null: the request came with the key itself. */
  readonly session: SessionRecord | null;
}

/** A session that a call has started, with what opens it, or that it has ended. */
export type SessionChange = { readonly token: string; readonly endsAt: number } | 'ended';

/** What a request has besides its path, query and body. */
export interface Call {
  readonly caller: Caller;
  /** Address that it came from; null: from this process. */
  readonly from: string | null;
  readonly requestId: string | null;
  /** The trace that the publisher continues. */
  readonly trace: TraceContext | null;
  /** The body's text as received: an event's data is sent unchanged. */
  readonly text: string | null;
  readonly idempotencyKey: string | null;
  /** For a line body: the answer may be lines too. */
  readonly acceptsLines: boolean;
  /** Null: the call comes from this process. */
  readonly credential: () => Credential | null;
}

/** An answer that is more than its value. */
export class Reply<T> {
  /** Text and bytes are sent as they are: an event's data is sent unchanged. */
  readonly answer: T | string | Buffer;
  /** Answers with the operation's other status. */
  readonly other: boolean;
  readonly etag: string | null;
  /** The request was carried out before, under the same Idempotency-Key. */
  readonly replayed: boolean;
  readonly session: SessionChange | null;
  constructor(
    answer: T | string | Buffer,
    {
      other = false,
      etag = null,
      replayed = false,
      session = null,
    }: { other?: boolean; etag?: string | null; replayed?: boolean; session?: SessionChange | null } = {},
  ) {
    this.answer = answer;
    this.other = other;
    this.etag = etag;
    this.replayed = replayed;
    this.session = session;
  }
}

/** Receives the messages of a stream. */
export interface Sink<T> {
  /** False: the reader does not keep up. It gets nothing more, and the stream ends. */
  send(message: T): boolean;
  /** Messages are independent: a lost one is requested again by its reader. */
  end(): void;
}

/** A streaming answer, message by message, until either side ends it. */
export class Stream<T> {
  /** Starts sending; returns what ends it, which may be called twice. */
  readonly begin: (to: Sink<T>) => () => void;
  constructor(begin: (to: Sink<T>) => () => void) {
    this.begin = begin;
  }
}

/** A line answer, in groups that are produced as they are read. */
export class Lines<T> {
  readonly lines: AsyncIterable<readonly T[]>;
  constructor(lines: AsyncIterable<readonly T[]>) {
    this.lines = lines;
  }
}

type Streamed<O extends Operation, Id extends OperationId> = O['isStream'] extends true
  ? Stream<Answer<Id>>
  : Answer<Id> | Reply<Answer<Id>> | (O['lines'] extends object ? Lines<Line<Id>> : never);

/** The result of a use case. */
export type Result<Id extends OperationId> = Streamed<(typeof table)[Id], Id>;

/** A use case: takes a validated request of its operation, and returns the answer, or rejects with a `PosthornError`. */
export type Handler<Id extends OperationId> = (input: Input<Id>, call: Call) => Promise<Result<Id>>;

export type Handlers<Ids extends OperationId = OperationId> = { readonly [Id in Ids]: Handler<Id> };

/** The operations of a resource. */
export type Of<Resource extends string> = Extract<OperationId, `${Resource}.${string}`>;
