// The receivers' side: verify webhooks of any sender of Standard Webhooks, keep their bodies raw, process each once.
export { expressHandler } from './adapters/express.ts';
export { type FastifyScope, fastifyPlugin } from './adapters/fastify.ts';
export { type HonoContext, honoHandler } from './adapters/hono.ts';
export { nestHandler } from './adapters/nest.ts';
export { nextHandler } from './adapters/next.ts';
export { nodeHandler, type NodeRequest, type NodeResponse } from './adapters/node.ts';
export { webHandler } from './adapters/web.ts';
export { WebhookVerificationError, type WebhookVerificationFailure, type WebhookStep } from './errors.ts';
export type { WebhookHeaders } from './headers.ts';
export {
  type Inbox,
  InboxBusyError,
  type InboxCounters,
  type InboxOptions,
  inboxSchema,
  InboxUsageError,
  type Processed,
  type Pruned,
} from './inbox/inbox.ts';
export {
  type PostgresClient,
  type PostgresDatabase,
  postgresInbox,
  type PostgresPool,
} from './inbox/postgres.ts';
export { type SqliteConnection, sqliteInbox } from './inbox/sqlite.ts';
export { type PublicKeys, publicKeys, type PublicKeysOptions } from './public-keys.ts';
export {
  createReceiver,
  type InboxReceiverOptions,
  type RawRequest,
  type Receiver,
  type ReceiverCounters,
  type ReceiverOptions,
  type Reception,
  type Rejection,
  type Webhook,
  type WebhookKeys,
  type WebhookKeySource,
} from './receiver.ts';
export { type VerifyOptions, verifyWebhook, type WebhookEvent } from './verify.ts';
