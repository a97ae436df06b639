import type { Answer, Input, OperationId } from '../contract/table.ts';
import type { Caller } from '../domain/caller.ts';
import type { TraceContext } from '../domain/trace.ts';

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
  constructor(
    answer: T | string | Buffer,
    {
      other = false,
      etag = null,
      replayed = false,
    }: { other?: boolean; etag?: string | null; replayed?: boolean } = {},
  ) {
    this.answer = answer;
    this.other = other;
    this.etag = etag;
    this.replayed = replayed;
  }
}

/** A use case: takes a validated request of its operation, and returns the answer, or rejects with a `PosthornError`. */
export type Handler<Id extends OperationId> = (
  input: Input<Id>,
  call: Call,
) => Promise<Answer<Id> | Reply<Answer<Id>>>;

export type Handlers<Ids extends OperationId = OperationId> = { readonly [Id in Ids]: Handler<Id> };

/** The operations of a resource. */
export type Of<Resource extends string> = Extract<OperationId, `${Resource}.${string}`>;
