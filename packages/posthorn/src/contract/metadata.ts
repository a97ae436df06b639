import { z } from 'zod';

const maxEntries = 50;

/** What callers attach to their declarations. */
export const metadata = z
  .record(
    z.string().regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'only letters, digits and _ . : -, at most 64'),
    z.string().max(512),
  )
  .refine((entries) => Object.keys(entries).length <= maxEntries, `must have at most ${maxEntries} entries`)
  .describe(`Your own data: up to ${maxEntries} texts of at most 512 characters.`);
