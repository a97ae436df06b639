import { z } from 'zod';
import { isReservedPrefix } from '../domain/header-names.ts';
import { timestamp } from './fields.ts';

// What is sent, and what signs it.

export const bodyKind = z
  .enum(['envelope', 'data'])
  .describe(
    '`envelope`: `{"id", "type", "timestamp", "data"}`. `data`: only the data of the event, byte for byte as it was published; its id is in `webhook-id`.',
  );

export const signatures = z
  .array(z.enum(['v1', 'v1a']))
  .min(1)
  .max(2)
  .refine((kinds) => new Set(kinds).size === kinds.length, 'must not contain a kind twice')
  .describe(
    '`v1`: HMAC with the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. With both, `webhook-signature` has two signatures.',
  );

const maxHeaderPrefixes = 3;

export const headerPrefixes = z
  .array(
    z
      .string()
      .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'lowercase words joined by dashes')
      .max(32),
  )
  .min(1)
  .max(maxHeaderPrefixes)
  .refine((prefixes) => new Set(prefixes).size === prefixes.length, 'must not contain a prefix twice')
  .refine(
    (prefixes) => prefixes.every((prefix) => !isReservedPrefix(prefix)),
    'must not be a prefix that Posthorn, HTTP or a proxy uses',
  )
  .describe(
    'Prefixes of the headers `…-id`, `…-timestamp` and `…-signature`. Default: `["webhook"]`. Add the prefix of another sender for receivers that read its headers: the values are the same.',
  );

export const keySet = z
  .string()
  .nullable()
  .describe(
    'Where its public keys are published: `/.well-known/posthorn/public-keys/{set}`. Null if it never signed with `v1a`.',
  );

const publicKey = z.strictObject({
  id: z.string(),
  public_key: z.string().describe('`whpk_…`'),
  expires_at: timestamp
    .nullable()
    .describe('Until when it signs beside its successor; null for the current key.'),
});

/** At most 17, so the list is not paged. */
export const publicKeyList = z
  .strictObject({
    items: z
      .array(publicKey)
      .describe('The current key first; a previous key is listed until shortly after it ended.'),
    next_cursor: z.null(),
  })
  .meta({ id: 'PublicKeyList' });

export const examplePublicKeys = {
  items: [
    {
      id: 'wpk_q0p3Zk8Vw1xT',
      public_key: 'whpk_JmJSW3bhzPxYPJ4SPEp1VpGSgE5S4JLYTkFrFEPvFCw=',
      expires_at: null,
    },
  ],
  next_cursor: null,
} as const;
