// The embeddable library. The only barrel: everything else is imported from the file that has it.
export { createPosthorn } from './posthorn.ts';
export type { Posthorn, PosthornOptions, PublishEvent, SqlClient } from './posthorn.ts';
export { ApiError, createClient } from './client/client.ts';
export type { Client, ClientOptions } from './client/client.ts';
export { verify } from './signing/standard-webhooks.ts';
export { EventConflictError, UnavailableError } from './domain/errors.ts';
export { openTelemetryTracing } from './tracing/open-telemetry.ts';
export type { Receipt } from './domain/event.ts';
