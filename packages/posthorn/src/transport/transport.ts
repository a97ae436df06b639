import type { ErrorClass, WireRecord } from '../domain/attempt.ts';
import type { Certificate } from '../domain/reach.ts';
import type { Reach } from './reach.ts';

/** One HTTP request of a delivery, and what came of it. */
export interface Transport {
  /** How many requests it can carry at once, where something limits it. */
  readonly capacity?: number | undefined;
  /** Never rejects: every failure is a result with its class. */
  post(request: OutboundRequest): Promise<AttemptResult>;
  close(): Promise<void>;
}

export interface OutboundRequest {
  readonly url: string;
  /** Name, value, name, value … */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
  /** For the whole attempt, from connecting to the end of the answer. Waiting for ourselves does not count. */
  readonly timeoutMs: number;
  /** Whose connections carry it: an endpoint's id. No other endpoint uses them (G8). Default: the URL. */
  readonly sender?: string;
  /** Name lookups are bounded per tenant (G8). Default: none of the tenants. */
  readonly tenant?: string;
  /** What is special about how the receiver is reached. Default: nothing. */
  readonly reach?: Reach | null;
  /** How much of the answer's body is kept. Default: 4 KiB. */
  readonly maxExcerptBytes?: number;
  /** A success says how it went over the wire too, as every failure does. Default: it does not. */
  readonly recorded?: boolean;
}

export interface AttemptResult {
  readonly ok: boolean;
  readonly statusCode: number | null;
  readonly errorClass: ErrorClass | null;
  /** At most 300 characters, without secrets or payload. A delivered attempt may have one too: what was out of the ordinary. */
  readonly message: string | null;
  /** The beginning of the answer's body. */
  readonly responseExcerpt: string | null;
  readonly retryAfterMs: number | null;
  readonly durationMs: number;
  readonly wire?: WireRecord;
  /** What the receiver presented on a new connection, if it was not seen a moment ago. */
  readonly serverCertificate?: Certificate;
}
