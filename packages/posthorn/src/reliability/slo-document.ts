import { z } from 'zod';
import type { ObjectiveDocument } from '../domain/objective.ts';

export const documentName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'small letters, digits and dashes, at most 63');
export const eventTypePattern = z
  .string()
  .regex(
    /^(\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?)$/,
    'a type, a trailing wildcard such as payment.*, or *',
  )
  .max(256);

export const tenantName = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'letters, digits and . _ : - only, at most 128');

/** An objective as it is declared: in `posthorn.yaml` under `slos`, by its name, and by `PUT /v1/slos/{name}`. */
export const sloDocument = z
  .strictObject({
    description: z.string().max(1024).default(''),
    objective: z.enum(['delivered_within', 'accounted']).default('delivered_within'),
    target: z.number().min(0.5).max(1).describe('0.999: one in a thousand may miss its deadline'),
    window_days: z.int().min(1).max(366).default(30),
    event_types: z.array(eventTypePattern).min(1).max(100).default(['*']),
    tenant: tenantName.optional(),
    endpoint_ids: z.array(z.string().min(1).max(64)).max(500).default([]).describe('none: all of them'),
    producer: documentName.describe('the team that sends'),
    consumer: documentName.describe('the team that receives'),
  })
  .superRefine(({ objective, target }, context) => {
    if (objective === 'accounted' ? target !== 1 : target > 0.99999)
      context.addIssue({
        code: 'custom',
        path: ['target'],
        message:
          objective === 'accounted'
            ? 'is 1: nothing may be unaccounted for'
            : 'is at most 0.99999: with no budget every late delivery would be a page',
      });
  });

export const sloFile = z.looseObject({ slos: z.record(documentName, sloDocument).default({}) });

/** A declared objective and its name. */
export interface SloDocument extends ObjectiveDocument {
  readonly name: string;
}
