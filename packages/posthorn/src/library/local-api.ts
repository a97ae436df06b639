import {
  type Api,
  callersNames,
  createApi,
  fromWire,
  type Operation as ClientOperation,
  type OperationId,
  operations,
  queryValues,
  toWire,
  wireInput,
} from '@posthorn/client/operations';
import { parseRequest } from '../contract/parse.ts';
import { table } from '../contract/table.ts';
import { libraryCaller } from '../domain/caller.ts';
import { PosthornError } from '../domain/errors.ts';
import { toPosthornError } from '../service/errors.ts';
import { type Call, type Handlers, Lines, Reply, Stream } from '../service/handler.ts';
import type { Message } from '../service/stream/topics.ts';
import { messagesOf } from './messages.ts';

/** A library call carries nothing besides its input. */
export const localCall: Call = {
  caller: libraryCaller,
  from: null,
  requestId: null,
  trace: null,
  text: null,
  idempotencyKey: null,
  acceptsLines: false,
  credential: () => null,
};

/**
 * Every operation as a method that runs its use case here, without HTTP: the same names and types as the client's,
 * camelCase in and out. Rejects with `PosthornError`. Each waits for `ready`, which is null once nothing is left to
 * wait for. `call` names the caller, unless that is the application.
 */
export function createLocalApi(
  handlers: Handlers,
  ready: () => Promise<void> | null,
  call: Call = localCall,
): Api<never> {
  const resultOf = async (id: OperationId, start: () => Promise<unknown>): Promise<unknown> => {
    try {
      const wait = ready();
      if (wait !== null) await wait;
      return await start();
    } catch (error) {
      throw callersError(id, error);
    }
  };
  return createApi<never>(
    async (id, params, input) =>
      await resultOf(id, async () => toAnswer(operations[id], await run(handlers, id, params, input, call))),
    async function* (id, params, input, lines) {
      const operation = operations[id];
      const result = await resultOf(id, () =>
        lines === null
          ? run(handlers, id, params, input, call)
          : runLines(handlers, id, input, partsOf(lines, operation), call),
      );
      if (result instanceof Stream)
        for await (const message of messagesOf(result as Stream<Message>))
          yield fromWire(operation.messages![message.event]!, message);
      if (result instanceof Lines)
        for await (const part of result.lines)
          for (const line of part) yield fromWire(operation.lines!.answer, line);
    },
  );
}

/** Starts one operation in its line-by-line form. */
function runLines(
  handlers: Handlers,
  id: OperationId,
  input: object | undefined,
  lines: AsyncIterable<readonly unknown[]>,
  call: Call,
): Promise<unknown> {
  const query = toWire(operations[id].lines!.query, input ?? {}) as Readonly<Record<string, unknown>>;
  const request = parseRequest(table[id], {
    params: undefined,
    query: Object.fromEntries(queryValues(query)),
    body: undefined,
    lines,
  });
  const handle = handlers[id] as (input: unknown, call: Call) => Promise<unknown>;
  return handle(request, { ...call, acceptsLines: true });
}

/** Lines that are handled at a time. */
const partSize = 500;

async function* partsOf(
  lines: Iterable<unknown> | AsyncIterable<unknown>,
  operation: ClientOperation,
): AsyncGenerator<readonly unknown[]> {
  let part: unknown[] = [];
  for await (const line of lines) {
    part.push(toWire(operation.lines!.line, line));
    if (part.length < partSize) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}

/** Starts one operation: its input becomes a request as on the wire, validated as over HTTP. */
function run(
  handlers: Handlers,
  id: OperationId,
  params: readonly string[],
  input: object | undefined,
  call: Call,
): Promise<unknown> {
  const operation = operations[id];
  const { query, body } = wireInput(operation, input);
  const request = parseRequest(table[id], {
    params: params.length === 0 ? undefined : namedParams(operation, params),
    query: query === undefined ? undefined : Object.fromEntries(queryValues(query)),
    body,
  });
  // `Handlers` maps each operation to its handler: here only their names are known.
  const handle = handlers[id] as (input: unknown, call: Call) => Promise<unknown>;
  return handle(request, call);
}

function namedParams({ path }: ClientOperation, values: readonly string[]): Record<string, unknown> {
  return Object.fromEntries([...path.matchAll(/\{(\w+)\}/g)].map(([, name], index) => [name, values[index]]));
}

function toAnswer({ answer: shape }: ClientOperation, result: unknown): unknown {
  const answer: unknown = result instanceof Reply ? result.answer : result;
  if (shape === undefined) return undefined;
  const isText = typeof answer === 'string' || Buffer.isBuffer(answer);
  if (shape === 'text') return String(answer);
  return fromWire(shape, isText ? (JSON.parse(String(answer)) as unknown) : answer);
}

/** Converts the error for the caller: faults use the names the caller wrote. An internal error stays as it is. */
export function callersError(id: OperationId, error: unknown): unknown {
  const known = toPosthornError(error);
  if (known === null) return error;
  if (known.errors.length === 0) return known;
  const { message, errors } = callersNames(operations[id], known);
  return new PosthornError(known.code, message, errors, known.retryAfterS);
}
