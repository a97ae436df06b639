import { parentPort, workerData } from 'node:worker_threads';
import { compiledSchema, schemaFault } from './compiled-schema.ts';
import { lowerThread } from './low-priority.ts';
import type { TextsOfSchema, ThreadAnswer, ThreadMessage, ThreadRequest, Verdict } from './protocol.ts';

/** Schemas that a thread keeps compiled: the least recently used goes first. */
const maxSchemas = 200;

const port = parentPort!;
const known = new Map<string, ReturnType<typeof compiledSchema>>();

function prepare(hash: string, schema: string): ThreadAnswer {
  const compiled = compiledSchema(schema);
  if (known.size >= maxSchemas) known.delete(known.keys().next().value!);
  known.set(hash, compiled);
  return { kind: 'prepared' };
}

function verdicts({ hash, texts }: TextsOfSchema): readonly Verdict[] | string {
  const compiled = known.get(hash)!;
  // Now the last to go.
  known.delete(hash);
  known.set(hash, compiled);
  try {
    return texts.map((text) => compiled.verdict(text));
  } catch (error) {
    return (error as Error).message.slice(0, 200);
  }
}

function validate(parts: readonly TextsOfSchema[]): ThreadAnswer {
  const missing = parts.find(({ hash }) => !known.has(hash));
  if (missing !== undefined) return { kind: 'missing', hash: missing.hash };
  return { kind: 'validated', parts: parts.map(verdicts) };
}

function answerTo(request: ThreadRequest): ThreadAnswer {
  try {
    if (request.kind === 'inspect') return { kind: 'inspected', fault: schemaFault(request.schema) };
    if (request.kind === 'prepare') return prepare(request.hash, request.schema);
    return validate(request.parts);
  } catch (error) {
    return { kind: 'unusable', message: (error as Error).message.slice(0, 200) };
  }
}

function send(answer: ThreadAnswer): void {
  const { user, system } = process.threadCpuUsage();
  port.postMessage({ answer, cpuMs: (user + system) / 1000 } satisfies ThreadMessage);
}

port.on('message', (request: ThreadRequest) => send(answerTo(request)));
// Not before everything is loaded, which would take seconds on a machine with too much to do.
if ((workerData as { lowPriority: boolean }).lowPriority) lowerThread();
send({ kind: 'ready' });
