import { SandboxError } from '../sandbox/pool.ts';
import type { SchemaFault } from '../validation/verdict.ts';
import { type Fault, PosthornError } from '../domain/errors.ts';

/** The problem of data that a type's schema refuses. `path`: where the event stands in the request. */
export function refusedData(type: string, path: string, found: readonly SchemaFault[]): PosthornError {
  const faults = found.map((fault): Fault => ({ path: `${path}/data${fault.path}`, message: fault.message }));
  return new PosthornError(
    'invalid_data',
    `${faults[0]!.path} ${faults[0]!.message}: the schema of ${type} refuses this data`,
    faults,
  );
}

/** The problem of data, or with `type` null of a declaration, for which a schema gave no verdict. */
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
          ? `Compiling ${what} takes too much ${why.resource}: declare a smaller one.`
          : `Validating this data by ${what} takes too much ${why.resource}: simplify the schema, or send smaller data.`,
        fault,
      );
    case 'unusable':
      return new PosthornError('schema_unusable', `${what} cannot run (${why.message}): declare it again.`);
    case 'suspended': {
      const seconds = Math.ceil(why.retryAfterMs / 1000);
      return new PosthornError(
        'schema_suspended',
        `${what} exceeded its time or memory repeatedly and is suspended for ${seconds} s: simplify it.`,
        undefined,
        seconds,
      );
    }
    case 'busy':
      return new PosthornError('unavailable', `${what} cannot run now: nothing was stored; try again.`);
  }
}
