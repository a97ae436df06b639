import { type Answer, jsonFrom } from './connection.ts';
import { ApiError } from './errors.ts';
import type { Operation } from './operation.ts';
import { camelPointer, fromWire, isOf, type Shape, toWire } from './shape.ts';

type Values = Readonly<Record<string, unknown>>;

/** A call's input as the wire has it: the members that its query has, and the others. */
export interface WireInput {
  readonly query: Values;
  readonly body: unknown;
}

/** Parts a call's input into query and body. */
export function wireInput({ query, body }: Operation, input: object = {}): WireInput {
  if (query === undefined) return { query: {}, body: body === undefined ? undefined : toWire(body, input) };
  const inQuery = (name: string): boolean => body === undefined || query.members!.byCamel.has(name);
  const part = (inPart: (name: string) => boolean): Values =>
    Object.fromEntries(Object.entries(input).filter(([name]) => inPart(name)));
  return {
    query: toWire(query, part(inQuery)) as Values,
    body:
      body === undefined
        ? undefined
        : toWire(
            body,
            part((name) => !inQuery(name)),
          ),
  };
}

/** The value of a parameter of the query; several make the parameter appear as often. */
function queryText(query: Values): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value])
      if (one !== undefined && one !== null)
        parameters.append(name, typeof one === 'string' ? one : JSON.stringify(one));
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

/** The URL and the body that a call sends. */
export function encoded(
  operation: Operation,
  params: readonly string[],
  input: object | undefined,
): { readonly path: string; readonly body: string | null } {
  let index = 0;
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value: unknown = params[index++];
    // A URL has other meanings for these, however they are encoded.
    if (typeof value !== 'string' || value === '' || value === '.' || value === '..')
      throw new TypeError(`${name} must be a text that can stand in a URL; it is ${JSON.stringify(value)}`);
    return encodeURIComponent(value.toWellFormed());
  });
  const { query, body } = wireInput(operation, input);
  return { path: path + queryText(query), body: body === undefined ? null : JSON.stringify(body) };
}

/** What a call resolves with. Rejects an answer that is not of this operation (G5). */
export function decoded({ method, path, answer: shape }: Operation, answer: Answer, base: string): unknown {
  if (shape === undefined) return undefined;
  if (shape === 'text') return answer.text;
  const value = jsonFrom(answer, base);
  if (!isOf(shape, value))
    throw new ApiError(
      answer.status,
      'garbled',
      `the answer to ${method} ${path} is not one of this version of Posthorn; is the URL right?`,
      { requestId: answer.requestId },
    );
  return fromWire(shape, value);
}

/** A fault's path in the names that the caller wrote. */
export function callersPath({ query, body }: Operation, path: string): string {
  const first = path.split('/')[1] ?? '';
  const shape = [query, body].find((its): its is Shape => its?.members?.byWire.has(first) === true) ?? body;
  return shape === undefined ? path : camelPointer(shape, path);
}

/** The same error, whose paths are in the names that the caller wrote. */
export function withCallersNames(operation: Operation, error: ApiError): ApiError {
  const { status, code, message, errors, requestId, retryAfterS } = error;
  if (errors.length === 0) return error;
  const renamed = errors.map(({ path, message: its }) => ({
    path: callersPath(operation, path),
    message: its,
  }));
  const [first] = errors;
  return new ApiError(
    status,
    code,
    // A message that begins with the first fault's path names it by the same name.
    message.startsWith(first!.path) ? renamed[0]!.path + message.slice(first!.path.length) : message,
    { errors: renamed, requestId, retryAfterS },
  );
}
