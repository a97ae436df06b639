import { z } from 'zod';
import { adaptiveBounds } from '../domain/adaptive-limit.ts';

/** How much an endpoint is asked at once, in what is given. */
export const limitSettings = {
  max_in_flight: z
    .int()
    .min(1)
    .max(1024)
    .nullable()
    .describe(
      `Limit of concurrent attempts. Null, the default: it adapts to the endpoint's answers, from ${adaptiveBounds.least} to ${adaptiveBounds.most}.`,
    ),
  rate_limit_per_s: z
    .number()
    .min(0.01)
    .max(100_000)
    .nullable()
    .describe(
      "Limit of attempts per second; null means no limit. One second's attempts may start at once. Nodes that share a database share the limit.",
    ),
};

/** The same in answers. */
export const limitFields = {
  max_in_flight: z
    .int()
    .describe('Limit of concurrent attempts; the highest that it may become if `concurrency` is `adaptive`.'),
  concurrency: z
    .enum(['fixed', 'adaptive'])
    .describe(
      '`adaptive`: `max_in_flight` is not set, and the limit follows the answers. The present one is `in_flight.limit` of its health.',
    ),
  rate_limit_per_s: z.number().nullable(),
};
