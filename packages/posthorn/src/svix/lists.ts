import { z } from 'zod';
import type { Context } from './request.ts';

const limit = z.coerce.number().int().min(1).max(250).default(50);
const order = z.enum(['ascending', 'descending']);
const time = z.iso.datetime({ offset: true }).optional();
const iterator = z
  .string()
  .max(1024)
  .refine((text) => !text.startsWith('-'), 'cannot go backwards: use the iterator of the previous page')
  .optional();

type OwnPage = {
  readonly limit: number;
  readonly cursor?: string;
  readonly order: 'asc' | 'desc';
};

/** The page that a list asks for, as Posthorn's own lists take it. */
export function pageFrom({ query }: Pick<Context, 'query'>, usual: 'asc' | 'desc'): OwnPage {
  const asked = query.parse(order.optional(), 'order');
  const cursor = query.parse(iterator, 'iterator');
  return {
    limit: query.parse(limit, 'limit'),
    ...(cursor === undefined ? {} : { cursor }),
    order: asked === undefined ? usual : asked === 'ascending' ? 'asc' : 'desc',
  };
}

/** The window of a list: `before` and `after` are times of creation. */
export function windowFrom({ query }: Pick<Context, 'query'>): { since?: string; until?: string } {
  const [since, until] = [query.parse(time, 'after'), query.parse(time, 'before')];
  return { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
}

/** A page as it is answered. The iterator is opaque; a page may have fewer items than its limit before the end. */
export function listAnswer(
  data: readonly unknown[],
  next: string | null,
): { readonly data: readonly unknown[]; readonly iterator: string | null; readonly done: boolean } {
  return { data, iterator: next, done: next === null };
}

/** The same, of items that are texts of JSON. */
export function listText(items: readonly string[], next: string | null): string {
  return `{"data":[${items.join(',')}],"iterator":${JSON.stringify(next)},"done":${String(next === null)}}`;
}
