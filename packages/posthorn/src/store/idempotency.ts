import type { Ages } from '../domain/clock-record.ts';
import { dayMs } from '../domain/time.ts';

// The part of the port that remembers which requests with an Idempotency-Key were carried out, and their answers.
//
// A row is `running` while its lease lasts, and `done` from its answer on. A caller that begins a request whose lease has run out
// (its process died) takes it over. A run's token is its fence: what a run that lost its lease reports changes nothing.

/** How long a key is remembered, by lived time. */
export const keyedRequestMs = dayMs;

export interface KeyedRequestWrites {
  /**
   * Claims a key for a request, atomically between nodes: exactly one of several that begin at once is `fresh`. Another
   * request under a key that is known is a `conflict`, whatever became of the first.
   */
  beginKeyedRequest(request: KeyedRequest): Promise<KeyedRequestState>;
  /** Renews the lease. False, with nothing changed, if the run has lost it. */
  extendKeyedRequest(run: KeyedRun, leaseUntil: number): Promise<boolean>;
  /** Ends a run with its answer; null if it is not kept. False, with nothing changed, if the run has lost its lease to another. */
  finishKeyedRequest(run: KeyedRun, answer: string | null): Promise<boolean>;
  /** Forgets a run that has changed nothing, so that its key is free for any request. */
  abandonKeyedRequest(run: KeyedRun): Promise<void>;
  /**
   * Deletes up to `limit` rows that are older than `keyedRequestMs`, and dates those of the future now. Returns how many it
   * deleted. A shared store whose clock says another time by now rejects with `FormerTimeError`, and changes nothing.
   */
  pruneKeyedRequests(ages: Ages, limit: number): Promise<number>;
  /** Deletes up to `limit` of a caller's oldest finished rows if it has more than `bounds` allow. Returns how many. */
  boundKeyedRequests(caller: string, bounds: KeyedRequestBounds, limit: number): Promise<number>;
}

/** Texts that say nothing about the request to a caller without the API key it came with. */
export interface KeyedRequest {
  readonly id: string;
  /** The same for all requests with one API key. */
  readonly caller: string;
  /** The same for the same method, path, query and body. */
  readonly fingerprint: string;
  /** Unique to this run. */
  readonly token: string;
  readonly now: number;
  readonly leaseUntil: number;
}

export type KeyedRun = Pick<KeyedRequest, 'id' | 'token'>;

export type KeyedRequestState =
  | { readonly state: 'fresh' }
  | { readonly state: 'running' }
  | { readonly state: 'conflict' }
  /** Null: it was carried out, and its answer was not kept. */
  | { readonly state: 'done'; readonly answer: string | null };

export interface KeyedRequestBounds {
  readonly maxRows: number;
  /** Stored answers. */
  readonly maxBytes: number;
}

/** Stamps of rows that are old enough to be deleted: from ≤ t < before. */
export interface ExpiredStamps {
  readonly from: number;
  readonly before: number;
}

/**
 * Decides by lived time, so a leap of the clock expires nothing. What a clock that was behind has stamped is as young as
 * the correction: until that is old enough, everything up to those stamps is kept.
 */
export function expiredStamps({ lived, disputed }: Ages): ExpiredStamps {
  const from = disputed.reduce(
    (after, { kind, until, livedMs }) =>
      kind === 'behind' && livedMs <= keyedRequestMs ? Math.max(after, until + 1) : after,
    0,
  );
  return { from, before: lived - keyedRequestMs };
}
