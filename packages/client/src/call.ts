import { type Answer, garbled, jsonFrom } from './connection.ts';
import { ApiError, type FieldError } from './errors.ts';
import type { Operation } from './operation.ts';
import { camelPointer, fromWire, matchesShape, toWire } from './shape.ts';

type Values = Readonly<Record<string, unknown>>;

/** A call's input in wire form: the members of its query, and the others. */
export interface WireInput {
  readonly query: Values | undefined;
  readonly body: unknown;
}

/** Splits a call's input into query and body. Members of both go into both. */
export function wireInput({ query, body }: Operation, input: object = {}): WireInput {
  if (query === undefined)
    return { query: undefined, body: body === undefined ? undefined : toWire(body, input) };
  if (body === undefined) return { query: toWire(query, input) as Values, body: undefined };
  const part = (isIn: (name: string) => boolean): Values =>
    Object.fromEntries(Object.entries(input).filter(([name]) => isIn(name)));
  const inQuery = (name: string): boolean => query.members!.byCamel.has(name);
  const inBody = (name: string): boolean => body.members?.byCamel.has(name) === true || !inQuery(name);
  return { query: toWire(query, part(inQuery)) as Values, body: toWire(body, part(inBody)) };
}

/** Each query parameter with its text, or its texts. */
export function queryValues(query: Values): [name: string, value: string | string[]][] {
  const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  return Object.entries(query)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => [name, Array.isArray(value) ? value.map(textOf) : textOf(value)]);
}

/** Several values repeat the parameter. */
function queryText(query: Values = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, values] of queryValues(query))
    for (const value of [values].flat()) parameters.append(name, value);
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
    // In a URL these have other meanings, however they are encoded.
    if (typeof value !== 'string' || value === '' || value === '.' || value === '..')
      throw new ApiError(0, 'invalid_request', `${name} cannot be used in a URL: ${JSON.stringify(value)}`, {
        errors: [{ path: `/${name}`, message: 'cannot be used in a URL' }],
      });
    return encodeURIComponent(value.toWellFormed());
  });
  const { query, body } = wireInput(operation, input);
  return { path: path + queryText(query), body: body === undefined ? null : JSON.stringify(body) };
}

/** The URL of a call in its line form. */
export function linesPath({ path, lines }: Operation, input: object = {}): string {
  return path + queryText(toWire(lines!.query, input) as Values);
}

/** The result of a call. Rejects an answer that is not of this operation (G5). */
export function decoded({ method, path, answer: shape }: Operation, answer: Answer, base: string): unknown {
  if (shape === 'text') return answer.text;
  if (shape === undefined) {
    // A proxy's page says nothing of what was asked for.
    if (answer.text !== '') throw garbled(answer, base);
    return undefined;
  }
  const value = jsonFrom(answer, base);
  if (!matchesShape(shape, value))
    throw new ApiError(
      answer.status,
      'garbled',
      `the answer to ${method} ${path} is not from this version of Posthorn; check the URL`,
      { requestId: answer.requestId },
    );
  return fromWire(shape, value);
}

/** The faults of a call's input, in the names that its caller wrote. */
export function callersNames(
  { query, body }: Pick<Operation, 'query' | 'body'>,
  { message, errors }: { readonly message: string; readonly errors: readonly FieldError[] },
): { readonly message: string; readonly errors: readonly FieldError[] } {
  const renamed = errors.map(({ path, message: its }) => {
    const name = path.split('/')[1] ?? '';
    const shape = [query, body].find((part) => part?.members?.byWire.has(name) === true) ?? body;
    return { path: shape === undefined ? path : camelPointer(shape, path), message: its };
  });
  const [first] = errors;
  if (first === undefined || !message.startsWith(first.path)) return { message, errors: renamed };
  // A message that begins with the first fault's path uses the same name.
  return { message: renamed[0]!.path + message.slice(first.path.length), errors: renamed };
}
