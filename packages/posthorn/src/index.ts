// The embeddable library.
export { createPosthorn } from './posthorn.ts';
export type { PostgresPool } from './store/postgres/open.ts';
export type { Posthorn, PosthornOptions, PublishEvent, SqlClient } from './posthorn.ts';
export { EventConflictError, UnavailableError } from './domain/errors.ts';
export type { Receipt } from './domain/event.ts';
