import { SandboxError } from '../sandbox/pool.ts';
import type { SchemaFault } from '../validation/verdict.ts';
import { type Fault, PosthornError } from '../domain/errors.ts';

/** The problem of data that does not match its type's schema. `path`: path of the event in the request. */
export function refusedData(type: string, path: string, found: readonly SchemaFault[]): PosthornError {
  const faults = found.map((fault): Fault => ({ path: `${path}/data${fault.path}`, message: fault.message }));
  return new PosthornError(
    'invalid_data',
    `${faults[0]!.path} ${faults[0]!.message}: the data does not match the schema of ${type}`,
    faults,
  );
}

/** The problem if a schema returned no verdict: of data, or with `type` null of a declaration. */
export function noVerdict(type: string | null, error: unknown): unknown {
  if (!(error instanceof SandboxError)) return error;
  const { why } = error;
  const what = type === null ? 'this schema' : `the schema of ${type}`;
  const fault = type === null ? [{ path: '/schema', message: 'is too expensive' }] : undefined;
  switch (why.kind) {
    case 'too_expensive':
      return new PosthornError(
        'schema_too_expensive',
        type === null
          ? `Compiling ${what} takes too much ${why.resource}. Declare a smaller one.`
          : `Validating this data against ${what} takes too much ${why.resource}. Simplify the schema, or send smaller data.`,
        fault,
      );
    case 'unusable':
      return new PosthornError('schema_unusable', `${what} cannot run (${why.message}). Declare it again.`);
    case 'suspended': {
      const seconds = Math.ceil(why.retryAfterMs / 1000);
      return new PosthornError(
        'schema_suspended',
        `${what} repeatedly exceeded its time or memory limit and is suspended for ${seconds} s. Simplify it.`,
        undefined,
        seconds,
      );
    }
    case 'busy':
      return new PosthornError('unavailable', `${what} cannot run now. Nothing was stored; try again.`);
  }
}
