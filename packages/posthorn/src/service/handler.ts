import type { Operation } from '../contract/operation.ts';
import type { Answer, Input, Line, OperationId, table } from '../contract/table.ts';
import type { Caller } from '../domain/caller.ts';
import type { SessionRecord } from '../domain/session.ts';
import type { TraceContext } from '../domain/trace.ts';

/** What a caller has shown to be known by; what it begins ends with it. */
export interface Credential {
  /** SHA-256 of the key, in hexadecimal; of a session the key that it was begun with. Null: there is none. */
  readonly keyHash: string | null;
  /** Null: it came with the key itself. */
  readonly session: SessionRecord | null;
}

/** A session that a call has begun, with what opens it, or that it has ended. */
export type SessionChange = { readonly token: string; readonly endsAt: number } | 'ended';

/** What a request has besides its path, query and body. */
export interface Call {
  readonly caller: Caller;
  /** The address that it comes from; null: from this process. */
  readonly from: string | null;
  readonly requestId: string | null;
  /** The trace that a publisher asks to be continued. */
  readonly trace: TraceContext | null;
  /** The body's text as it came: an event's data goes out as it was sent. */
  readonly text: string | null;
  readonly idempotencyKey: string | null;
  /** Of a body of lines: the answer may have lines too. */
  readonly acceptsLines: boolean;
  /** Null: the call comes from this process. */
  readonly credential: () => Credential | null;
}

/** An answer that is more than its value. */
export class Reply<T> {
  /** Text and bytes are sent as they are: an event's data goes out as it came in. */
  readonly answer: T | string | Buffer;
  /** Under the operation's other status. */
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

/** Where the messages of a stream go. */
export interface Sink<T> {
  /** False: the reader does not keep up. It gets nothing more, and the stream ends. */
  send(message: T): boolean;
  /** Every message is for itself: what was not sent is lost, and whoever reads asks again. */
  end(): void;
}

/** An answer that goes on, message by message, until either side ends it. */
export class Stream<T> {
  /** Begins to send; returns what ends it, which may be called twice. */
  readonly begin: (to: Sink<T>) => () => void;
  constructor(begin: (to: Sink<T>) => () => void) {
    this.begin = begin;
  }
}

/** An answer of lines, some at a time, which are made as they are read. */
export class Lines<T> {
  readonly lines: AsyncIterable<readonly T[]>;
  constructor(lines: AsyncIterable<readonly T[]>) {
    this.lines = lines;
  }
}

type Streamed<O extends Operation, Id extends OperationId> = O['isStream'] extends true
  ? Stream<Answer<Id>>
  : Answer<Id> | Reply<Answer<Id>> | (O['lines'] extends object ? Lines<Line<Id>> : never);

/** What a use case answers. */
export type Result<Id extends OperationId> = Streamed<(typeof table)[Id], Id>;

/** A use case: takes a validated request of its operation, and returns the answer, or rejects with a `PosthornError`. */
export type Handler<Id extends OperationId> = (input: Input<Id>, call: Call) => Promise<Result<Id>>;

export type Handlers<Ids extends OperationId = OperationId> = { readonly [Id in Ids]: Handler<Id> };

/** The operations of a resource. */
export type Of<Resource extends string> = Extract<OperationId, `${Resource}.${string}`>;
