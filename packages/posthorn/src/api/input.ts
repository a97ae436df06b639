import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { type Fault, Problem } from './problem.ts';

export const nestingMost = 64;
/** Of an event's data, in bytes of UTF-8. */
export const dataMost = 256 * 1024;
/** Of a request's body: one event of the largest fits. */
export const maxBodyBytes = 512 * 1024;
/** Of a batch: it has room for many large events, not for a thousand of the largest, and parsing it stops nobody for long. */
export const maxBatchBytes = 8 * 1024 * 1024;
const maxFaults = 100;
/** A name that the caller made up may be as long as the body. */
const maxPathLength = 512;

/** The JSON Pointer (RFC 6901) of these steps. */
export function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The value as the schema has it, or a 422 that names every fault with its path. */
export function parse<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const errors: Fault[] = result.error.issues
    .slice(0, maxFaults)
    .flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys
            .slice(0, maxFaults)
            .map((key) => ({ path: pointer([...issue.path, key]), message: 'is not a known field' }))
        : // Of a name in a record, what is wrong with it stands one level below.
          [
            {
              path: pointer(issue.path),
              message: (issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined) ?? issue.message,
            },
          ],
    )
    .slice(0, maxFaults)
    .map(({ path, message }) => ({ path: path.slice(0, maxPathLength).toWellFormed(), message }));
  const first = errors[0]!;
  throw new Problem(
    422,
    'invalid_request',
    `${first.path === '' ? 'the request' : first.path}: ${first.message}`,
    errors,
  );
}

/** A body that may be left out; where there is one, it is what the schema says. */
export function optionalBody(request: FastifyRequest): unknown {
  return request.body === undefined ? {} : request.body;
}

export function params(request: FastifyRequest): Record<string, string> {
  return request.params as Record<string, string>;
}

export function encodeCursor(text: string): string {
  return Buffer.from(text).toString('base64url');
}

export function invalidCursor(): Problem {
  return new Problem(422, 'invalid_request', 'Invalid cursor: use next_cursor from the previous page', [
    { path: '/cursor', message: 'is not a cursor of this list' },
  ]);
}

export function decodeCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const text = Buffer.from(cursor, 'base64url').toString();
  if (text === '') throw invalidCursor();
  return text;
}
