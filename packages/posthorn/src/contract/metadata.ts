import { z } from 'zod';

const maxEntries = 50;

/** What callers attach to what they declare. */
export const metadata = z
  .record(
    z.string().regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'letters, digits and _ . : - only, at most 64'),
    z.string().max(512),
  )
  .refine((entries) => Object.keys(entries).length <= maxEntries, `at most ${maxEntries} entries`)
  .describe(`Your own data, for your own use: up to ${maxEntries} texts of at most 512 characters.`);
