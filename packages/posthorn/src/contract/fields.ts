import { z } from 'zod';
import { alertTenant } from '../domain/alert.ts';

// Fields that several resources share.

// oxlint-disable-next-line no-control-regex
const printable = /^[^\u0000-\u001f\u007f]+$/;
/** An unpaired surrogate would come back from the database as another character, and the id would not be found again. */
export const printableName = (max: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(printable, 'must not contain control characters')
    .refine((text) => text.isWellFormed(), 'must not contain unpaired surrogates');

export const jsonPointer = z
  .string()
  .regex(/^(\/.*)?$/, 'a JSON Pointer')
  .max(256);
export const documentName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lowercase letters, digits and dashes, at most 63');
/** The caller's own name of an endpoint. Ids of endpoints begin with `ep_`, and a path segment of dots is not a name. */
export const endpointName = z
  .string()
  .regex(
    /^(?!ep_)(?=.*[A-Za-z0-9_-])[A-Za-z0-9._-]{1,256}$/,
    'letters, digits and . _ -, at most 256, not beginning with ep_',
  );
export const tenantName = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'only letters, digits and . _ : -, at most 128');
/** A tenant that a caller may publish to and have endpoints in. */
export const ownTenant = tenantName.refine((tenant) => tenant !== alertTenant, 'is reserved for Posthorn');
/** For operations whose tenant may be omitted. */
export const tenantLeftOut = 'Default: the tenant that the key is bound to, else `default`.';
export const eventId = printableName(255);
export const maxRoutingKeys = 10;
/** None has a comma: `posthorn.publish` checks the same in SQL. */
export const routingKey = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'only letters, digits and . _ : -, at most 128');
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
/** An id in a path or a filter; an unknown one is not found. */
export const anyId = z.string().min(1);

// For every document that is declared by its name.
export const description = z.string().max(1024);
export const named = z.strictObject({ name: documentName });
export const fingerprint = z
  .string()
  .describe('Equal for equal documents: detects changes without showing write-only fields.');

const limit = z.coerce.number().int().min(1).max(1000).default(50).describe('Maximum items per page.');
export const cursor = z.string().max(1024).optional().describe('`next_cursor` of the previous page.');
const order = z.enum(['asc', 'desc']);
/** Fields of a list's query; `usual` is the default order. */
export const pageIn = (usual: z.output<typeof order>) => ({ limit, cursor, order: order.default(usual) });
export const pageQuery = z.strictObject(pageIn('asc'));

/** The response of a list, with its additional fields. */
export function pageSchema<T extends z.ZodType, More extends z.ZodRawShape = Record<never, never>>(
  id: string,
  items: T,
  more?: More,
) {
  return z
    .strictObject({
      ...(more ?? ({} as More)),
      items: z.array(items),
      next_cursor: z.string().nullable().describe('Cursor of the next page; null on the last page.'),
    })
    .meta({ id });
}

/** For a share. */
export const interval = z
  .tuple([z.number(), z.number()])
  .readonly()
  .describe('Wilson score interval at 95%: lower and upper bound.')
  .meta({ id: 'Interval' });

/** An amount in minor units; a string above 2^53. */
export const amountMinor = z.union([z.int(), z.string()]).describe('Minor units; a string above 2^53.');
/** Sum of the values of some events in one currency. */
export const moneyAnswer = z
  .strictObject({
    currency: z.string(),
    amount_minor: amountMinor,
    events: count.describe('Number of events.'),
  })
  .meta({ id: 'Money' });
