import { parentPort, workerData } from 'node:worker_threads';
import { lowerHelpers, lowerThread } from './low-priority.ts';
import type {
  PartAnswer,
  Program,
  TextsOfProgram,
  ThreadAnswer,
  ThreadMessage,
  ThreadRequest,
} from './protocol.ts';

/** Programs that a thread keeps compiled: the least recently used goes first. */
const maxPrograms = 200;

/** What a kind of program is to a thread. Everything takes as long as the program wants: the pool ends the thread. */
export interface Language<R> {
  /** Why a program cannot be declared, or null. */
  inspect(program: string): string | null;
  /** Throws if it is not one. */
  compile(program: string): CompiledProgram<R>;
}

/** Runs on a text; throws `LimitError` if it stops by itself after so much processor time. */
export type CompiledProgram<R> = (text: string, limitMs: number) => R | Promise<R>;

export class LimitError extends Error {
  override readonly name = 'LimitError';
}

/** Answers the requests of a pool, one after the other: in a thread or a process, whichever this is. */
export function serve<R>({ inspect, compile }: Language<R>): void {
  const known = new Map<string, CompiledProgram<R>>();

  const prepare = ({ hash, text }: Program): ThreadAnswer<R> => {
    const compiled = compile(text);
    if (known.size >= maxPrograms) known.delete(known.keys().next().value!);
    known.set(hash, compiled);
    return { kind: 'prepared' };
  };

  const runPart = async ({ hash, texts }: TextsOfProgram, limitMs: number): Promise<PartAnswer<R>> => {
    const run = known.get(hash)!;
    // Now the last to go.
    known.delete(hash);
    known.set(hash, run);
    try {
      const results: R[] = [];
      for (const text of texts) results.push(await run(text, limitMs));
      return { kind: 'done', results };
    } catch (error) {
      if (error instanceof LimitError) return { kind: 'exceeded' };
      return { kind: 'unusable', message: (error as Error).message.slice(0, 200) };
    }
  };

  const run = async (parts: readonly TextsOfProgram[], limitMs: number): Promise<ThreadAnswer<R>> => {
    const missing = parts.find(({ hash }) => !known.has(hash));
    if (missing !== undefined) return { kind: 'missing', hash: missing.hash };
    const answers: PartAnswer<R>[] = [];
    for (const part of parts) answers.push(await runPart(part, limitMs));
    return { kind: 'ran', parts: answers };
  };

  const answerTo = async (request: ThreadRequest): Promise<ThreadAnswer<R>> => {
    try {
      if (request.kind === 'inspect') return { kind: 'inspected', fault: inspect(request.program) };
      if (request.kind === 'prepare') return prepare(request.program);
      return await run(request.parts, request.limitMs);
    } catch (error) {
      return { kind: 'unusable', message: (error as Error).message.slice(0, 200) };
    }
  };

  const send = (answer: ThreadAnswer<R>): void => {
    const { user, system } = process.threadCpuUsage();
    const message: ThreadMessage<R> = { answer, cpuMs: (user + system) / 1000 };
    if (parentPort === null) process.send!(message);
    else parentPort.postMessage(message);
  };
  const receive = (request: ThreadRequest): void => void answerTo(request).then(send);

  // Lowered not before everything is loaded, which would take seconds on a machine with too much to do.
  if (parentPort === null) {
    process.on('message', receive);
    process.on('disconnect', () => process.exit());
    if (process.argv.includes('--low-priority')) {
      lowerThread();
      lowerHelpers();
    }
  } else {
    parentPort.on('message', receive);
    if ((workerData as { lowPriority: boolean }).lowPriority) lowerThread();
  }
  send({ kind: 'ready' });
}
