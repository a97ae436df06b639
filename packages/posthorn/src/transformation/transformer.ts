import { transformationLimits, type Transformation } from '../domain/transformation.ts';
import { iso } from '../domain/time.ts';
import type { TransformAnswer, Transformer, TransformRequest } from '../engine/transformer.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { workerScript } from '../runtime/worker-script.ts';
import { programFrom, SandboxError, SandboxPool } from '../sandbox/pool.ts';
import type { Program } from '../sandbox/protocol.ts';
import type { Transformed } from './protocol.ts';
import { isSimpleExpression } from './simple-expression.ts';

/** Limit of waiting for a turn: an attempt must end within its lease. */
const maxWaitMs = 2500;

/** Runs the expressions of endpoints in separate processes. */
export interface Transformations extends Transformer {
  /** Why the expression cannot be declared, or null. Rejects with `SandboxError`. */
  inspect(transformation: Transformation, tenant: string): Promise<string | null>;
  close(): void;
}

export function createTransformations(clock: Clock, logger: Logger): Transformations {
  const pool = new SandboxPool<Transformed>({
    clock,
    logger,
    // A JSONata expression allocates freely; exceeding a thread's memory ends the whole process.
    host: 'process',
    script: workerScript('runner', import.meta.url),
    name: 'transformation',
    // What does not stop by itself, such as a function that prints a large text, ends with its process.
    budgetMs: 3 * transformationLimits.timeMs,
    limitMs: transformationLimits.timeMs,
    // A thousand that never end have had their first turn within seconds.
    freshLimitMs: transformationLimits.timeMs / 10,
    maxTextsPerMessage: 16,
    compileBudgetMs: 500,
    heapMb: 64,
    maxWaitMs,
  });
  /** An endpoint keeps its transformation until it is changed. */
  const programs = new WeakMap<Transformation, Program>();
  const programOf = (transformation: Transformation): Program => {
    let program = programs.get(transformation);
    if (program === undefined)
      programs.set(
        transformation,
        (program = programFrom(transformation.expression, isSimpleExpression(transformation.expression))),
      );
    return program;
  };
  return {
    inspect: (transformation, tenant) => pool.inspect(programOf(transformation), tenant),
    transform: async (request) => {
      try {
        const [result] = await pool.run(programOf(request.transformation), request.owner, [
          inputText(request),
        ]);
        return 'text' in result! ? { kind: 'data', data: result.text } : { kind: 'fault', ...result! };
      } catch (error) {
        return answerFrom(error);
      }
    },
    close: () => pool.close(),
  };
}

function inputText({ eventId, eventType, occurredAt, data }: TransformRequest): string {
  const event = JSON.stringify({ id: eventId, type: eventType, timestamp: iso(occurredAt) });
  return `{"event":${event},"data":${data}}`;
}

function answerFrom(error: unknown): TransformAnswer {
  if (!(error instanceof SandboxError)) throw error;
  const { why } = error;
  if (why.kind === 'busy') return { kind: 'busy' };
  const fault = noResult(why);
  return { kind: 'fault', fault, detail: fault };
}

/** Why an expression returned no result, without any of the data. */
export function noResult(why: Exclude<SandboxError['why'], { kind: 'busy' }>): string {
  switch (why.kind) {
    case 'too_expensive':
      return why.resource === 'time'
        ? `the expression took more than ${transformationLimits.timeMs} ms of processor time`
        : 'the expression took more than 64 MB of memory';
    case 'suspended':
      return `the expression repeatedly exceeded its time or memory limit and is suspended for ${Math.ceil(why.retryAfterMs / 1000)} s`;
    case 'unusable':
      return `the expression cannot run: ${why.message}`;
  }
}
