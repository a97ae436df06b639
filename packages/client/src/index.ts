// The client of the HTTP API, and webhook verification for receivers. Without dependencies.
export { type CallOptions, type Client, type ClientOptions, createClient } from './client.ts';
export type { Fetch } from './connection.ts';
export { ApiError, type FieldError } from './errors.ts';
export type { ClientRuntime } from './runtime/system.ts';
export type * from './types.ts';
export { WebhookVerificationError, type WebhookVerificationFailure } from './receiver/errors.ts';
export type { WebhookHeaders } from './receiver/headers.ts';
export { type VerifyOptions, verifyWebhook, type WebhookEvent } from './receiver/verify.ts';
