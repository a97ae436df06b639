import type { FastifyInstance } from 'fastify';
import type { PosthornError } from '../domain/errors.ts';
import type { Handlers } from '../service/handler.ts';
import type { BodyParser } from './body.ts';
import type { ApiDependencies } from './dependencies.ts';

/** An error that a request may end with. */
export type HttpError = Error & { readonly code?: string; readonly statusCode?: number };

/** What an API of another shape is built on. */
export interface AdapterHost {
  readonly deps: ApiDependencies;
  /** Every use case, confined to its caller (G9). */
  readonly handlers: Handlers;
  readonly parseBody: BodyParser;
  /** What a caller may know about a thrown error; null: an internal error. */
  readonly knownError: (error: HttpError) => PosthornError | null;
}

/** Adds the routes of an API of another shape. Callers are identified before; what each may do is the adapter's to check. */
export type Adapter = (app: FastifyInstance, host: AdapterHost) => void;
