import { z } from 'zod';
import { timestamp } from './fields.ts';

// Settings and shown fields of endpoints that are disabled when they have only failed for long.

const maxDisableAfterS = 90 * 86_400;

export const lifecycleSettings = {
  disable_after_s: z
    .int()
    .min(1)
    .max(maxDisableAfterS)
    .nullable()
    .describe(
      'The endpoint is paused (`paused_reason: failing`) when every attempt has failed for so long, at least 5 of them; null: never.',
    ),
};

export const lifecycleFields = {
  disable_after_s: z.int().nullable(),
  failing_since: timestamp
    .nullable()
    .describe('The first failure since the last success, if `disable_after_s` is set; null: none.'),
  disables_at: timestamp
    .nullable()
    .describe(
      'From then on the next failed attempt pauses the endpoint, unless one succeeds before; null: none does.',
    ),
};
