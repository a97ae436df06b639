import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { workerScript } from '../runtime/worker-script.ts';
import { type Owner, programFrom, SandboxPool } from '../sandbox/pool.ts';
import type { Program } from '../sandbox/protocol.ts';
import type { Verdict } from './verdict.ts';

/** A schema in the form that validators take. */
export type DeclaredSchema = Program;

export function declaredSchema(document: unknown): DeclaredSchema {
  return programFrom(JSON.stringify(document));
}

/** Validates texts against schemas that users declared, within limits (G8). */
export interface SchemaValidator {
  /** A verdict for each text. Rejects with `SandboxError`. */
  validate(schema: DeclaredSchema, owner: Owner, texts: readonly string[]): Promise<readonly Verdict[]>;
  /** Why the schema cannot be declared, or null. Rejects with `SandboxError`. */
  inspect(schema: DeclaredSchema): Promise<string | null>;
  close(): void;
}

export function createSchemaValidator(clock: Clock, logger: Logger): SchemaValidator {
  const pool = new SandboxPool<Verdict>({
    clock,
    logger,
    host: 'thread',
    script: workerScript('thread-worker', import.meta.url),
    name: 'schema',
    // An ordinary schema takes microseconds per text.
    budgetMs: 400,
    // Ajv does not stop by itself.
    limitMs: 400,
    freshLimitMs: 400,
    maxTextsPerMessage: 64,
    compileBudgetMs: 1500,
    heapMb: 128,
    maxWaitMs: 10_000,
  });
  return {
    validate: (schema, owner, texts) => pool.run(schema, owner, texts),
    // Declared for all tenants.
    inspect: (schema) => pool.inspect(schema, ''),
    close: () => pool.close(),
  };
}
