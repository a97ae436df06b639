import { z } from 'zod';

/** One objective as it is declared in `posthorn.yaml` under `slos`, and owned by two teams. */
const teamName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'small letters, digits and dashes, at most 63');
const pattern = z
  .string()
  .regex(
    /^(\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?)$/,
    'a type, or a trailing wildcard such as payment.*',
  )
  .max(256);

export const sloDocument = z
  .strictObject({
    name: teamName,
    objective: z.enum(['delivered_within', 'accounted']),
    target: z.number().min(0.5).max(1),
    window_days: z.int().min(1).max(366),
    deliver_within_ms: z
      .int()
      .min(1)
      .max(30 * 86_400_000)
      .optional(),
    event_types: z.array(pattern).min(1).max(100).optional(),
    tenant: z
      .string()
      .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'letters, digits and . _ : - only')
      .optional(),
    endpoint_ids: z.array(z.string().min(1).max(64)).min(1).max(100).optional(),
    producer: teamName,
    consumer: teamName,
    description: z.string().max(1024).optional(),
  })
  .refine(({ objective, target }) => objective === 'accounted' || target < 1, {
    path: ['target'],
    message: 'is below 1 for delivered_within: with no budget every late delivery would be a page',
  });
export type SloDocument = z.output<typeof sloDocument>;
