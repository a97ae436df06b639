import { z } from 'zod';
import { timestamp } from './fields.ts';

// How the receiver of an endpoint is reached: the settings `auth`, `tls` and `proxy`.

// oxlint-disable-next-line no-control-regex
const noControls = /^[^\u0000-\u001f\u007f]*$/;
const line = (max: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(noControls, 'must not contain control characters')
    .refine((text) => text.isWellFormed(), 'must not contain unpaired surrogates');
const username = line(256).regex(/^[^:]*$/, 'must not contain a colon');
const bearerToken = z
  .string()
  .min(1)
  .max(8192)
  .regex(/^[\x21-\x7e]+$/, 'visible ASCII without spaces');
const scope = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/, 'scopes separated by single spaces');

const authMethod = z.enum(['basic', 'body']);
const clientFields = {
  token_url: z
    .string()
    .max(2048)
    .describe('URL of the token server. The address guard checks it like any receiver.'),
  client_id: line(256),
};
const clientOptions = {
  scope: scope.nullable().default(null),
  audience: line(1024).nullable().default(null),
  auth_method: authMethod
    .default('basic')
    .describe("Where the client's credentials are sent: in the header `authorization`, or in the body."),
};

const asNew = {
  basic: z.strictObject({ type: z.literal('basic'), username, password: line(1024) }),
  bearer: z.strictObject({ type: z.literal('bearer'), token: bearerToken }),
  oauth: z.strictObject({
    type: z.literal('oauth2_client_credentials'),
    ...clientFields,
    client_secret: line(1024),
    ...clientOptions,
  }),
};
const authText =
  'Credentials of every request. `basic`, `bearer`: sent as they are. `oauth2_client_credentials`: a bearer token, fetched from `token_url`, cached until shortly before it expires, and renewed once after a 401. Cannot be combined with a header `authorization`. Secrets are write-only.';
const newAuth = z
  .discriminatedUnion('type', [asNew.basic, asNew.bearer, asNew.oauth])
  .meta({ id: 'EndpointAuth' });
const keptAuth = z
  .discriminatedUnion('type', [
    asNew.basic.extend({ password: asNew.basic.shape.password.nullable() }),
    asNew.bearer.extend({ token: bearerToken.nullable() }),
    asNew.oauth.extend({ client_secret: asNew.oauth.shape.client_secret.nullable() }),
  ])
  .meta({ id: 'EndpointAuthChange' });
const shownAuth = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('basic'), username: z.string(), password: z.null() }),
    z.strictObject({ type: z.literal('bearer'), token: z.null() }),
    z.strictObject({
      type: z.literal('oauth2_client_credentials'),
      token_url: z.string(),
      client_id: z.string(),
      client_secret: z.null(),
      scope: z.string().nullable(),
      audience: z.string().nullable(),
      auth_method: authMethod,
    }),
  ])
  .meta({ id: 'ShownEndpointAuth' });

const minVersion = z.enum(['1.2', '1.3']);
const serverName = z
  .string()
  .max(253)
  .regex(
    /^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/,
    'a host name',
  );
const tlsText =
  'How the connection is secured; only for `https` URLs. Changing it closes existing connections.';
const tls = z
  .strictObject({
    client_certificate: z
      .string()
      .max(16_384)
      .nullable()
      .default(null)
      .describe('PEM: the client certificate that Posthorn presents, followed by its chain.'),
    client_key: z
      .string()
      .max(16_384)
      .nullable()
      .default(null)
      .describe(
        'PEM, without a passphrase. Write-only: null keeps the stored key as long as there is a certificate.',
      ),
    ca: z
      .string()
      .max(65_536)
      .nullable()
      .default(null)
      .describe("PEM: the only certificate authorities that are trusted. Null means the system's."),
    min_version: minVersion.nullable().default(null).describe('Minimum version of TLS. Null means 1.2.'),
    server_name: serverName
      .nullable()
      .default(null)
      .describe(
        "The name that is sent (SNI) and that the receiver's certificate must have. Null means the URL's host.",
      ),
  })
  .meta({ id: 'EndpointTls' });
const shownTls = z
  .strictObject({
    client_certificate: z.string().nullable(),
    client_key: z.null().describe('Write-only.'),
    ca: z.string().nullable(),
    min_version: minVersion.nullable(),
    server_name: z.string().nullable(),
  })
  .meta({ id: 'ShownEndpointTls' });

const proxy = z
  .string()
  .min(1)
  .max(2048)
  .describe(
    "A proxy for this endpoint: `http://`, `https://` or `socks5://user:password@host:port`. `direct`: none, not even the node's. Null: the node's, if there is one. Responses hide the password; a URL with the same user and no password keeps the stored one.",
  );

/** For a new endpoint. */
export const newReach = {
  auth: newAuth.nullable().describe(authText),
  tls: tls.nullable().describe(tlsText),
  proxy: proxy.nullable(),
};

/** For an endpoint that may exist: a secret that is null keeps the stored value. */
export const keptReach = {
  ...newReach,
  auth: keptAuth.nullable().describe(`${authText} Null keeps the stored secret, if the type is the same.`),
};

export const shownReach = {
  auth: shownAuth.nullable().describe('Secrets are null.'),
  tls: shownTls.nullable(),
  proxy: z.string().nullable().describe('Without its password.'),
  certificates: z
    .array(
      z
        .strictObject({
          use: z
            .enum(['client', 'ca', 'server'])
            .describe('Presented to the receiver, trusted, or last presented by the receiver.'),
          subject: z.string(),
          issuer: z.string(),
          not_before: timestamp,
          not_after: timestamp.describe(
            "An alert fires 30, 7 and 1 days before a client certificate expires, and 7 and 1 days before the receiver's does.",
          ),
          fingerprint: z.string().describe('SHA-256.'),
        })
        .meta({ id: 'EndpointCertificate' }),
    )
    .describe('Facts from the certificates of `tls` and of the receiver.'),
};
