import { z } from 'zod';
import { timestamp } from './fields.ts';

// Settings and fields of endpoints that Posthorn pauses when they only fail.

const maxDisableAfterS = 90 * 86_400;

export const lifecycleSettings = {
  disable_after_s: z
    .int()
    .min(1)
    .max(maxDisableAfterS)
    .nullable()
    .describe(
      'Posthorn pauses the endpoint (`paused_reason: failing`) when every attempt has failed for this long, with at least 5 attempts; null means never.',
    ),
};

export const lifecycleFields = {
  disable_after_s: z.int().nullable(),
  failing_since: timestamp
    .nullable()
    .describe(
      'The first failure since the last success, if `disable_after_s` is set; null if there is none.',
    ),
  disables_at: timestamp
    .nullable()
    .describe(
      'From then on the next failed attempt pauses the endpoint, unless one succeeds first; null if none would.',
    ),
};
