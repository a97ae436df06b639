import { z } from 'zod';

const seconds = z
  .number()
  .min(0)
  .max(7 * 86_400);

/** When a delivery is retried: fixed delays, or exponential ones. */
export const retryPolicy = z
  .strictObject({
    schedule_s: z
      .array(seconds)
      .max(50)
      .optional()
      .describe('Delays in seconds, one after each failed attempt; after the last one the delivery is dead.'),
    exponential: z
      .strictObject({
        base_s: seconds.describe('Delay after the first failed attempt.'),
        factor: z
          .number()
          .min(1)
          .max(10)
          .describe('Factor by which each delay is longer than the previous one.'),
        max_s: seconds,
        attempts: z.int().min(1).max(100).describe('Total number of attempts.'),
      })
      .optional()
      .describe('Replaces `schedule_s`.'),
    jitter: z.number().min(0).max(1).default(0.1).describe('Share of each delay that is random.'),
    give_up_after_s: z
      .number()
      .min(1)
      .max(90 * 86_400)
      .default(7 * 86_400)
      .describe(
        'No attempt starts later than this after the event was accepted. A delivery whose next attempt would is a dead letter with the reason `too_old`, without that attempt; an operator can redrive it.',
      ),
  })
  .meta({ id: 'RetryPolicy' });

export const timeoutMs = z.int().min(100).max(60_000);
export const deliverWithinS = z
  .number()
  .min(1)
  .max(30 * 86_400);
