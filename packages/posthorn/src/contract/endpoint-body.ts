import { z } from 'zod';

// What is sent, and what the caller notes of an endpoint.

const maxMetadata = 50;

export const bodyKind = z
  .enum(['envelope', 'data'])
  .describe(
    '`envelope`: `{"id", "type", "timestamp", "data"}`. `data`: the data of the event alone, byte for byte as it was published; id and time are in the headers.',
  );

export const metadata = z
  .record(z.string().regex(/^[\w.:/-]{1,64}$/, '1 to 64 of A-Z a-z 0-9 _ . : / -'), z.string().max(512))
  .refine((all) => Object.keys(all).length <= maxMetadata, `at most ${maxMetadata} members`)
  .describe("The caller's own notes, replaced as a whole. Not secret; Posthorn does nothing with them.");
