import { z } from 'zod';
import { alertTenant } from '../domain/alert.ts';

// Fields that several resources have.

// oxlint-disable-next-line no-control-regex
const printable = /^[^\u0000-\u001f\u007f]+$/;
/** Half a surrogate pair would come back from the database as another character, and the id would not be found again. */
export const printableName = (max: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(printable, 'no control characters')
    .refine((text) => text.isWellFormed(), 'no half surrogate pairs');

export const jsonPointer = z
  .string()
  .regex(/^(\/.*)?$/, 'a JSON Pointer')
  .max(256);
export const documentName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'small letters, digits and dashes, at most 63');
export const tenantName = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'letters, digits and . _ : - only, at most 128');
/** A tenant that a caller may publish to, and have endpoints in. */
export const ownTenant = tenantName.refine((tenant) => tenant !== alertTenant, "is Posthorn's own");
/** Where a tenant may be left out. */
export const tenantLeftOut = 'If left out: the tenant that the key is bound to, else `default`.';
export const eventId = printableName(255);
export const eventType = z
  .string()
  .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, 'names separated by dots')
  .max(256);
export const eventTypePattern = z
  .string()
  .regex(
    /^(\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?)$/,
    'a type, a trailing wildcard such as payment.*, or *',
  )
  .max(256);
export const timestamp = z.iso.datetime({ offset: true });
export const count = z.int().min(0);
/** An id as a path or a filter has it; one that names nothing is not found. */
export const anyId = z.string().min(1);

// Of every document that is declared by its name.
export const description = z.string().max(1024);
export const named = z.strictObject({ name: documentName });
export const fingerprint = z
  .string()
  .describe('The same for the same document: tells whether it changed without showing what is write-only.');

const limit = z.coerce.number().int().min(1).max(1000).default(50).describe('Items of a page at most.');
export const cursor = z.string().max(1024).optional().describe('`next_cursor` of the page before.');
const order = z.enum(['asc', 'desc']);
/** Fields of a list's query; `usual` is the order if none is asked for. */
export const pageIn = (usual: z.output<typeof order>) => ({ limit, cursor, order: order.default(usual) });
export const pageQuery = z.strictObject(pageIn('asc'));

/** The answer of a list, with what else it says. */
export function pageOf<T extends z.ZodType, More extends z.ZodRawShape = Record<never, never>>(
  id: string,
  items: T,
  more?: More,
) {
  return z
    .strictObject({
      ...(more ?? ({} as More)),
      items: z.array(items),
      next_cursor: z.string().nullable().describe('Of the next page; null: this is the last.'),
    })
    .meta({ id });
}

/** Of a share. */
export const interval = z
  .tuple([z.number(), z.number()])
  .readonly()
  .describe('Wilson score interval at 95%: lower and upper bound.')
  .meta({ id: 'Interval' });

/** An amount in minor units; above 2^53 as a string. */
export const amountMinor = z.union([z.int(), z.string()]).describe('Minor units; a string above 2^53.');
/** The sum of the values of some events in one currency. */
export const moneyAnswer = z
  .strictObject({
    currency: z.string(),
    amount_minor: amountMinor,
    events: count.describe('How many have it.'),
  })
  .meta({ id: 'Money' });
