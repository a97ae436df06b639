// The embeddable library. Its calls and their types are those of the client: see the documentation on embedding.
import './runtime/unbundled.ts';

export { createPosthorn, type Posthorn, type StopResult } from './posthorn.ts';
export type { SecretOptions } from './secrets/open-keyring.ts';
export type { PosthornOptions } from './options.ts';
export type { SqlClient } from './library/transaction.ts';
export { type ErrorCode, type Fault, PosthornError, StoreOpenError } from './domain/errors.ts';
export type { StopReport } from './engine/port.ts';
export type { Tracing } from './engine/tracing.ts';
export type { Logger, LogFields, LogWrite } from './runtime/logger.ts';
export type { PostgresPool } from './store/postgres/pool.ts';
export type { ProxyVariables } from './transport/proxy.ts';
export type * from '@posthorn/client/types';
