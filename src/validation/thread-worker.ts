import { parentPort } from 'node:worker_threads';
import { compiledSchema, schemaFault } from './compiled-schema.ts';
import type { ThreadAnswer, ThreadMessage, ThreadRequest } from './protocol.ts';

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

function validate(hash: string, texts: readonly string[]): ThreadAnswer {
  const compiled = known.get(hash);
  if (compiled === undefined) return { kind: 'missing' };
  // Now the last to go.
  known.delete(hash);
  known.set(hash, compiled);
  return { kind: 'validated', verdicts: texts.map((text) => compiled.verdict(text)) };
}

function answerTo(request: ThreadRequest): ThreadAnswer {
  try {
    if (request.kind === 'inspect') return { kind: 'inspected', fault: schemaFault(request.schema) };
    if (request.kind === 'prepare') return prepare(request.hash, request.schema);
    return validate(request.hash, request.texts);
  } catch (error) {
    return { kind: 'unusable', message: (error as Error).message.slice(0, 200) };
  }
}

function send(answer: ThreadAnswer): void {
  const { user, system } = process.threadCpuUsage();
  port.postMessage({ answer, cpuMs: (user + system) / 1000 } satisfies ThreadMessage);
}

port.on('message', (request: ThreadRequest) => send(answerTo(request)));
send({ kind: 'ready' });
