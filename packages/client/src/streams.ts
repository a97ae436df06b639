import type { OpenAnswer } from './connection.ts';
import { ApiError } from './errors.ts';
import { fromWire, matchesShape, type Shape, toWire } from './shape.ts';
import type { LineSource } from './resources.ts';

/** A longer line or event is not from Posthorn. */
const maxLineLength = 16 * 1024 * 1024;

/** The lines of an answer, without their line endings. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!;
    if (rest.length > maxLineLength) throw garbled('a line that does not end');
    yield* lines;
  }
  if (rest !== '') yield rest;
}

const garbled = (what: string, requestId: string | null = null): ApiError =>
  new ApiError(200, 'garbled', `the answer contains ${what}; check the URL`, { requestId });

function parseJson(text: string, requestId: string | null): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw garbled('a line that is not JSON', requestId);
  }
}

/** The messages of a stream of server-sent events, which ends only with an error or when its reader stops. */
export async function* messagesOf(
  answer: OpenAnswer,
  shapes: Readonly<Record<string, Shape>>,
): AsyncGenerator {
  if (!answer.contentType.startsWith('text/event-stream')) throw garbled('another type', answer.requestId);
  let fields: { id?: string; event?: string; data?: string } = {};
  for await (const line of linesOf(answer.chunks())) {
    if (line === '') {
      const { id = null, event, data } = fields;
      fields = {};
      if (event === undefined || data === undefined) continue;
      // Later versions may send messages that this one does not know.
      const shape = Object.hasOwn(shapes, event) ? shapes[event] : undefined;
      if (shape === undefined) continue;
      const message = { event, id, data: parseJson(data, answer.requestId) };
      if (!matchesShape(shape, message)) throw garbled('a message of another form', answer.requestId);
      yield fromWire(shape, message);
      continue;
    }
    const [, name, value] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    if (name === 'id' || name === 'event' || name === 'data') fields[name] = value ?? '';
  }
  throw new ApiError(0, 'cut', 'the server has ended the stream', { requestId: answer.requestId });
}

/** The lines of an answer that ends with its last one. */
export async function* answerLinesOf(answer: OpenAnswer, shape: Shape): AsyncGenerator {
  if (!answer.contentType.startsWith('application/x-ndjson')) throw garbled('another type', answer.requestId);
  for await (const line of linesOf(answer.chunks())) {
    const value = parseJson(line, answer.requestId);
    if (!matchesShape(shape, value)) throw garbled('a line of another form', answer.requestId);
    yield fromWire(shape, value);
  }
}

/** Characters per part of a body. */
const partLength = 64 * 1024;

/** A line body, produced as it is sent. */
export function lineBody(lines: LineSource, shape: Shape): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const iterator = Symbol.asyncIterator in lines ? lines[Symbol.asyncIterator]() : lines[Symbol.iterator]();
  return new ReadableStream({
    pull: async (controller) => {
      let part = '';
      while (part.length < partLength) {
        const next = await iterator.next();
        if (next.done === true) {
          if (part !== '') controller.enqueue(encoder.encode(part));
          controller.close();
          return;
        }
        part += `${JSON.stringify(toWire(shape, next.value))}\n`;
      }
      controller.enqueue(encoder.encode(part));
    },
    cancel: async () => void (await iterator.return?.()),
  });
}
