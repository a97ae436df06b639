import { PosthornError } from '../domain/errors.ts';
import { defaultRetryPolicy, type RetryDocument, type RetryPolicy } from '../domain/retry-policy.ts';

/** The retry policy that a document declares; `path` is its path in the request, for errors. */
export function retryFrom(wire: RetryDocument, path = '/retry'): RetryPolicy {
  const { exponential, schedule_s: schedule } = wire;
  if (exponential !== undefined && schedule !== undefined) {
    throw new PosthornError('invalid_request', `${path} takes schedule_s or exponential, not both`, [
      { path, message: 'has two backoffs' },
    ]);
  }
  return {
    backoff:
      exponential === undefined
        ? schedule === undefined
          ? defaultRetryPolicy.backoff
          : { kind: 'schedule', delaysMs: schedule.map((s) => s * 1000) }
        : {
            kind: 'exponential',
            baseMs: exponential.base_s * 1000,
            factor: exponential.factor,
            maxMs: exponential.max_s * 1000,
            attempts: exponential.attempts,
          },
    jitter: wire.jitter,
    giveUpAfterMs: wire.give_up_after_s * 1000,
  };
}
