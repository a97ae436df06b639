import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { BodyLines } from '../contract/operation.ts';
import { maxNesting } from '../contract/limits.ts';
import { maxReconcileBytes } from '../contract/reconcile.ts';
import { PosthornError } from '../domain/errors.ts';
import { nestsDeeper } from '../service/raw-json.ts';

/** Maximum length of one line: an object with much besides the id. */
const maxLineBytes = 16 * 1024;
const lineFeed = 0x0a;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The lines of a body, while it is read. */
class LineBody implements AsyncIterable<readonly unknown[]> {
  readonly #read: () => AsyncGenerator<readonly unknown[]>;
  constructor(read: () => AsyncGenerator<readonly unknown[]>) {
    this.#read = read;
  }
  [Symbol.asyncIterator](): AsyncGenerator<readonly unknown[]> {
    return this.#read();
  }
}

export function isLineBody(body: unknown): body is BodyLines<unknown> {
  return body instanceof LineBody;
}

/**
 * A body of JSON lines, read at the pace of its consumer: what has arrived and was not consumed waits in the
 * connection, so that a body of any length takes only the memory of a chunk.
 */
export function lineBody(
  { headers }: Pick<FastifyRequest, 'headers'>,
  payload: IncomingMessage,
  begin: () => void,
): BodyLines<unknown> {
  const length = Number(headers['content-length'] ?? 0);
  if (length > maxReconcileBytes) throw tooLarge(`body is larger than ${maxReconcileBytes}`);
  return new LineBody(() => {
    begin();
    return linesOf(payload);
  });
}

async function* linesOf(payload: IncomingMessage): AsyncGenerator<readonly unknown[]> {
  let number = 0;
  let total = 0;
  let rest: Buffer = Buffer.alloc(0);
  const valuesOf = (bytes: Buffer): unknown[] =>
    decodeLine(bytes, number + 1)
      .split('\n')
      .flatMap((text) => {
        number++;
        return text.trim() === '' ? [] : [parseLine(text, number)];
      });
  try {
    // If the caller ends before the body does, the connection is left to the response.
    const chunks = payload.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of chunks) {
      total += chunk.length;
      if (total > maxReconcileBytes) throw tooLarge(`body is larger than ${maxReconcileBytes}`);
      const end = chunk.lastIndexOf(lineFeed);
      const whole = end < 0 ? Buffer.alloc(0) : Buffer.concat([rest, chunk.subarray(0, end)]);
      rest = end < 0 ? Buffer.concat([rest, chunk]) : chunk.subarray(end + 1);
      if (rest.length > maxLineBytes) throw tooLarge(`line is longer than ${maxLineBytes}`);
      if (end >= 0) yield valuesOf(whole);
    }
  } catch (error) {
    if (error instanceof PosthornError) throw error;
    throw new PosthornError('bad_request', 'The request body ended before it was complete.');
  }
  if (rest.length > 0) yield valuesOf(rest);
}

const tooLarge = (what: string): PosthornError =>
  new PosthornError('too_large', `The request's ${what} bytes.`);

function decodeLine(bytes: Buffer, line: number): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new PosthornError('invalid_utf8', `the body is not UTF-8 (at line ${line} or after it)`);
  }
}

function parseLine(text: string, line: number): unknown {
  if (nestsDeeper(text, maxNesting))
    throw new PosthornError('too_deep', `line ${line} is nested deeper than ${maxNesting} levels`);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new PosthornError('invalid_json', `line ${line} is not JSON: an id is a text in quotes`);
  }
}
